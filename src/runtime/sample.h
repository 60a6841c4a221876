// Choosing the next token from logits: penalties, a chain of filters, the draw. Source:
// docs/spec/server.md 6.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/tokenizer.h"

namespace runtime {

/// "Don't repeat yourself": a token that goes on with an earlier passage loses
/// multiplier * base^(length of the repetition - allowed_length).
struct DryOptions {
  float multiplier = 0.0F;  ///< 0 = off
  float base = 1.75F;       ///< below 1 = off
  std::int32_t allowed_length = 2;
  std::int32_t penalty_last_n = -1;  ///< tokens that are looked at; -1 = all
  std::vector<std::string> breakers = {"\n", ":", "\"", "*"};
};

struct MirostatOptions {
  std::int32_t version = 0;  ///< 1 or 2; 0 = off
  float tau = 5.0F;          ///< surprise aimed at, bits
  float eta = 0.1F;          ///< how fast it follows
};

struct AdaptiveOptions {
  float target = -1.0F;  ///< probability aimed at; below 0 = off
  float decay = 0.9F;
  bool update_with_current = false;  ///< follow the filtered probability, not the model's
};

struct SampleOptions {
  float temperature = 0.8F;  ///< 0 = the largest logit; below 0 the same
  float dynatemp_range = 0.0F, dynatemp_exponent = 1.0F;  ///< temperature by entropy; 0 = off
  std::int32_t top_k = 40;                                ///< <= 0: all
  float top_p = 0.95F;
  float min_p = 0.05F;
  float tfs_z = 1.0F;
  float typical_p = 1.0F;
  float xtc_probability = 0.0F, xtc_threshold = 0.1F;
  float top_n_sigma = 0.0F;
  float repeat_penalty = 1.0F, frequency_penalty = 0.0F, presence_penalty = 0.0F;
  std::int32_t repeat_last_n = 64;  ///< tokens the penalties look at; -1 = all
  std::size_t min_keep = 0;         ///< candidates that the filters leave at least
  DryOptions dry = {};
  MirostatOptions mirostat = {};  ///< when on, no filter but the temperature acts
  AdaptiveOptions adaptive = {};
  std::vector<std::pair<std::int32_t, float>> logit_bias = {};  ///< -inf: never chosen
  std::uint32_t seed = 0;
  std::string order = "";  ///< filter names between ';'; empty = the usual order
};

struct Candidate {
  std::int32_t id = 0;
  float logit = 0;
  float p = 0;
};

class DryBreakers;

/// What a filter works on.
struct SampleState {
  const SampleOptions& options;
  std::vector<Candidate>& list;
  std::size_t keep = 1;  ///< max(1, min_keep)
  std::mt19937& generator;
};

/// One step of the chain. `letter` and `aliases` are other spellings on the command line.
struct SampleFilter {
  std::string_view name;
  std::string_view aliases;  ///< between blanks
  void (*apply)(SampleState& state);
};
std::span<const SampleFilter> all_sample_filters() noexcept;
/// Null if unknown.
const SampleFilter* find_sample_filter(std::string_view name) noexcept;

class Mirostat;
class AdaptiveP;

/// One generation's sampler. Same options and seed give the same tokens.
class Sampler {
 public:
  /// `tokenizer` is asked for the tokens of options.dry.breakers; null: no breakers. Throws
  /// Fault::bad_usage for an unknown filter in options.order or a value out of range.
  explicit Sampler(const SampleOptions& options, const text::Tokenizer* tokenizer = nullptr);
  ~Sampler();
  Sampler(Sampler&&) noexcept;

  /// The next token; `logits` [n_vocab], finite or -inf. Does not accept it.
  std::int32_t sample(std::span<const float> logits);
  /// Remembers a token (prompt or chosen) for the penalties.
  void accept(std::int32_t token) { history_.push_back(token); }
  /// Forgets all tokens, for a text that starts anew; the draws go on.
  void forget() noexcept { history_.clear(); }

 private:
  void penalise(std::vector<Candidate>& list) const;
  std::int32_t choose();

  SampleOptions options_;
  std::vector<const SampleFilter*> chain_;
  std::unique_ptr<const DryBreakers> breakers_;
  std::unique_ptr<Mirostat> mirostat_;
  std::unique_ptr<AdaptiveP> adaptive_;
  std::vector<std::int32_t> history_;
  std::vector<Candidate> list_;
  std::vector<float> before_;  // logits before the filters, for adaptive_
  std::mt19937 generator_;
};

/// p of every candidate: expf(logit - largest), f32 sum in list order, divided.
void sample_softmax(std::vector<Candidate>& list);
/// Descending by logit, ties to the lower id; only the first n need be in order.
void sample_sort(std::vector<Candidate>& list, std::size_t n);

}  // namespace runtime
