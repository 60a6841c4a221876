// The automaton of Aho and Corasick over the texts read backwards: reading a text from its end, its
// state is the longest beginning of such a text, so the tokens that begin at a place are those that
// the state ends with. Chains of tokens with jumps in the manner of skew binary numbers (Myers).
#include "text/special_matcher.h"

#include <string>

namespace text {

SpecialMatcher::SpecialMatcher(const std::vector<Token>& tokens) {
  for (std::size_t rank = 0; rank < tokens.size(); ++rank) {
    const std::string_view text = tokens[rank].text;
    trie_.add(std::string(text.rbegin(), text.rend()), static_cast<std::uint32_t>(rank));
    ends_[static_cast<std::uint8_t>(text.back())] = true;
    lengths_.push_back(static_cast<std::uint32_t>(text.size()));
  }
  link(tokens);
  chain(tokens, true, all_);
  chain(tokens, false, plain_);
  order_ = {};
}

ByteTrie::Node SpecialMatcher::next(ByteTrie::Node node, char byte) const {
  for (;; node = fail_[node]) {
    const ByteTrie::Node child = trie_.child(node, byte);
    if (child != ByteTrie::kNoNode) return child;
    if (node == 0) return 0;
  }
}

/// One byte of every text at a time, so that shorter strings come first.
void SpecialMatcher::link(const std::vector<Token>& tokens) {
  fail_.assign(trie_.size(), ByteTrie::kNoNode);
  fail_[0] = 0;
  order_ = {0};
  std::vector<ByteTrie::Node> at(tokens.size(), 0);
  std::size_t n = tokens.size();
  for (std::size_t depth = 0; n > 0; ++depth) {
    while (n > 0 && tokens[n - 1].text.size() <= depth) --n;
    for (std::size_t rank = 0; rank < n; ++rank) {
      const std::string_view text = tokens[rank].text;
      const char byte = text[text.size() - 1 - depth];
      const ByteTrie::Node parent = at[rank];
      const ByteTrie::Node node = at[rank] = trie_.child(parent, byte);
      if (fail_[node] != ByteTrie::kNoNode) continue;
      fail_[node] = parent == 0 ? 0 : next(fail_[parent], byte);
      order_.push_back(node);
    }
  }
}

void SpecialMatcher::chain(const std::vector<Token>& tokens, bool all, Chains& chains) const {
  chains.longest.assign(trie_.size(), kNoRank);
  chains.next.assign(tokens.size(), kNoRank);
  chains.jump.assign(tokens.size(), kNoRank);
  chains.depth.assign(tokens.size(), 0);
  const auto depth = [&](std::uint32_t r) { return r == kNoRank ? 0 : chains.depth[r]; };
  const auto jump = [&](std::uint32_t r) { return r == kNoRank ? kNoRank : chains.jump[r]; };
  for (const ByteTrie::Node node : order_) {
    const std::uint32_t shorter = chains.longest[fail_[node]];
    const std::uint32_t rank = trie_.value(node);
    chains.longest[node] = shorter;
    if (rank == kNoRank) continue;
    // Tokens that are not allowed hang in the chain by their next one only.
    chains.next[rank] = shorter;
    if (!all && !tokens[rank].plain) continue;
    chains.longest[node] = rank;
    chains.any = true;
    chains.depth[rank] = depth(shorter) + 1;
    const std::uint32_t far = jump(shorter);
    const bool equal_jumps = depth(shorter) - depth(far) == depth(far) - depth(jump(far));
    chains.jump[rank] = equal_jumps ? jump(far) : shorter;
  }
}

std::uint32_t SpecialMatcher::shorter(std::uint32_t rank, std::size_t room, bool all) const {
  const Chains& chains = all ? all_ : plain_;
  const auto too_long = [&](std::uint32_t r) { return r != kNoRank && lengths_[r] > room; };
  std::uint32_t at = chains.next[rank];
  while (too_long(at)) at = too_long(chains.jump[at]) ? chains.jump[at] : chains.next[at];
  return at;
}

}  // namespace text
