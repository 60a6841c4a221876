// Cache of keys and values: fixed-size pages of tokens, per layer, typed. A sequence is a list of
// pages; sequences that share a prefix share pages, copied when one of them grows. Layers that look
// back over a window only give up the pages that no query can see any more
// (docs/design.md section 7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <vector>

#include "kernels/table.h"
#include "model/spec.h"
#include "runtime/batch.h"
#include "tensor/buffer.h"

namespace runtime {

/// Values a token in one layer's cache. value = 0: values are the first columns of the key row
/// (MLA). window: keys that a query sees, its own the last; 0 = all.
struct CacheRow {
  std::size_t key = 0, value = 0;
  std::size_t window = 0;
};
CacheRow cache_row(const model::LayerPlan& plan);

class KvCache {
 public:
  static constexpr std::size_t kPageTokens = 32;

  /// One entry of `layers` a layer that is kept.
  KvCache(const std::vector<CacheRow>& layers, kernels::CacheType type);

  kernels::CacheType type() const noexcept { return type_; }
  std::size_t length(SequenceId sequence) const noexcept;
  /// Bytes held.
  std::size_t bytes() const noexcept;

  /// Room for n more tokens; a page shared with another sequence is copied first. Pages below the
  /// windows of these tokens, and of those from a pinned place on, are given up. Pointers handed
  /// out before stay valid only for pages that were not copied or given up.
  void extend(SequenceId sequence, std::size_t n);
  /// From now on the sequence can be cut back to n tokens (or more), until it is pinned elsewhere,
  /// cut below n or cleared. What was given up before does not come back.
  void pin(SequenceId sequence, std::size_t n);
  /// Keeps the first n tokens (n <= length); none if windows have moved on and what the next token
  /// would see is gone. Returns how many are kept.
  std::size_t truncate(SequenceId sequence, std::size_t n);
  void clear();
  /// `to` becomes the first n tokens of `from`, without a copy, or stays empty where `truncate`
  /// would keep none. `to` must be empty. Returns its length.
  std::size_t fork(SequenceId from, SequenceId to, std::size_t n);

  std::byte* key(std::size_t layer, SequenceId sequence, std::size_t position) noexcept;
  std::byte* value(std::size_t layer, SequenceId sequence, std::size_t position) noexcept;
  std::size_t key_stride(std::size_t layer) const noexcept { return layers_[layer].key_bytes; }
  std::size_t value_stride(std::size_t layer) const noexcept;
  /// The first n tokens of the sequence as runs of neighbouring rows. Tokens whose pages were given
  /// up count as one run in front, which must not be read.
  std::vector<kernels::KvRun> runs(std::size_t layer, SequenceId sequence, std::size_t n) const;

 private:
  static constexpr std::size_t kSlabPages = 16;
  static constexpr std::uint32_t kGone = 0xFFFFFFFF;
  /// Kernels read whole blocks of so many keys, also those in front of a window.
  static constexpr std::size_t kKeyBlock = 64;
  static constexpr std::size_t kNoPin = static_cast<std::size_t>(-1);

  struct Layer {
    std::size_t key_bytes = 0, value_bytes = 0;
    std::size_t pool = 0;
    std::vector<tensor::Buffer> slabs = {};  ///< keys of kSlabPages pages, then their values
  };
  /// Layers of one window: their pages come and go together.
  struct Pool {
    std::size_t window = 0;
    std::vector<std::uint32_t> users = {};  ///< sequences that hold a page
    std::set<std::uint32_t> free = {};      ///< lowest first: sequences stay in one piece
  };
  struct Pages {
    std::vector<std::uint32_t> list = {};
    std::size_t n_gone = 0;  ///< the first so many are kGone
  };
  struct Sequence {
    std::vector<Pages> pools = {};
    std::size_t n_tokens = 0;
    std::size_t pinned = kNoPin;
  };

  static std::size_t first_seen_page(const Pool& pool, std::size_t position) noexcept;
  bool reaches(const Sequence& sequence, std::size_t n) const noexcept;
  std::uint32_t new_page(std::size_t pool);
  static void drop_page(Pool& pool, std::uint32_t page);
  static void drop_from(Pool& pool, Pages& pages, std::size_t n_pages);
  void give_up(Sequence& sequence);
  void own_last_page(std::size_t pool, Pages& pages);
  std::byte* key_at(const Layer& layer, std::uint32_t page, std::size_t in_page) const noexcept;
  std::byte* value_at(const Layer& layer, std::uint32_t page, std::size_t in_page) const noexcept;

  kernels::CacheType type_;
  std::vector<Layer> layers_;
  std::vector<Pool> pools_;
  std::unordered_map<SequenceId, Sequence> sequences_;
};

}  // namespace runtime
