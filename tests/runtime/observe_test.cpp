// What observers see does not depend on the arithmetic, the driver or the batches.
#include <map>
#include <tuple>

#include "runtime/golden.h"

namespace {

using model::Role;
using runtime::Chunk;
using runtime::Loop;
using runtime::MlaMode;
using runtime::Rows;
using runtime::Runtime;
using runtime::Site;

/// Sum of squares and rows of every site.
class Sums final : public runtime::Observer {
 public:
  struct Entry {
    std::size_t rows = 0;
    std::vector<double> squares;
  };
  using Key = std::tuple<int, Role, std::size_t>;

  bool wants(int, Role) const override { return true; }
  void observe(const Site& site, const Rows& rows, Runtime&) override {
    Entry& e = entries[{site.layer, site.role, site.matrix}];
    e.squares.resize(rows.cols);
    e.rows += rows.n;
    for (std::size_t i = 0; i < rows.n; ++i) {
      for (std::size_t j = 0; j < rows.cols; ++j) {
        e.squares[j] += static_cast<double>(rows.row(i)[j]) * rows.row(i)[j];
      }
    }
  }
  void hidden(int layer, const Rows& rows, Runtime&) override { hidden_rows[layer] += rows.n; }

  std::map<Key, Entry> entries;
  std::map<int, std::size_t> hidden_rows;
};

std::vector<Chunk> two_chunks() {
  const std::vector<std::int32_t> ids = test::first_chunk_ids();
  return {{.tokens = {ids.begin(), ids.begin() + 50}, .first_output = 50},
          {.tokens = {ids.begin() + 50, ids.begin() + 90}, .first_output = 0}};
}

Sums watch(const runtime::Model& model, MlaMode mla, Loop loop, std::size_t batch_tokens) {
  Sums sums;
  runtime::Observer* const observers[] = {&sums};
  test::Setup setup;
  setup.options.cache = kernels::CacheType::f32;
  setup.options.mla = mla;
  setup.options.loop = loop;
  setup.options.batch_tokens = batch_tokens;
  test::logits_of(model, two_chunks(), setup, observers);
  return sums;
}

void expect_close(const Sums& got, const Sums& want, double bound) {
  ASSERT_EQ(got.entries.size(), want.entries.size());
  for (const auto& [key, w] : want.entries) {
    const auto it = got.entries.find(key);
    ASSERT_NE(it, got.entries.end());
    const auto& [layer, role, matrix] = key;
    EXPECT_EQ(it->second.rows, w.rows) << model::tensor_name(role, layer) << " " << matrix;
    for (std::size_t j = 0; j < w.squares.size(); ++j) {
      ASSERT_NEAR(it->second.squares[j], w.squares[j], bound * (w.squares[j] + 1e-3))
          << model::tensor_name(role, layer) << " " << matrix;
    }
  }
  EXPECT_EQ(got.hidden_rows, want.hidden_rows);
}

TEST(Observe, EveryMatrixIsSeenAndEveryTokenOnce) {
  const auto model = runtime::Model::open(test::tiny_model());
  const Sums sums = watch(model, MlaMode::automatic, Loop::token, 512);
  const auto rows = [&](int layer, Role role, std::size_t matrix) {
    const auto it = sums.entries.find({layer, role, matrix});
    return it == sums.entries.end() ? 0 : it->second.rows;
  };
  for (const model::TensorRow& row : model.spec().tensors) {
    if (row.f32_only || row.layer < 0) continue;
    if (row.axis == model::Axis::expert) {
      std::size_t sum = 0;
      for (std::size_t e = 0; e < row.shape.ne[2]; ++e) sum += rows(row.layer, row.role, e);
      EXPECT_EQ(sum, 90U * 2U) << row.name;
    } else {
      for (std::size_t h = 0; h < row.shape.ne[2]; ++h) {
        EXPECT_EQ(rows(row.layer, row.role, h), 90U) << row.name << " " << h;
      }
    }
  }
  EXPECT_EQ(rows(-1, Role::output, 0), 40U);
  for (int layer = -1; layer < 6; ++layer) EXPECT_EQ(sums.hidden_rows.at(layer), 90U);
}

TEST(Observe, AbsorbedShowsWhatExpandedShows) {
  const auto model = runtime::Model::open(test::tiny_model());
  const Sums expanded = watch(model, MlaMode::expanded, Loop::token, 512);
  expect_close(watch(model, MlaMode::absorbed, Loop::token, 512), expanded, 1e-4);
  expect_close(watch(model, MlaMode::expanded, Loop::token, 9), expanded, 1e-4);
}

TEST(Observe, TheLayerLoopShowsTheSameBits) {
  const auto model = runtime::Model::open(test::tiny_model());
  expect_close(watch(model, MlaMode::automatic, Loop::layer, 64),
               watch(model, MlaMode::automatic, Loop::token, 64), 0.0);
}

TEST(Observe, LogitsDoNotDependOnObservers) {
  const auto model = runtime::Model::open(test::tiny_model());
  Sums sums;
  runtime::Observer* const observers[] = {&sums};
  EXPECT_EQ(test::logits_of(model, two_chunks(), {}, observers),
            test::logits_of(model, two_chunks(), {}));
}

}  // namespace
