// Long caches are cut into parts: what is put together must be what one call of the kernel gives.
#include "runtime/attention.h"

#include "runtime/bare_pass.h"
#include "support/matrices.h"

namespace {

constexpr std::size_t kDim = 16;
constexpr std::size_t kTokens = 2100;

struct Attention {
  std::vector<float> keys = test::gaussian(kTokens * kDim, 1.0F, 1);
  std::vector<float> values = test::gaussian(kTokens * kDim, 1.0F, 2);
  std::vector<float> query = test::gaussian(kDim, 1.0F, 3);
  std::vector<kernels::KvRun> runs{{reinterpret_cast<const std::byte*>(keys.data()),
                                    reinterpret_cast<const std::byte*>(values.data()), kTokens}};
  runtime::QueryShape shape{.key_dim = kDim,
                            .value_dim = kDim,
                            .k_stride = kDim * sizeof(float),
                            .v_stride = kDim * sizeof(float),
                            .scale = 0.25F};

  std::vector<float> cut(std::uint32_t first, std::uint32_t last, const float* sink) const {
    const test::BarePass bare(2);
    std::vector<float> out(kDim);
    const runtime::QueryBlock block{.q = query.data(),
                                    .q_stride = kDim,
                                    .n_q = 1,
                                    .first = &first,
                                    .last = &last,
                                    .runs = &runs,
                                    .sink = sink,
                                    .out = out.data(),
                                    .out_stride = kDim};
    runtime::attend(bare.pass, shape, {&block, 1});
    return out;
  }

  /// The formula of docs/spec/models.md 1.4, in f64.
  std::vector<float> formula(std::uint32_t first, std::uint32_t last, const float* sink) const {
    double total = sink == nullptr ? 0 : std::exp(static_cast<double>(*sink));
    std::vector<double> sum(kDim);
    for (std::size_t k = first; k < last; ++k) {
      double z = 0;
      for (std::size_t d = 0; d < kDim; ++d) {
        z += static_cast<double>(query[d]) * keys[k * kDim + d];
      }
      const double weight = std::exp(0.25 * z);
      total += weight;
      for (std::size_t d = 0; d < kDim; ++d) sum[d] += weight * values[k * kDim + d];
    }
    std::vector<float> out(kDim);
    for (std::size_t d = 0; d < kDim; ++d) out[d] = static_cast<float>(sum[d] / total);
    return out;
  }
};

TEST(Attention, PartsOfALongCacheCountASinkOnceWhateverTheWindow) {
  const Attention a;
  const float sink = 1.5F;
  struct Window {
    std::uint32_t first, last;
  };
  for (const Window w : {Window{0, 2100}, {1000, 2100}, {1100, 2050}, {2060, 2100}, {5, 900}}) {
    for (const float* s : {static_cast<const float*>(nullptr), &sink}) {
      const std::vector<float> want = a.formula(w.first, w.last, s);
      const std::vector<float> got = a.cut(w.first, w.last, s);
      for (std::size_t d = 0; d < kDim; ++d) {
        EXPECT_NEAR(got[d], want[d], 1e-5) << w.first << " to " << w.last;
      }
    }
  }
}

}  // namespace
