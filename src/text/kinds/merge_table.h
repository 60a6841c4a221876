#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/kinds/inner_pairs.h"
#include "text/vocab.h"

namespace text {

/// A piece of a word while merges are applied: a token id, or a number above all ids for a text
/// that only merges know.
using Symbol = std::uint32_t;
constexpr Symbol kNoSymbol = 0xFFFFFFFF;

/// The merge list of a BPE vocabulary, looked up by pairs of symbols. Immutable once built.
class MergeTable {
 public:
  struct Merge {
    std::uint32_t rank = 0xFFFFFFFF;  ///< 0xFFFFFFFF: this pair does not merge
    Symbol result = kNoSymbol;
  };

  /// `lines` are "left right", parted at the first space behind the first byte; rank = line; the
  /// first of equal pairs counts, lines without a space never match.
  MergeTable(const Vocab& vocab, const std::vector<std::string>& lines);

  /// The symbol with this text; kNoSymbol if neither a token nor a merge has it.
  Symbol symbol(std::string_view text) const noexcept;
  /// What the merge of this rank makes; rank < n_ranks.
  Symbol result(std::uint32_t rank) const noexcept { return results_[rank]; }
  std::size_t n_ranks() const noexcept { return results_.size(); }
  /// The pairs of characters at which some merge joins its two sides.
  const InnerPairs& joins() const noexcept { return joins_; }
  Merge find(Symbol left, Symbol right) const noexcept {
    const std::uint64_t key = std::uint64_t{left} << 32 | right;
    for (std::size_t slot = first_slot(key);; slot = (slot + 1) & mask_) {
      if (keys_[slot] == key) return merges_[slot];
      if (keys_[slot] == kFree) return {};
    }
  }

 private:
  static constexpr std::uint64_t kFree = 0xFFFFFFFFFFFFFFFF;  // the pair of two kNoSymbol

  std::size_t first_slot(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> shift_) & mask_;
  }
  Symbol intern(std::string_view text);
  void add(Symbol left, Symbol right, Merge merge);

  const Vocab& vocab_;
  std::deque<std::string> more_texts_;
  std::unordered_map<std::string_view, Symbol> more_;
  std::vector<std::uint64_t> keys_;
  std::vector<Merge> merges_;
  std::vector<Symbol> results_;  // [ranks]
  std::size_t mask_ = 0;
  unsigned shift_ = 0;
  InnerPairs joins_;
};

}  // namespace text
