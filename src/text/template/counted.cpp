#include "text/template/counted.h"

#include "text/template/node.h"
#include "text/template/strings.h"

namespace text::jinja {

Value stripped(Render& render, std::string_view text, const std::optional<std::string>& set,
               bool left, bool right) {
  // Each character may be compared with all of the set.
  const std::size_t compared = set ? set->size() / 8 : 0;
  render.step((1 + text.size() / 8) * (1 + compared));
  const std::optional<std::string_view> view =
      set ? std::optional<std::string_view>(*set) : std::nullopt;
  return text_of(render, std::string(strip(text, view, left, right)));
}

std::string replaced(Render& render, std::string_view text, std::string_view from,
                     std::string_view to, std::int64_t limit) {
  render.look(text.size() + from.size());
  render.string(0);
  std::string out;
  replace(text, from, to, limit, [&](std::string_view part) { render.append(out, part); });
  return out;
}

}  // namespace text::jinja
