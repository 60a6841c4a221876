#include "runtime/cache.h"

#include <algorithm>
#include <cassert>

namespace runtime {

CacheRow cache_row(const model::LayerPlan& plan) {
  if (plan.mla) return {.key = plan.mla->kv_rank + plan.mla->rope.n_rot, .value = 0};
  const model::AttentionPlan& a = *plan.attention;
  return {.key = std::size_t{a.n_kv_head} * a.key_dim,
          .value = std::size_t{a.n_kv_head} * a.value_dim,
          .window = a.window};
}

KvCache::KvCache(const std::vector<CacheRow>& layers, kernels::CacheType type) : type_(type) {
  const std::size_t unit = kernels::cache_bytes(type);
  for (const CacheRow& row : layers) {
    const auto pool = std::find_if(pools_.begin(), pools_.end(),
                                   [&](const Pool& p) { return p.window == row.window; });
    layers_.push_back({.key_bytes = row.key * unit,
                       .value_bytes = row.value * unit,
                       .pool = static_cast<std::size_t>(pool - pools_.begin())});
    if (pool == pools_.end()) pools_.push_back({.window = row.window});
  }
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

std::uint32_t KvCache::new_page(std::size_t pool) {
  Pool& p = pools_[pool];
  if (p.free.empty()) {
    for (Layer& layer : layers_) {
      if (layer.pool != pool) continue;
      layer.slabs.emplace_back(kSlabPages * kPageTokens * (layer.key_bytes + layer.value_bytes));
    }
    for (std::size_t i = 0; i < kSlabPages; ++i) {
      p.free.insert(static_cast<std::uint32_t>(p.users.size()));
      p.users.push_back(0);
    }
  }
  const std::uint32_t page = *p.free.begin();
  p.free.erase(p.free.begin());
  p.users[page] = 1;
  return page;
}

void KvCache::drop_page(Pool& pool, std::uint32_t page) {
  if (--pool.users[page] == 0) pool.free.insert(page);
}

/// Drops the pages behind the first n_pages.
void KvCache::drop_from(Pool& pool, Pages& pages, std::size_t n_pages) {
  while (pages.list.size() > n_pages) {
    if (pages.list.back() != kGone) drop_page(pool, pages.list.back());
    pages.list.pop_back();
  }
  pages.n_gone = std::min(pages.n_gone, pages.list.size());
}

/// The first page that a query at `position` reads.
std::size_t KvCache::first_seen_page(const Pool& pool, std::size_t position) noexcept {
  if (pool.window == 0 || position < pool.window) return 0;
  return (position + 1 - pool.window) / kKeyBlock * (kKeyBlock / kPageTokens);
}

/// Whether what a query behind the first n tokens sees is still there.
bool KvCache::reaches(const Sequence& sequence, std::size_t n) const noexcept {
  for (std::size_t i = 0; i < sequence.pools.size(); ++i) {
    if (sequence.pools[i].n_gone > first_seen_page(pools_[i], n)) return false;
  }
  return true;
}

void KvCache::give_up(Sequence& sequence) {
  for (std::size_t i = 0; i < sequence.pools.size(); ++i) {
    Pages& pages = sequence.pools[i];
    const std::size_t first =
        first_seen_page(pools_[i], std::min(sequence.n_tokens, sequence.pinned));
    for (; pages.n_gone < std::min(first, pages.list.size()); ++pages.n_gone) {
      drop_page(pools_[i], pages.list[pages.n_gone]);
      pages.list[pages.n_gone] = kGone;
    }
  }
}

/// A last page that another sequence holds too is copied.
void KvCache::own_last_page(std::size_t pool, Pages& pages) {
  const std::uint32_t shared = pages.list.back();
  if (pools_[pool].users[shared] == 1) return;
  const std::uint32_t own = new_page(pool);
  for (const Layer& layer : layers_) {
    if (layer.pool != pool) continue;
    std::copy_n(key_at(layer, shared, 0), kPageTokens * layer.key_bytes, key_at(layer, own, 0));
    std::copy_n(value_at(layer, shared, 0), kPageTokens * layer.value_bytes,
                value_at(layer, own, 0));
  }
  drop_page(pools_[pool], shared);
  pages.list.back() = own;
}

void KvCache::extend(SequenceId sequence, std::size_t n) {
  Sequence& s = sequences_[sequence];
  s.pools.resize(pools_.size());
  give_up(s);
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    Pages& pages = s.pools[i];
    if (s.n_tokens % kPageTokens != 0 && n > 0) own_last_page(i, pages);
    while (pages.list.size() * kPageTokens < s.n_tokens + n) pages.list.push_back(new_page(i));
  }
  s.n_tokens += n;
}

void KvCache::pin(SequenceId sequence, std::size_t n) { sequences_[sequence].pinned = n; }

std::size_t KvCache::truncate(SequenceId sequence, std::size_t n) {
  const auto it = sequences_.find(sequence);
  if (it == sequences_.end()) return 0;
  Sequence& s = it->second;
  assert(n <= s.n_tokens);
  if (!reaches(s, n)) n = 0;
  s.n_tokens = n;
  if (n < s.pinned) s.pinned = kNoPin;
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    drop_from(pools_[i], s.pools[i], (n + kPageTokens - 1) / kPageTokens);
  }
  return n;
}

void KvCache::clear() {
  for (auto& [id, sequence] : sequences_) {
    for (std::size_t i = 0; i < sequence.pools.size(); ++i) {
      drop_from(pools_[i], sequence.pools[i], 0);
    }
  }
  sequences_.clear();
}

std::size_t KvCache::fork(SequenceId from, SequenceId to, std::size_t n) {
  const Sequence source = sequences_[from];
  assert(n <= source.n_tokens && length(to) == 0);
  if (!reaches(source, n)) return 0;
  Sequence& s = sequences_[to];
  s = {.pools = source.pools, .n_tokens = n};
  for (std::size_t i = 0; i < s.pools.size(); ++i) {
    Pages& pages = s.pools[i];
    pages.list.resize((n + kPageTokens - 1) / kPageTokens);
    pages.n_gone = std::min(pages.n_gone, pages.list.size());
    for (const std::uint32_t page : pages.list) {
      if (page != kGone) ++pools_[i].users[page];
    }
  }
  return n;
}

std::byte* KvCache::key(std::size_t layer, SequenceId sequence, std::size_t position) noexcept {
  const Layer& l = layers_[layer];
  const Pages& pages = sequences_.find(sequence)->second.pools[l.pool];
  return key_at(l, pages.list[position / kPageTokens], position % kPageTokens);
}

std::byte* KvCache::value(std::size_t layer, SequenceId sequence, std::size_t position) noexcept {
  const Layer& l = layers_[layer];
  const Pages& pages = sequences_.find(sequence)->second.pools[l.pool];
  return value_at(l, pages.list[position / kPageTokens], position % kPageTokens);
}

std::vector<kernels::KvRun> KvCache::runs(std::size_t layer, SequenceId sequence,
                                          std::size_t n) const {
  const Layer& l = layers_[layer];
  const Pages& pages = sequences_.find(sequence)->second.pools[l.pool];
  std::vector<kernels::KvRun> out;
  const std::size_t gone = std::min(pages.n_gone * kPageTokens, n);
  if (gone > 0) out.push_back({key_at(l, 0, 0), value_at(l, 0, 0), gone});
  for (std::size_t first = gone; first < n; first += kPageTokens) {
    const std::size_t i = first / kPageTokens;
    const std::size_t rows = std::min(kPageTokens, n - first);
    const bool joins = i > pages.n_gone && pages.list[i] == pages.list[i - 1] + 1 &&
                       pages.list[i] % kSlabPages != 0;
    if (joins) {
      out.back().n += rows;
    } else {
      out.push_back({key_at(l, pages.list[i], 0), value_at(l, pages.list[i], 0), rows});
    }
  }
  return out;
}

}  // namespace runtime
