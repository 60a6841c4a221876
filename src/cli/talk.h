// A conversation with a model: keeps what the cache holds, reuses what two prompts share, drops the
// oldest exchange when the context is full.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "runtime/decoder.h"
#include "runtime/sample.h"
#include "text/chat_format.h"

namespace cli {

struct TalkOptions {
  std::size_t n_ctx = 0;  ///< tokens that fit
  static constexpr std::size_t kWhatFits = SIZE_MAX;
  std::size_t n_predict = kWhatFits;            ///< tokens of a reply at most
  std::vector<std::string> stops = {};          ///< texts that end a reply; not part of it
  std::vector<text::TokenId> stop_tokens = {};  ///< besides those of the vocabulary
};

struct Reply {
  enum class End { stop, length, context, interrupted };
  std::string text;
  End end = End::stop;
  std::size_t n_prompt = 0, n_reused = 0, n_made = 0;  ///< tokens
  std::size_t n_dropped = 0;                           ///< messages that left the context
  double prompt_s = 0, made_s = 0;
};

/// All references must outlive it.
class Talk {
 public:
  Talk(const text::Tokenizer& tokenizer, const text::ChatFormat& format, runtime::Decoder& decoder,
       runtime::Sampler& sampler, const base::StopFlag& stop, TalkOptions options)
      : tokenizer_(tokenizer),
        format_(format),
        decoder_(decoder),
        sampler_(sampler),
        stop_(stop),
        options_(std::move(options)) {}

  /// Answers request.messages, from which old exchanges are removed when the context is full. Text
  /// goes to `show` as it is made. A stop request ends the reply. Throws Fault::bad_input when the
  /// last message alone does not fit.
  Reply answer(text::ChatRequest& request, const std::function<void(std::string_view)>& show);

 private:
  std::vector<text::TokenId> fit(text::ChatRequest& request, std::span<const text::TokenId> behind,
                                 Reply& reply) const;
  std::span<const float> load(const std::vector<text::TokenId>& tokens, Reply& reply);
  bool ends_reply(text::TokenId id) const;
  bool make_room(text::ChatRequest& request, std::span<const text::TokenId> made, Reply& reply);

  const text::Tokenizer& tokenizer_;
  const text::ChatFormat& format_;
  runtime::Decoder& decoder_;
  runtime::Sampler& sampler_;
  const base::StopFlag& stop_;
  TalkOptions options_;
  std::vector<text::TokenId> cached_ = {};
  std::span<const float> logits_ = {};
};

/// Length of the longest end of `text` that one of `words` starts with (not the whole word).
std::size_t pending_end(std::string_view text, const std::vector<std::string>& words);

}  // namespace cli
