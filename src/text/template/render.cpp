#include "text/template/render.h"

#include <fmt/format.h>

#include "text/template/node.h"

namespace text::jinja {

const Value* Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
    for (const auto& [known, value] : scope->names_) {
      if (known == name) return &value;
    }
  }
  return nullptr;
}

void Scope::set(std::string_view name, Value value) {
  for (auto& [known, old] : names_) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  names_.emplace_back(name, std::move(value));
}

Value text_of(Render& render, std::string text) {
  render.string(text.size());
  return text;
}

void Render::too_much(std::string_view what, std::size_t limit) const {
  throw base::Error(base::Fault::bad_input, "chat template: it goes beyond a limit")
      .at("limit", fmt::format("{} {}", limit, what))
      .hint("a loop or a macro of the template does not end");
}

}  // namespace text::jinja
