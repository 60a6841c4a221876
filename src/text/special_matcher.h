// Which special token begins at each place of a text: an automaton, so that the time is linear in
// the text whatever the tokens are. It knows nothing of kinds of tokens but which of them are plain
// (allowed in any text).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/byte_trie.h"

namespace text {

/// Immutable once built; keeps no text.
class SpecialMatcher {
 public:
  static constexpr std::uint32_t kNoRank = ByteTrie::kNoValue;

  struct Token {
    std::string_view text = {};  ///< not empty
    bool plain = false;          ///< allowed also where special tokens are not parsed
  };
  /// Longest text first; a token's place in the list is its rank. Of equal texts the last counts.
  explicit SpecialMatcher(const std::vector<Token>& tokens);

  /// Calls found(place, rank) for each place, from the right to the left, at which an allowed token
  /// begins, with the longest such token. All tokens are allowed, or only the plain ones.
  template <class Found>
  void scan(std::string_view text, bool all, const Found& found) const {
    const Chains& chains = all ? all_ : plain_;
    if (!chains.any) return;
    ByteTrie::Node node = 0;
    for (std::size_t at = text.size(); at-- > 0;) {
      if (node == 0 && !ends_[static_cast<std::uint8_t>(text[at])]) continue;
      node = next(node, text[at]);
      const std::uint32_t rank = chains.longest[node];
      if (rank != kNoRank) found(at, rank);
    }
  }

  /// The longest allowed token of at most `room` bytes that `rank` begins with; kNoRank if there is
  /// none. In the logarithm of how many there are.
  std::uint32_t shorter(std::uint32_t rank, std::size_t room, bool all) const;

 private:
  /// Allowed tokens that begin with allowed tokens.
  struct Chains {
    bool any = false;
    std::vector<std::uint32_t> longest = {};  // of a node: the longest token that it ends with
    // Of a rank: the next shorter token, one further down so that any is reached in few jumps, and
    // how many tokens the chain has from here on.
    std::vector<std::uint32_t> next = {}, jump = {}, depth = {};
  };

  void link(const std::vector<Token>& tokens);
  void chain(const std::vector<Token>& tokens, bool all, Chains& chains) const;
  /// The state behind one more byte.
  ByteTrie::Node next(ByteTrie::Node node, char byte) const;

  ByteTrie trie_;                       // of the texts read backwards; values are ranks
  std::vector<ByteTrie::Node> fail_;    // the longest other node that a node ends with
  std::vector<ByteTrie::Node> order_;   // nodes, those of shorter strings first
  std::vector<std::uint32_t> lengths_;  // of the texts
  std::array<bool, 256> ends_{};        // bytes that some text ends with
  Chains all_, plain_;
};

}  // namespace text
