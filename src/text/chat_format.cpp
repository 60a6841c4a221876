#include "text/chat_format.h"

#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "text/builtin_formats.h"
#include "text/template/value.h"

namespace text {
namespace {

using Json = nlohmann::ordered_json;

std::string token_text(const Tokenizer& tokenizer, TokenId id) {
  return id < 0 ? std::string() : std::string(tokenizer.stored_text(id));
}

Json message(std::string_view role, Json content) {
  return {{"role", role}, {"content", std::move(content)}};
}

Json as_parts(const Json& content) {
  if (!content.is_string()) return content;
  return Json::array({{{"type", "text"}, {"text", content}}});
}

/// Text parts joined with line feeds.
Json as_text(const Json& content) {
  if (!content.is_array()) return content;
  std::string joined;
  for (const Json& part : content) {
    if (!part.is_object() || part.value("type", "") != "text" || !part.contains("text") ||
        !part.at("text").is_string()) {
      throw base::Error(base::Fault::bad_input, "a part of a message is not text")
          .at("found", part.dump())
          .expected(R"({"type": "text", "text": "..."})");
    }
    if (!joined.empty()) joined += '\n';
    joined += part.at("text").get<std::string>();
  }
  return joined;
}

std::tm some_day() {
  std::tm day{};
  day.tm_mday = 1;
  day.tm_year = 100;
  return day;
}

void check_message(const Json& m) {
  if (!m.is_object() || !m.contains("role") || !m.at("role").is_string()) {
    throw base::Error(base::Fault::bad_input, "a message has no role")
        .at("found", m.dump())
        .expected(R"({"role": "user", "content": "..."})");
  }
}

/// The system message moves into the first message of the user.
void fold_system(Json& messages) {
  if (messages.empty() || messages.front().at("role") != "system") return;
  const std::string system = messages.front().value("content", "");
  messages.erase(messages.begin());
  for (Json& m : messages) {
    if (m.at("role") != "user" || !m.contains("content") || !m.at("content").is_string()) continue;
    m.at("content") = system + "\n\n" + m.at("content").get<std::string>();
    return;
  }
  messages.insert(messages.begin(), message("user", system));
}

std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    words.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(list.size(), end + 1));
  }
  return words;
}

/// The same error, as one of a template.
base::Error of_template(const base::Error& e, const std::string& message,
                        const std::string& called) {
  base::Error out(e.fault(), "chat template: " + message);
  for (const auto& [key, value] : e.facts()) out.at(key, value);
  out.at("template", called);
  if (!e.hint_text().empty()) out.hint(e.hint_text());
  return out;
}

ChatTemplate parse(const std::string& source, const std::string& called) {
  try {
    return ChatTemplate(source);
  } catch (const base::Error& e) {
    throw of_template(e, e.message(), called);
  }
}

}  // namespace

std::string ChatFormat::choose(const gguf::Metadata& metadata, std::string_view given,
                               std::string_view called) {
  const BuiltInFormat* built_in = nullptr;
  if (!given.empty()) {
    called_ = called;
    built_in = find_builtin_format(given);
    if (built_in == nullptr && !looks_like_template(given)) {
      throw base::Error(base::Fault::bad_input, "this is no chat template")
          .at("template", called_)
          .at("found", base::printable(given, 60))
          .expected("Jinja ({{ or {% somewhere), or one of " + builtin_format_names());
    }
    if (built_in == nullptr) return std::string(given);
  } else {
    const auto own = metadata.string("tokenizer.chat_template");
    if (own && looks_like_template(*own)) {
      origin_ = Origin::model;
      called_ = "the model's own";
      return std::string(*own);
    }
    built_in = builtin_format_of(tokenizer_);
    origin_ = built_in != nullptr ? Origin::vocabulary : Origin::fallback;
    if (built_in == nullptr) built_in = find_builtin_format("chatml");
  }
  name_ = built_in->name;
  called_ = std::string(name_) + ", built in";
  stops_ = words_of(built_in->stops);
  return std::string(built_in->source);
}

ChatFormat::ChatFormat(const gguf::Metadata& metadata, const Tokenizer& tokenizer,
                       std::string_view source, const base::StopFlag* stop, std::string_view called)
    : tokenizer_(tokenizer),
      stop_(stop),
      source_(choose(metadata, source, called)),
      template_(parse(source_, called_)) {
  // What a template can do is found out by rendering small conversations.
  const std::string probe = "qzprobe";
  wants_parts_ = !shows(Json::array({message("user", probe)}), probe) &&
                 shows(Json::array({message("user", as_parts(probe))}), probe);
  const auto with = [&](std::string_view role) {
    const Json content = wants_parts_ ? as_parts(probe) : Json(probe);
    const Json hello = wants_parts_ ? as_parts("hello") : Json("hello");
    return shows(Json::array({message(role, content), message("user", hello)}), probe);
  };
  knows_system_ = with("system");
  knows_developer_ = source_.find("developer") != std::string::npos && with("developer");
}

bool ChatFormat::shows(const Json& messages, std::string_view wanted) const {
  try {
    const Json variables = {{"messages", messages},
                            {"add_generation_prompt", true},
                            {"bos_token", token_text(tokenizer_, tokenizer_.bos())},
                            {"eos_token", token_text(tokenizer_, tokenizer_.eos())}};
    constexpr jinja::Limits kProbe{.steps = 1'000'000};  // the conversations are small
    return template_.render(variables, some_day(), kProbe, stop_).find(wanted) != std::string::npos;
  } catch (const base::Error& e) {
    if (e.fault() == base::Fault::interrupted) throw;
    return false;
  }
}

Json ChatFormat::adapted(const Json& messages) const {
  if (!messages.is_array()) {
    throw base::Error(base::Fault::bad_input, "messages must be a list");
  }
  Json out = messages;
  for (Json& m : out) {
    check_message(m);
    if (m.at("role") == "developer" && !knows_developer_) m.at("role") = "system";
    if (!m.contains("content") || m.at("content").is_null()) m["content"] = "";
    m.at("content") = as_text(m.at("content"));
  }
  if (!knows_system_) fold_system(out);
  if (wants_parts_) {
    for (Json& m : out) m.at("content") = as_parts(m.at("content"));
  }
  return out;
}

Json ChatFormat::context(const ChatRequest& request) const {
  Json c = {{"messages", adapted(request.messages)},
            {"bos_token", token_text(tokenizer_, tokenizer_.bos())},
            {"eos_token", token_text(tokenizer_, tokenizer_.eos())}};
  if (request.add_generation_prompt) c["add_generation_prompt"] = true;
  if (!request.tools.is_null()) c["tools"] = request.tools;
  if (request.thinking != Thinking::automatic) {
    c["enable_thinking"] = request.thinking == Thinking::on;
  } else if (has_thinking_switch()) {
    c["enable_thinking"] = true;
  }
  for (const auto& [name, value] : request.variables.items()) c[name] = value;
  return c;
}

std::string ChatFormat::render(const ChatRequest& request) const {
  const Json variables = context(request);
  try {
    return template_.render(variables, request.now, {}, stop_);
  } catch (const jinja::Refusal& e) {
    throw of_template(e, "it refuses the conversation: " + e.message(), called_);
  } catch (const base::Error& e) {
    if (e.fault() == base::Fault::interrupted) throw;
    throw of_template(e, e.message(), called_);
  }
}

bool ChatFormat::has_thinking_switch() const noexcept {
  return source_.find("enable_thinking") != std::string::npos;
}

std::vector<TokenId> ChatFormat::encode(const ChatRequest& request) const {
  std::string text = render(request);
  const std::string bos = token_text(tokenizer_, tokenizer_.bos());
  const std::string eos = token_text(tokenizer_, tokenizer_.eos());
  if (tokenizer_.add_bos() && !bos.empty() && text.starts_with(bos)) text.erase(0, bos.size());
  if (tokenizer_.add_eos() && !eos.empty() && text.ends_with(eos)) {
    text.erase(text.size() - eos.size());
  }
  return tokenizer_.encode(text, {.add_special = true, .parse_special = true});
}

}  // namespace text
