// What one call of a layer works on: tokens of one or several sequences.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace runtime {

using SequenceId = std::uint32_t;

/// MLA: which arithmetic (docs/spec/models.md 3.2). `automatic`: expanded for batches of
/// kExpandedTokens tokens or more, absorbed below.
enum class MlaMode : std::uint8_t { automatic, expanded, absorbed };
inline constexpr std::size_t kExpandedTokens = 32;

/// Consecutive tokens of one sequence at consecutive positions.
struct TokenRun {
  SequenceId sequence = 0;
  std::size_t first = 0;     ///< index of the first token in the batch
  std::size_t n = 0;         ///< tokens
  std::size_t position = 0;  ///< position of the first token
};

struct Batch {
  std::vector<std::int32_t> ids;
  std::vector<std::uint8_t> wanted;  ///< 1 where the logits are wanted
  std::vector<TokenRun> runs;        ///< cover all tokens in order; a sequence occurs once

  std::size_t size() const noexcept { return ids.size(); }
  void add(const TokenRun& run) { runs.push_back(run); }
};

}  // namespace runtime
