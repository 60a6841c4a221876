#include "text/kinds/merge_table.h"

#include <bit>

namespace text {
namespace {

/// text is not empty.
std::uint64_t last_character(std::string_view text) {
  std::uint64_t last = 0;
  for (std::size_t at = 0; at < text.size();) last = InnerPairs::next(text, at);
  return last;
}

}  // namespace

MergeTable::MergeTable(const Vocab& vocab, const std::vector<std::string>& lines) : vocab_(vocab) {
  const std::size_t n_slots = std::bit_ceil(std::max<std::size_t>(16, lines.size() * 2));
  keys_.assign(n_slots, kFree);
  merges_.resize(n_slots);
  results_.assign(lines.size(), kNoSymbol);
  mask_ = n_slots - 1;
  shift_ = static_cast<unsigned>(64 - std::countr_zero(n_slots));
  for (std::size_t rank = 0; rank < lines.size(); ++rank) {
    const std::string_view line = lines[rank];
    const std::size_t space = line.find(' ', 1);
    if (space == std::string_view::npos) continue;
    const std::string_view left = line.substr(0, space);
    const std::string_view right = line.substr(space + 1);
    const Symbol result = intern(std::string(left) + std::string(right));
    results_[rank] = result;
    add(intern(left), intern(right), {.rank = static_cast<std::uint32_t>(rank), .result = result});
    if (right.empty()) continue;
    std::size_t at = 0;
    joins_.add(last_character(left), InnerPairs::next(right, at));
  }
}

Symbol MergeTable::symbol(std::string_view text) const noexcept {
  if (const TokenId id = vocab_.find(text); id != kNone) return static_cast<Symbol>(id);
  const auto at = more_.find(text);
  return at == more_.end() ? kNoSymbol : at->second;
}

Symbol MergeTable::intern(std::string_view text) {
  if (const Symbol known = symbol(text); known != kNoSymbol) return known;
  const auto next = static_cast<Symbol>(vocab_.size() + more_texts_.size());
  more_.emplace(more_texts_.emplace_back(text), next);
  return next;
}

void MergeTable::add(Symbol left, Symbol right, Merge merge) {
  const std::uint64_t key = std::uint64_t{left} << 32 | right;
  std::size_t slot = first_slot(key);
  while (keys_[slot] != kFree) {
    if (keys_[slot] == key) return;
    slot = (slot + 1) & mask_;
  }
  keys_[slot] = key;
  merges_[slot] = merge;
}

}  // namespace text
