// The DRY penalty: tokens that would go on with a repetition of what was said before. Source:
// docs/spec/server.md 6.3.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/sample.h"
#include "text/tokenizer.h"

namespace runtime {

/// Where a repetition is cut: a token (head) that ends in a breaker, or in a part of one whose rest
/// are the tokens of a tail.
class DryBreakers {
 public:
  DryBreakers() = default;
  /// Looks for every string (its first 40 bytes) in every token's text.
  DryBreakers(const text::Tokenizer& tokenizer, std::span<const std::string> strings);

  /// Adds a head with its tail (empty: the token holds a whole breaker).
  void add(std::int32_t head, std::vector<std::int32_t> tail);
  /// True if the token holds a whole breaker.
  bool breaks_alone(std::int32_t token) const;
  /// Tokens at the end of `history` that a repetition may cover.
  std::size_t limit(std::span<const std::int32_t> history) const;

 private:
  std::unordered_map<std::int32_t, std::vector<std::vector<std::int32_t>>> tails_;
};

/// Lowers the logits of tokens that would repeat; list[i].id == i. `history`: oldest first.
void penalise_repetition(const DryOptions& options, const DryBreakers& breakers,
                         std::span<const std::int32_t> history, std::span<Candidate> list);

}  // namespace runtime
