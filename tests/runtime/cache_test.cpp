#include "runtime/cache.h"

#include <algorithm>
#include <cstring>

#include "support/support.h"

namespace runtime {
namespace {

using kernels::CacheType;

void put(KvCache& cache, SequenceId s, std::size_t position, float value) {
  std::memcpy(cache.key(0, s, position), &value, sizeof value);
}
/// Key `first` and those behind it, of n.
std::vector<float> keys(const KvCache& cache, SequenceId s, std::size_t n, std::size_t first = 0) {
  std::vector<float> out;
  std::size_t begin = 0;
  for (const kernels::KvRun& run : cache.runs(0, s, n)) {
    const std::size_t skip = std::min(run.n, first - std::min(first, begin));
    begin += run.n;
    for (std::size_t i = skip; i < run.n; ++i) {
      float v;
      std::memcpy(&v, run.k + i * cache.key_stride(0), sizeof v);
      out.push_back(v);
    }
  }
  return out;
}

TEST(KvCache, ALoneSequenceIsOneRunOfRows) {
  KvCache cache({{.key = 3, .value = 2}}, CacheType::f32);
  cache.extend(7, 100);
  EXPECT_EQ(cache.length(7), 100U);
  const auto runs = cache.runs(0, 7, 100);
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].n, 100U);
  EXPECT_EQ(cache.key(0, 7, 99), runs[0].k + 99 * cache.key_stride(0));
  EXPECT_EQ(cache.value(0, 7, 99), runs[0].v + 99 * cache.value_stride(0));
}

TEST(KvCache, WithoutValuesTheyAreTheKeys) {
  const KvCache empty({{.key = 6, .value = 0}}, CacheType::f16);
  EXPECT_EQ(empty.value_stride(0), empty.key_stride(0));
  KvCache cache({{.key = 6, .value = 0}}, CacheType::f16);
  cache.extend(0, 1);
  EXPECT_EQ(cache.key(0, 0, 0), cache.value(0, 0, 0));
}

TEST(KvCache, InterleavedSequencesKeepTheirRows) {
  KvCache cache({{.key = 1, .value = 1}}, CacheType::f32);
  for (std::size_t i = 0; i < 1200; ++i) {
    for (const SequenceId s : {0U, 1U}) {
      cache.extend(s, 1);
      put(cache, s, i, static_cast<float>(i) + 0.5F * static_cast<float>(s));
    }
  }
  for (const SequenceId s : {0U, 1U}) {
    const auto got = keys(cache, s, 1200);
    ASSERT_EQ(got.size(), 1200U);
    for (std::size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i], static_cast<float>(i) + 0.5F * static_cast<float>(s));
    }
  }
}

TEST(KvCache, AForkSharesPagesUntilOneGrows) {
  KvCache cache({{.key = 1, .value = 1}}, CacheType::f32);
  cache.extend(0, 40);
  for (std::size_t i = 0; i < 40; ++i) put(cache, 0, i, static_cast<float>(i));
  cache.fork(0, 1, 35);
  EXPECT_EQ(cache.key(0, 0, 34), cache.key(0, 1, 34));
  cache.extend(1, 1);
  EXPECT_EQ(cache.key(0, 0, 31), cache.key(0, 1, 31)) << "full pages stay shared";
  EXPECT_NE(cache.key(0, 0, 34), cache.key(0, 1, 34));
  put(cache, 1, 35, -1);
  EXPECT_EQ(keys(cache, 0, 40)[35], 35);
  EXPECT_EQ(keys(cache, 1, 36)[34], 34);
  EXPECT_EQ(keys(cache, 1, 36)[35], -1);
}

TEST(KvCache, TruncatedAndClearedPagesAreUsedAgain) {
  KvCache cache({{.key = 1, .value = 1}}, CacheType::f32);
  cache.extend(0, 512);
  const std::size_t bytes = cache.bytes();
  cache.truncate(0, 33);
  EXPECT_EQ(cache.length(0), 33U);
  cache.extend(1, 512 - 64);
  EXPECT_EQ(cache.bytes(), bytes);
  cache.clear();
  cache.extend(2, 512);
  EXPECT_EQ(cache.bytes(), bytes);
  EXPECT_EQ(cache.length(0), 0U);
}

/// A layer that sees all and one that sees `window` tokens; the cache after `n` tokens in batches.
KvCache windowed(std::size_t window, std::size_t n, std::size_t batch) {
  KvCache cache({{.key = 1, .value = 1}, {.key = 1, .value = 1, .window = window}}, CacheType::f32);
  for (std::size_t at = 0; at < n; at += batch) cache.extend(0, std::min(batch, n - at));
  return cache;
}

std::size_t rows_of(const std::vector<kernels::KvRun>& runs) {
  std::size_t n = 0;
  for (const kernels::KvRun& run : runs) n += run.n;
  return n;
}

TEST(KvCache, AWindowHoldsNoMoreThanItselfAndABatch) {
  KvCache cache({{.key = 1, .value = 1, .window = 300}}, CacheType::f32);
  cache.extend(0, 512);
  cache.extend(0, 512);
  const std::size_t bytes = cache.bytes();
  for (std::size_t i = 0; i < 200; ++i) cache.extend(0, 512);
  EXPECT_EQ(cache.bytes(), bytes);
  EXPECT_EQ(cache.length(0), 202U * 512);
}

TEST(KvCache, OnlyPagesBelowTheWindowAreGivenUp) {
  const KvCache cache = windowed(100, 1000, 1);
  EXPECT_EQ(rows_of(cache.runs(0, 0, 1000)), 1000U);
  EXPECT_EQ(rows_of(cache.runs(1, 0, 1000)), 1000U) << "key numbers stay";
  // The query at 999 sees keys from 900 on, kernels read from a multiple of 64 on.
  EXPECT_EQ(cache.runs(1, 0, 1000).front().n, 900U / 64 * 64);
}

TEST(KvCache, WhatAWindowHoldsKeepsItsRows) {
  KvCache cache({{.key = 1, .value = 1, .window = 70}}, CacheType::f32);
  for (std::size_t i = 0; i < 2000; ++i) {
    for (const SequenceId s : {0U, 1U}) {
      cache.extend(s, 1);
      put(cache, s, i, static_cast<float>(i) + 0.5F * static_cast<float>(s));
    }
    if (i % 97 != 0) continue;
    for (const SequenceId s : {0U, 1U}) {
      const std::size_t first = i < 70 ? 0 : i - 69;
      const auto got = keys(cache, s, i + 1, first);
      ASSERT_EQ(got.size(), i + 1 - first);
      for (std::size_t k = first; k <= i; ++k) {
        ASSERT_EQ(got[k - first], static_cast<float>(k) + 0.5F * static_cast<float>(s));
      }
    }
  }
}

TEST(KvCache, CutBackBehindTheWindowItKeepsNothing) {
  KvCache near = windowed(100, 1000, 1);
  EXPECT_EQ(near.truncate(0, 999), 999U) << "the next query sees what the last one saw";
  KvCache far = windowed(100, 1000, 1);
  EXPECT_EQ(far.truncate(0, 500), 0U);
  EXPECT_EQ(far.length(0), 0U);
  far.extend(0, 50);
  EXPECT_EQ(rows_of(far.runs(1, 0, 50)), 50U);
  KvCache early = windowed(100, 90, 1);
  EXPECT_EQ(early.truncate(0, 10), 10U) << "nothing was given up yet";
}

TEST(KvCache, APinnedPlaceCanBeReachedAgain) {
  KvCache cache = windowed(100, 400, 50);
  cache.pin(0, 390);
  for (std::size_t i = 0; i < 600; ++i) cache.extend(0, 1);
  EXPECT_EQ(cache.runs(1, 0, 1000).front().n, 291U / 64 * 64);
  EXPECT_EQ(cache.truncate(0, 390), 390U);
  cache.pin(0, 5000);
  for (std::size_t i = 0; i < 610; ++i) cache.extend(0, 1);
  EXPECT_EQ(cache.runs(1, 0, 1000).front().n, 900U / 64 * 64);
}

TEST(KvCache, AForkOfAWindowSharesWhatIsHeld) {
  KvCache cache({{.key = 1, .value = 1, .window = 100}}, CacheType::f32);
  for (std::size_t i = 0; i < 1000; ++i) {
    cache.extend(0, 1);
    put(cache, 0, i, static_cast<float>(i));
  }
  EXPECT_EQ(cache.fork(0, 2, 400), 0U);
  EXPECT_EQ(cache.fork(0, 1, 1000), 1000U);
  EXPECT_EQ(cache.key(0, 0, 950), cache.key(0, 1, 950));
  for (std::size_t i = 1000; i < 1300; ++i) {
    cache.extend(0, 1);
    put(cache, 0, i, -1);
  }
  for (std::size_t k = 900; k < 1000; ++k) {
    ASSERT_EQ(keys(cache, 1, 1000)[k], static_cast<float>(k)) << "its pages are still held";
  }
  const std::size_t bytes = cache.bytes();
  cache.truncate(1, 0);
  for (std::size_t i = 0; i < 300; ++i) cache.extend(0, 1);
  EXPECT_EQ(cache.bytes(), bytes) << "pages that nobody holds are used again";
}

}  // namespace
}  // namespace runtime
