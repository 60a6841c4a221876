#include "runtime/golden.h"

namespace {

using kernels::CacheType;
using runtime::Chunk;
using runtime::Loop;
using runtime::MlaMode;
using runtime::Model;

std::vector<Chunk> first_64() {
  std::vector<std::int32_t> ids = test::first_chunk_ids();
  ids.resize(64);
  return {{.tokens = ids, .first_output = 0}};
}

test::Setup exact() {
  test::Setup s;
  s.options.cache = CacheType::f32;
  return s;
}

TEST(Golden, ReferenceKernelsMatchTheFirstChunk) {
  const Model model = Model::open(test::tiny_model());
  const std::vector<Chunk> chunk{{.tokens = test::first_chunk_ids(), .first_output = 0}};
  const auto got = test::logits_of(model, chunk, exact());
  EXPECT_EQ(got.size(), 512U * 4096U);
  EXPECT_LT(test::relative_difference(got, test::first_chunk_logits()), 1e-4);
}

TEST(Golden, EveryKernelTableMatchesTheFirstChunk) {
  const Model model = Model::open(test::tiny_model());
  for (const kernels::KernelTable* table : kernels::all_tables()) {
    if (!table->supported()) continue;
    test::Setup s;
    s.table = table;
    const auto got = test::logits_of(model, first_64(), s);
    EXPECT_LT(test::relative_difference(got, test::first_chunk_logits()), 5e-3) << table->name;
  }
}

TEST(Golden, ExpandedAndAbsorbedAgree) {
  const Model model = Model::open(test::tiny_model());
  test::Setup s = exact();
  s.options.mla = MlaMode::expanded;
  const auto expanded = test::logits_of(model, first_64(), s);
  s.options.mla = MlaMode::absorbed;
  const auto absorbed = test::logits_of(model, first_64(), s);
  EXPECT_LT(test::relative_difference(absorbed, expanded), 1e-5);
  EXPECT_LT(test::relative_difference(absorbed, test::first_chunk_logits()), 1e-4);
}

TEST(Golden, SplitTensorsGiveTheSameLogits) {
  const test::TempDir dir;
  const std::string split = (dir / "split.gguf").string();
  const auto made =
      test::run_quern({"edit", "--mla", "split", "-o", split, test::tiny_model().string()});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const Model model = Model::open(split);
  EXPECT_NE(model.files().find("blk.0.attn_k_b.weight"), nullptr);
  EXPECT_EQ(model.files().find("blk.0.attn_kv_b.weight"), nullptr);
  for (const MlaMode mode : {MlaMode::expanded, MlaMode::absorbed}) {
    test::Setup s = exact();
    s.options.mla = mode;
    const auto got = test::logits_of(model, first_64(), s);
    EXPECT_LT(test::relative_difference(got, test::first_chunk_logits()), 1e-4);
  }
}

TEST(Golden, LoopsAndThreadsGiveTheSameBits) {
  const Model model = Model::open(test::tiny_model());
  std::vector<std::int32_t> ids = test::first_chunk_ids();
  // A long chunk in several batches, then short ones that share a batch.
  std::vector<Chunk> chunks;
  chunks.push_back({.tokens = {ids.begin(), ids.begin() + 100}, .first_output = 90});
  chunks.push_back({.tokens = {ids.begin() + 100, ids.begin() + 115}, .first_output = 0});
  chunks.push_back({.tokens = {ids.begin() + 115, ids.begin() + 140}, .first_output = 20});
  const test::TempDir dir;
  test::Setup s;
  s.options.batch_tokens = 48;
  s.threads = 1;
  const auto want = test::logits_of(model, chunks, s);
  ASSERT_EQ(want.size(), (10U + 15U + 5U) * 4096U);
  for (const std::size_t threads : {1U, 2U, 5U}) {
    for (const Loop loop : {Loop::token, Loop::layer}) {
      s.threads = threads;
      s.options.loop = loop;
      s.options.spill = threads == 2 && loop == Loop::layer ? dir / "spill" : "";
      EXPECT_EQ(test::logits_of(model, chunks, s), want) << threads << " threads";
    }
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "spill"));
}

TEST(Golden, PiecesOfAnySizeGiveTheWholePrompt) {
  const Model model = Model::open(test::tiny_model());
  for (const std::size_t batch : {1U, 7U, 40U}) {
    test::Setup s = exact();
    s.options.batch_tokens = batch;
    const auto got = test::logits_of(model, first_64(), s);
    EXPECT_LT(test::relative_difference(got, test::first_chunk_logits()), 1e-4) << batch;
  }
}

TEST(Golden, ATokenOutsideTheVocabularyIsRefused) {
  const Model model = Model::open(test::tiny_model());
  const std::vector<Chunk> chunks{{.tokens = {1, 4096}, .first_output = 0}};
  try {
    test::logits_of(model, chunks, {});
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::bad_input);
    EXPECT_NE(std::string(e.what()).find("4096"), std::string::npos) << e.what();
  }
}

}  // namespace
