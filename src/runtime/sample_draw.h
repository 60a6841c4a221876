// Ways of choosing one of the candidates that are left. Source: docs/spec/server.md 6.3, 6.4.
#pragma once

#include <random>
#include <span>
#include <vector>

#include "runtime/sample.h"

namespace runtime {

/// Index of the drawn candidate; one candidate needs no draw. `list` is not empty.
std::size_t draw_candidate(std::span<const Candidate> list, std::mt19937& generator);

/// Keeps the surprise of the text near options.tau (Basu et al., Mirostat, ICLR 2021).
class Mirostat {
 public:
  explicit Mirostat(const MirostatOptions& options) : options_(options), mu_(2 * options.tau) {}
  /// One token out of `list`, to which the temperature has been applied. n_vocab: size of the
  /// vocabulary.
  std::int32_t draw(std::vector<Candidate>& list, std::size_t n_vocab, std::mt19937& generator);

 private:
  std::size_t kept_by_estimate(std::span<const Candidate> list, std::size_t n_vocab) const;

  MirostatOptions options_;
  float mu_;
};

/// Aims at tokens of a given probability, following what was drawn before.
class AdaptiveP {
 public:
  explicit AdaptiveP(const AdaptiveOptions& options);
  /// One token out of `list`; `before` holds the logits of the whole vocabulary as they were before
  /// the filters.
  std::int32_t draw(std::vector<Candidate>& list, std::span<const float> before,
                    std::mt19937& generator);

 private:
  AdaptiveOptions options_;
  float weighted_sum_ = 0, total_weight_ = 0;
};

}  // namespace runtime
