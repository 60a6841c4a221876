#include "text/chat_format.h"

#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "text/builtin_formats.h"
#include "text/template/value.h"

namespace text {
namespace {

using Json = nlohmann::ordered_json;

/// The text of BOS or EOS, if the file names it by `key`. What the kind of the vocabulary has by
/// default counts too, but not for "gpt2": its token 11 is a word (docs/spec/tokenizers.md 1.4).
std::optional<std::string> named_token(const gguf::Metadata& metadata, const Tokenizer& tokenizer,
                                       std::string_view key, TokenId id) {
  const bool by_default = metadata.string("tokenizer.ggml.model") != "gpt2";
  if (id < 0 || (!by_default && metadata.integer(key) != id)) return std::nullopt;
  return std::string(tokenizer.stored_text(id));
}

Json message(std::string_view role, Json content) {
  return {{"role", role}, {"content", std::move(content)}};
}

Json as_parts(const Json& content) {
  if (!content.is_string()) return content;
  return Json::array({{{"type", "text"}, {"text", content}}});
}

/// What was found, short enough for a message.
std::string excerpt(const Json& value) {
  constexpr std::size_t kMost = 200;
  const std::string all = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  return all.size() <= kMost ? all : all.substr(0, kMost) + "...";
}

/// Whether `object` is an object whose member `name` is a string.
bool has_text(const Json& object, std::string_view name) {
  return object.is_object() && object.contains(name) && object.at(name).is_string();
}

/// Text parts joined with line feeds.
Json as_text(const Json& content) {
  if (content.is_string()) return content;
  if (!content.is_array()) {
    throw base::Error(base::Fault::bad_input, "the content of a message is not text")
        .at("found", excerpt(content))
        .expected("a string, null or a list of parts");
  }
  std::string joined;
  for (const Json& part : content) {
    if (!has_text(part, "type") || part.at("type") != "text" || !has_text(part, "text")) {
      throw base::Error(base::Fault::bad_input, "a part of a message is not text")
          .at("found", excerpt(part))
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
  if (!has_text(m, "role")) {
    throw base::Error(base::Fault::bad_input, "a message has no role")
        .at("found", excerpt(m))
        .expected(R"({"role": "user", "content": "..."})");
  }
}

/// The system message moves into the first message of the user. All contents are strings.
void fold_system(Json& messages) {
  if (messages.empty() || messages.front().at("role") != "system") return;
  const std::string system = messages.front().at("content").get<std::string>();
  messages.erase(messages.begin());
  for (Json& m : messages) {
    if (m.at("role") != "user") continue;
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
  constexpr std::string_view kWords = "chat template: ";
  base::Error out(e.fault(), (message.starts_with(kWords) ? "" : std::string(kWords)) + message);
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

/// What rendering a conversation may do. Published templates look at each earlier message for each
/// message (gemma-4: 3,000 messages take more than 20 million steps), so long conversations get
/// more; a template that does not end is stopped all the same.
jinja::Limits limits_for(const Json& messages) {
  constexpr std::size_t kStepsPerByte = 200;
  std::size_t bytes = 0;
  for (const Json& m : messages) {
    const Json& content = m.at("content");
    if (content.is_string()) bytes += content.get_ref<const std::string&>().size();
    if (!content.is_array()) continue;
    for (const Json& part : content) bytes += part.at("text").get_ref<const std::string&>().size();
  }
  jinja::Limits limits;
  limits.steps += bytes * kStepsPerByte;
  return limits;
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
      bos_(named_token(metadata, tokenizer, "tokenizer.ggml.bos_token_id", tokenizer.bos())),
      eos_(named_token(metadata, tokenizer, "tokenizer.ggml.eos_token_id", tokenizer.eos())),
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
    Json variables = {{"messages", messages}, {"add_generation_prompt", true}};
    add_token_texts(variables);
    constexpr jinja::Limits kProbe{.steps = 1'000'000};  // the conversations are small
    return template_.render(variables, some_day(), kProbe, stop_).find(wanted) != std::string::npos;
  } catch (const base::Error& e) {
    if (e.fault() == base::Fault::interrupted) throw;
    return false;
  }
}

void ChatFormat::add_token_texts(Json& variables) const {
  if (bos_) variables["bos_token"] = *bos_;
  if (eos_) variables["eos_token"] = *eos_;
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

Json ChatFormat::context(const ChatRequest& request, Json messages) const {
  Json c = {{"messages", std::move(messages)}};
  add_token_texts(c);
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
  Json messages = adapted(request.messages);
  const jinja::Limits limits = limits_for(messages);
  const Json variables = context(request, std::move(messages));
  try {
    return template_.render(variables, request.now, limits, stop_);
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
  const std::string bos = bos_.value_or("");
  const std::string eos = eos_.value_or("");
  if (tokenizer_.add_bos() && !bos.empty() && text.starts_with(bos)) text.erase(0, bos.size());
  if (tokenizer_.add_eos() && !eos.empty() && text.ends_with(eos)) {
    text.erase(text.size() - eos.size());
  }
  return tokenizer_.encode(text, {.add_special = true, .parse_special = true});
}

}  // namespace text
