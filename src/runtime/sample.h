// Choosing the next token from logits: penalties, a chain of filters, the draw. Source:
// docs/spec/server.md 6.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace runtime {

struct SampleOptions {
  float temperature = 0.8F;  ///< 0 = the largest logit; below 0 the same
  std::int32_t top_k = 40;   ///< <= 0: all
  float top_p = 0.95F;
  float min_p = 0.05F;
  float tfs_z = 1.0F;
  float typical_p = 1.0F;
  float xtc_probability = 0.0F, xtc_threshold = 0.1F;
  float top_n_sigma = 0.0F;
  float repeat_penalty = 1.0F, frequency_penalty = 0.0F, presence_penalty = 0.0F;
  std::int32_t repeat_last_n = 64;        ///< tokens the penalties look at; -1 = all
  std::size_t min_keep = 0;               ///< candidates that the filters leave at least
  std::vector<std::int32_t> banned = {};  ///< tokens that are never chosen
  std::uint32_t seed = 0;
  std::string order = "";  ///< filter names between ';'; empty = the usual order
};

struct Candidate {
  std::int32_t id = 0;
  float logit = 0;
  float p = 0;
};

/// What a filter works on.
struct SampleState {
  const SampleOptions& options;
  std::vector<Candidate>& list;
  std::size_t keep;  ///< max(1, min_keep)
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

/// One generation's sampler. Same options and seed give the same tokens.
class Sampler {
 public:
  /// Throws Fault::bad_usage for an unknown filter in options.order or a value out of range.
  explicit Sampler(const SampleOptions& options);

  /// The next token; `logits` [n_vocab], finite or -inf. Does not accept it.
  std::int32_t sample(std::span<const float> logits);
  /// Remembers a token (prompt or chosen) for the penalties.
  void accept(std::int32_t token);

 private:
  void penalise(std::vector<Candidate>& list) const;
  std::int32_t draw(const std::vector<Candidate>& list);

  SampleOptions options_;
  std::vector<const SampleFilter*> chain_;
  std::deque<std::int32_t> window_;
  std::vector<Candidate> list_;
  std::mt19937 generator_;
};

/// p of every candidate: expf(logit - largest), f32 sum in list order, divided.
void sample_softmax(std::vector<Candidate>& list);
/// Descending by logit, ties to the lower id; only the first n need be in order.
void sample_sort(std::vector<Candidate>& list, std::size_t n);

}  // namespace runtime
