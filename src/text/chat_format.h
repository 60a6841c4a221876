// From messages to token ids: a model's chat template with what it lacks made up for, and the rules
// that keep a prompt from starting with two BOS. Source: docs/spec/server.md 9.
#pragma once

#include <ctime>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace text {

enum class Thinking : std::uint8_t { automatic, on, off };

struct ChatRequest {
  /// Objects with "role" and "content" (a string, null, or a list of {"type": "text", "text"}).
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools = {};  ///< null: none
  bool add_generation_prompt = true;
  Thinking thinking = Thinking::automatic;
  /// An object; its members become template variables, over all others.
  nlohmann::ordered_json variables = nlohmann::ordered_json::object();
  std::tm now = {};  ///< what strftime_now() tells
};

/// The format of one model's conversations. Immutable; the tokenizer must outlive it.
class ChatFormat {
 public:
  /// Where the template comes from.
  enum class Origin : std::uint8_t {
    given,
    model,       ///< tokenizer.chat_template
    vocabulary,  ///< the built-in one whose tokens the vocabulary has
    fallback,    ///< ChatML, for want of anything better
  };

  /// Template: `source` (its text, or the name of a built-in one), else tokenizer.chat_template,
  /// else by the vocabulary, else ChatML. Throws Fault::bad_input for a template that cannot be
  /// parsed and for a `source` that is neither Jinja nor a name. `stop`, if given, ends every
  /// rendering with Fault::interrupted and must outlive this. `called`: what messages call
  /// `source`.
  ChatFormat(const gguf::Metadata& metadata, const Tokenizer& tokenizer,
             std::string_view source = {}, const base::StopFlag* stop = nullptr,
             std::string_view called = "the one given");

  /// Text of a conversation. Throws Fault::bad_input for messages that the template refuses or
  /// fails on, saying which template it is, and for a template that does more than jinja::Limits
  /// allow, of which long messages raise the steps.
  std::string render(const ChatRequest& request) const;
  /// Its tokens: special tokens are recognised, BOS and EOS are there once.
  std::vector<TokenId> encode(const ChatRequest& request) const;

  const std::string& source() const noexcept { return source_; }
  Origin origin() const noexcept { return origin_; }
  bool from_model() const noexcept { return origin_ == Origin::model; }
  /// Of a built-in template; empty for others.
  std::string_view name() const noexcept { return name_; }
  /// Texts that end a reply in the format of a built-in template.
  const std::vector<std::string>& stops() const noexcept { return stops_; }
  /// Whether the template asks whether the model is to think.
  bool has_thinking_switch() const noexcept;
  /// False: a system message goes in front of the first message of the user.
  bool knows_system() const noexcept { return knows_system_; }

 private:
  nlohmann::ordered_json adapted(const nlohmann::ordered_json& messages) const;
  /// bos_token and eos_token, where there are such.
  void add_token_texts(nlohmann::ordered_json& variables) const;
  nlohmann::ordered_json context(const ChatRequest& request, nlohmann::ordered_json messages) const;
  /// Chooses the template and fills what is told about it; returns its text.
  std::string choose(const gguf::Metadata& metadata, std::string_view given,
                     std::string_view called);
  /// Whether a conversation can be rendered and shows `wanted`.
  bool shows(const nlohmann::ordered_json& messages, std::string_view wanted) const;

  const Tokenizer& tokenizer_;
  const base::StopFlag* stop_ = nullptr;
  std::optional<std::string> bos_, eos_;  // as templates see them: not what is only a guess
  Origin origin_ = Origin::given;
  std::string_view name_ = {};
  std::string called_;  ///< in messages
  std::vector<std::string> stops_ = {};
  std::string source_;
  ChatTemplate template_;
  bool knows_system_ = true;
  bool knows_developer_ = false;
  bool wants_parts_ = false;  ///< content only as a list of parts
};

}  // namespace text
