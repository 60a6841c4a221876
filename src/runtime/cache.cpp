#include "runtime/cache.h"

#include <algorithm>
#include <cassert>

namespace runtime {

CacheRow cache_row(const model::LayerPlan& plan) {
  if (plan.mla) return {.key = plan.mla->kv_rank + plan.mla->rope.n_rot, .value = 0};
  const model::AttentionPlan& a = *plan.attention;
  return {.key = std::size_t{a.n_kv_head} * a.key_dim,
          .value = std::size_t{a.n_kv_head} * a.value_dim};
}

KvCache::KvCache(const std::vector<CacheRow>& layers, kernels::CacheType type) : type_(type) {
  const std::size_t unit = kernels::cache_bytes(type);
  for (const CacheRow& row : layers) layers_.push_back({row.key * unit, row.value * unit, {}});
}

std::size_t KvCache::length(SequenceId sequence) const noexcept {
  const auto it = sequences_.find(sequence);
  return it == sequences_.end() ? 0 : it->second.n_tokens;
}

std::size_t KvCache::bytes() const noexcept {
  std::size_t sum = 0;
  for (const Layer& layer : layers_) {
    for (const tensor::Buffer& slab : layer.slabs) sum += slab.size();
  }
  return sum;
}

std::size_t KvCache::value_stride(std::size_t layer) const noexcept {
  const Layer& l = layers_[layer];
  return l.value_bytes == 0 ? l.key_bytes : l.value_bytes;
}

std::byte* KvCache::key_at(const Layer& layer, std::uint32_t page,
                           std::size_t in_page) const noexcept {
  const std::size_t row = (page % kSlabPages) * kPageTokens + in_page;
  return const_cast<std::byte*>(layer.slabs[page / kSlabPages].data()) + row * layer.key_bytes;
}

std::byte* KvCache::value_at(const Layer& layer, std::uint32_t page,
                             std::size_t in_page) const noexcept {
  if (layer.value_bytes == 0) return key_at(layer, page, in_page);
  const std::size_t row = (page % kSlabPages) * kPageTokens + in_page;
  return const_cast<std::byte*>(layer.slabs[page / kSlabPages].data()) +
         kSlabPages * kPageTokens * layer.key_bytes + row * layer.value_bytes;
}

std::uint32_t KvCache::new_page() {
  if (free_.empty()) {
    for (Layer& layer : layers_) {
      layer.slabs.emplace_back(kSlabPages * kPageTokens * (layer.key_bytes + layer.value_bytes));
    }
    for (std::size_t i = 0; i < kSlabPages; ++i) {
      free_.insert(static_cast<std::uint32_t>(users_.size()));
      users_.push_back(0);
    }
  }
  const std::uint32_t page = *free_.begin();
  free_.erase(free_.begin());
  users_[page] = 1;
  return page;
}

void KvCache::drop_page(std::uint32_t page) {
  if (--users_[page] == 0) free_.insert(page);
}

void KvCache::copy_page(std::uint32_t from, std::uint32_t to) {
  for (const Layer& layer : layers_) {
    std::copy_n(key_at(layer, from, 0), kPageTokens * layer.key_bytes, key_at(layer, to, 0));
    std::copy_n(value_at(layer, from, 0), kPageTokens * layer.value_bytes, value_at(layer, to, 0));
  }
}

void KvCache::extend(SequenceId sequence, std::size_t n) {
  Sequence& s = sequences_[sequence];
  if (s.n_tokens % kPageTokens != 0 && n > 0 && users_[s.pages.back()] > 1) {
    const std::uint32_t own = new_page();
    copy_page(s.pages.back(), own);
    drop_page(s.pages.back());
    s.pages.back() = own;
  }
  s.n_tokens += n;
  while (s.pages.size() * kPageTokens < s.n_tokens) s.pages.push_back(new_page());
}

void KvCache::truncate(SequenceId sequence, std::size_t n) {
  const auto it = sequences_.find(sequence);
  if (it == sequences_.end()) return;
  Sequence& s = it->second;
  assert(n <= s.n_tokens);
  s.n_tokens = n;
  while (s.pages.size() * kPageTokens >= n + kPageTokens) {
    drop_page(s.pages.back());
    s.pages.pop_back();
  }
}

void KvCache::clear() {
  for (auto& [id, sequence] : sequences_) {
    for (const std::uint32_t page : sequence.pages) drop_page(page);
  }
  sequences_.clear();
}

void KvCache::fork(SequenceId from, SequenceId to, std::size_t n) {
  const Sequence source = sequences_[from];
  assert(n <= source.n_tokens && length(to) == 0);
  Sequence& s = sequences_[to];
  s.n_tokens = n;
  s.pages.assign(
      source.pages.begin(),
      source.pages.begin() + static_cast<std::ptrdiff_t>((n + kPageTokens - 1) / kPageTokens));
  for (const std::uint32_t page : s.pages) ++users_[page];
}

std::byte* KvCache::key(std::size_t layer, SequenceId sequence, std::size_t position) noexcept {
  const Sequence& s = sequences_.find(sequence)->second;
  return key_at(layers_[layer], s.pages[position / kPageTokens], position % kPageTokens);
}

std::byte* KvCache::value(std::size_t layer, SequenceId sequence, std::size_t position) noexcept {
  const Sequence& s = sequences_.find(sequence)->second;
  return value_at(layers_[layer], s.pages[position / kPageTokens], position % kPageTokens);
}

std::vector<kernels::KvRun> KvCache::runs(std::size_t layer, SequenceId sequence,
                                          std::size_t n) const {
  const Layer& l = layers_[layer];
  const Sequence& s = sequences_.find(sequence)->second;
  std::vector<kernels::KvRun> out;
  for (std::size_t first = 0; first < n; first += kPageTokens) {
    const std::size_t i = first / kPageTokens;
    const std::size_t rows = std::min(kPageTokens, n - first);
    const bool joins = i > 0 && s.pages[i] == s.pages[i - 1] + 1 && s.pages[i] % kSlabPages != 0;
    if (joins) {
      out.back().n += rows;
    } else {
      out.push_back({key_at(l, s.pages[i], 0), value_at(l, s.pages[i], 0), rows});
    }
  }
  return out;
}

}  // namespace runtime
