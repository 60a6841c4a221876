#include "text/chat_template.h"

#include "text/template/json.h"
#include "text/template/node.h"
#include "text/template/parser.h"

namespace text {

struct ChatTemplate::Parsed {
  jinja::Body body;
};

namespace {

/// Published templates are below 32 KiB; what is parsed takes up to fifty times the text.
jinja::Body parsed_within_bounds(std::string_view source) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  if (source.size() > kMaxBytes) {
    throw base::Error(base::Fault::bad_input, "the chat template is too long")
        .at("found", std::to_string(source.size()) + " bytes")
        .expected("at most " + std::to_string(kMaxBytes));
  }
  return jinja::parse_template(source);
}

}  // namespace

ChatTemplate::ChatTemplate(std::string_view source)
    : parsed_(std::make_unique<Parsed>(Parsed{parsed_within_bounds(source)})) {}
ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const nlohmann::ordered_json& context, const std::tm& now,
                                 const jinja::Limits& limits, const base::StopFlag* stop) const {
  if (!context.is_object()) {
    throw base::Error(base::Fault::bad_input, "a template's variables must be a JSON object");
  }
  jinja::Render render(limits, now, stop);
  jinja::add_functions(render.top());
  for (const auto& [name, value] : context.items()) {
    render.top().set(name, jinja::from_json(value));
  }
  jinja::run_body(parsed_->body, render);
  return render.take_output();
}

}  // namespace text
