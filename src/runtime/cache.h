// Cache of keys and values: fixed-size pages of tokens, per layer, typed. A sequence is a list of
// pages; sequences that share a prefix share pages, copied when one of them grows
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
/// (MLA).
struct CacheRow {
  std::size_t key = 0, value = 0;
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

  /// Room for n more tokens; a page shared with another sequence is copied first. Pointers handed
  /// out before stay valid only for pages that were not copied.
  void extend(SequenceId sequence, std::size_t n);
  /// Keeps the first n tokens (n <= length).
  void truncate(SequenceId sequence, std::size_t n);
  void clear();
  /// `to` becomes the first n tokens of `from`, without a copy. `to` must be empty.
  void fork(SequenceId from, SequenceId to, std::size_t n);

  std::byte* key(std::size_t layer, SequenceId sequence, std::size_t position) noexcept;
  std::byte* value(std::size_t layer, SequenceId sequence, std::size_t position) noexcept;
  std::size_t key_stride(std::size_t layer) const noexcept { return layers_[layer].key_bytes; }
  std::size_t value_stride(std::size_t layer) const noexcept;
  /// The first n tokens of the sequence as runs of neighbouring rows.
  std::vector<kernels::KvRun> runs(std::size_t layer, SequenceId sequence, std::size_t n) const;

 private:
  static constexpr std::size_t kSlabPages = 16;

  struct Layer {
    std::size_t key_bytes = 0, value_bytes = 0;
    std::vector<tensor::Buffer> slabs;  ///< keys of kSlabPages pages, then their values
  };
  struct Sequence {
    std::vector<std::uint32_t> pages;
    std::size_t n_tokens = 0;
  };

  std::uint32_t new_page();
  void drop_page(std::uint32_t page);
  void copy_page(std::uint32_t from, std::uint32_t to);
  std::byte* key_at(const Layer& layer, std::uint32_t page, std::size_t in_page) const noexcept;
  std::byte* value_at(const Layer& layer, std::uint32_t page, std::size_t in_page) const noexcept;

  kernels::CacheType type_;
  std::vector<Layer> layers_;
  std::vector<std::uint32_t> users_;  ///< sequences that hold a page
  std::set<std::uint32_t> free_;      ///< lowest first, so that sequences stay in one piece
  std::unordered_map<SequenceId, Sequence> sequences_;
};

}  // namespace runtime
