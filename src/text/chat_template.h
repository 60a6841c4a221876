// Chat templates: the Jinja texts that models carry, rendered without any access to the outside.
#pragma once

#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "text/template/render.h"

namespace text {

/// A parsed template. Immutable, shared freely between threads. Knows the subset of Jinja that
/// published chat templates use (docs/templates.md); its tables: text/template/{filters,is_tests,
/// methods,functions}.cpp.
class ChatTemplate {
 public:
  /// Throws Fault::bad_input with the line for a mistake in the template, and for one of more than
  /// 1 MiB; Fault::unsupported for a statement that chat templates do not have.
  explicit ChatTemplate(std::string_view source);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  /// Renders with the variables of `context`, an object: messages, tools, add_generation_prompt,
  /// bos_token and whatever else the template asks for. `now` is what strftime_now() tells. Throws
  /// Fault::bad_input for what the template refuses (raise_exception: its very words), for values
  /// it cannot handle, and for a template that does more than `limits` allow; with the line.
  /// Fault::interrupted if `stop`, when given, is requested meanwhile.
  std::string render(const nlohmann::ordered_json& context, const std::tm& now,
                     const jinja::Limits& limits = {}, const base::StopFlag* stop = nullptr) const;

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace text
