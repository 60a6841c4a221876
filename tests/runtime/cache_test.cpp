#include "runtime/cache.h"

#include <cstring>

#include "support/support.h"

namespace runtime {
namespace {

using kernels::CacheType;

void put(KvCache& cache, SequenceId s, std::size_t position, float value) {
  std::memcpy(cache.key(0, s, position), &value, sizeof value);
}
std::vector<float> keys(const KvCache& cache, SequenceId s, std::size_t n) {
  std::vector<float> out;
  for (const kernels::KvRun& run : cache.runs(0, s, n)) {
    for (std::size_t i = 0; i < run.n; ++i) {
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

}  // namespace
}  // namespace runtime
