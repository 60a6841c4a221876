#include "cli/talk.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/timings.h"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

/// Tokens that a reply should at least have room for.
std::size_t reserve(const TalkOptions& options) {
  const std::size_t share = options.n_ctx / 8;
  return std::min(options.n_predict, share);
}

/// Removes the oldest message behind the system message, and what answered it. False: only the last
/// question is left.
bool drop_oldest(Json& messages, Reply& reply) {
  const std::size_t first = !messages.empty() && messages.front().at("role") == "system" ? 1 : 0;
  std::size_t end = first + 1;
  while (end < messages.size() && messages[end].at("role") != "user") ++end;
  if (end >= messages.size()) return false;
  messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(first),
                 messages.begin() + static_cast<std::ptrdiff_t>(end));
  reply.n_dropped += end - first;
  return true;
}

/// Where the earliest of `words` starts in text[from...]; npos if none does.
std::size_t find_any(const std::string& text, std::size_t from,
                     const std::vector<std::string>& words) {
  std::size_t first = std::string::npos;
  for (const std::string& w : words) {
    const std::size_t start = from >= w.size() ? from - w.size() + 1 : 0;
    if (!w.empty()) first = std::min(first, text.find(w, start));
  }
  return first;
}

}  // namespace

std::size_t pending_end(std::string_view text, const std::vector<std::string>& words) {
  std::size_t longest = 0;
  for (const std::string& w : words) {
    for (std::size_t n = std::min(w.empty() ? 0 : w.size() - 1, text.size()); n > longest; --n) {
      if (text.ends_with(std::string_view(w).substr(0, n))) longest = n;
    }
  }
  return longest;
}

std::vector<text::TokenId> Talk::fit(text::ChatRequest& request,
                                     std::span<const text::TokenId> behind, Reply& reply) const {
  for (;;) {
    std::vector<text::TokenId> tokens = format_.encode(request);
    tokens.insert(tokens.end(), behind.begin(), behind.end());
    if (tokens.size() + reserve(options_) <= options_.n_ctx) return tokens;
    if (drop_oldest(request.messages, reply)) continue;
    if (tokens.size() < options_.n_ctx) return tokens;
    throw base::Error(base::Fault::bad_input, "the message does not fit the context")
        .at("found", std::to_string(tokens.size()) + " tokens")
        .expected("fewer than " + std::to_string(options_.n_ctx))
        .hint("-c sets the context");
  }
}

std::span<const float> Talk::load(const std::vector<text::TokenId>& tokens, Reply& reply) {
  const auto differ = std::mismatch(cached_.begin(), cached_.end(), tokens.begin(), tokens.end());
  // The last token is computed in any case: its logits are wanted.
  const std::size_t shared = decoder_.cache().truncate(
      0, std::min(static_cast<std::size_t>(differ.first - cached_.begin()), tokens.size() - 1));
  cached_.resize(shared);
  // The next prompt differs from this one near its end or behind it, where the reply stood.
  constexpr std::size_t kEnd = 64;
  decoder_.cache().pin(0, tokens.size() - std::min(tokens.size(), kEnd));
  reply.n_reused = shared;
  const Stopwatch watch;
  try {
    logits_ = decoder_.append(0, std::span(tokens).subspan(shared));
  } catch (const base::Error&) {
    // Whole batches are in the cache.
    const std::size_t n = decoder_.cache().length(0);
    cached_.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(n));
    reply.n_prompt = n - std::min(n, shared);
    reply.prompt_s += watch.seconds();
    throw;
  }
  cached_ = tokens;
  reply.n_prompt = tokens.size() - shared;
  reply.prompt_s += watch.seconds();
  sampler_.forget();
  for (const text::TokenId id : tokens) sampler_.accept(id);
  return logits_;
}

bool Talk::make_room(text::ChatRequest& request, std::span<const text::TokenId> made,
                     Reply& reply) {
  const std::size_t before = reply.n_dropped;
  if (!drop_oldest(request.messages, reply)) return false;
  const std::vector<text::TokenId> tokens = fit(request, made, reply);
  if (tokens.size() >= options_.n_ctx) return false;
  load(tokens, reply);
  return reply.n_dropped > before;
}

bool Talk::ends_reply(text::TokenId id) const {
  return tokenizer_.is_end_of_generation(id) ||
         std::ranges::find(options_.stop_tokens, id) != options_.stop_tokens.end();
}

Reply Talk::answer(text::ChatRequest& request, const std::function<void(std::string_view)>& show) {
  Reply reply;
  std::vector<text::TokenId> made;
  std::size_t shown = 0;
  const auto finish = [&](Reply::End end) {
    reply.end = end;
    reply.n_made = made.size();
    if (shown < reply.text.size()) show(std::string_view(reply.text).substr(shown));
    return reply;
  };
  try {
    load(fit(request, {}, reply), reply);
    const Stopwatch watch;
    const double prompt_s = reply.prompt_s;
    for (;;) {
      // Prompts that a shift of the context computes anew do not count as time of the reply.
      reply.made_s = watch.seconds() - (reply.prompt_s - prompt_s);
      if (stop_.requested()) return finish(Reply::End::interrupted);
      if (options_.n_predict == 0) return finish(Reply::End::length);
      const text::TokenId id = sampler_.sample(logits_);
      if (ends_reply(id)) return finish(Reply::End::stop);
      sampler_.accept(id);
      made.push_back(id);
      const std::size_t old = reply.text.size();
      reply.text += tokenizer_.piece(id, false);
      const std::size_t stop_at = find_any(reply.text, old, options_.stops);
      if (stop_at != std::string::npos) {
        reply.text.resize(std::max(stop_at, shown));
        return finish(Reply::End::stop);
      }
      const std::size_t ready = reply.text.size() - pending_end(reply.text, options_.stops);
      if (ready > shown) {
        show(std::string_view(reply.text).substr(shown, ready - shown));
        shown = ready;
      }
      if (made.size() == options_.n_predict) return finish(Reply::End::length);
      if (cached_.size() + 1 >= options_.n_ctx) {
        if (!make_room(request, made, reply)) return finish(Reply::End::context);
        continue;
      }
      logits_ = decoder_.append(0, {&id, 1});
      cached_.push_back(id);
    }
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::interrupted) throw;
    return finish(Reply::End::interrupted);
  }
}

}  // namespace cli
