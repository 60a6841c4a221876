#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "text/text_hash.h"
#include "text/tokenizer.h"

namespace text {

/// Ids of the words that one call has met: texts repeat their words, and finding a word again costs
/// a tenth of merging it. Words are views of the text of that call.
class WordCache {
 public:
  static constexpr std::size_t kMaxWord = 64;  ///< longer words rarely come again

  WordCache() : entries_(kFirstSlots) {}

  /// The ids of `word`, whose hash_text is `hash`, or nothing. The span holds until the next store.
  std::span<const TokenId> find(std::string_view word, std::uint64_t hash) const noexcept {
    for (std::size_t slot = hash & mask();; slot = (slot + 1) & mask()) {
      const Entry& e = entries_[slot];
      if (e.n_ids == 0) return {};
      if (e.hash == hash && e.size == word.size() &&
          std::memcmp(e.word, word.data(), word.size()) == 0) {
        return std::span(ids_).subspan(e.first_id, e.n_ids);
      }
    }
  }

  /// `ids` not empty.
  void store(std::string_view word, std::uint64_t hash, std::span<const TokenId> ids) {
    if (ids_.size() > kMaxIds) return;
    if (2 * ++used_ > entries_.size()) grow();
    put({.word = word.data(),
         .hash = hash,
         .size = static_cast<std::uint32_t>(word.size()),
         .first_id = static_cast<std::uint32_t>(ids_.size()),
         .n_ids = static_cast<std::uint32_t>(ids.size())});
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }

 private:
  struct Entry {
    const char* word = nullptr;
    std::uint64_t hash = 0;
    std::uint32_t size = 0;
    std::uint32_t first_id = 0, n_ids = 0;  // n_ids 0: free
  };
  static constexpr std::size_t kFirstSlots = 1024;
  static constexpr std::size_t kMaxIds = std::size_t{1} << 22;

  std::size_t mask() const noexcept { return entries_.size() - 1; }

  void put(const Entry& e) {
    std::size_t slot = e.hash & mask();
    while (entries_[slot].n_ids != 0) slot = (slot + 1) & mask();
    entries_[slot] = e;
  }
  void grow() {
    std::vector<Entry> old(entries_.size() * 2);
    old.swap(entries_);
    for (const Entry& e : old) {
      if (e.n_ids != 0) put(e);
    }
  }

  std::vector<Entry> entries_;
  std::vector<TokenId> ids_;
  std::size_t used_ = 0;
};

}  // namespace text
