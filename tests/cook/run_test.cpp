#include "cook/run.h"

#include <gmock/gmock.h>

#include <cstring>
#include <limits>

#include "cook/run_plan.h"
#include "cook/small_model.h"

namespace {

using recipe::Policy;
using testing::HasSubstr;

cook::Request request_for(std::string_view symbol, const std::filesystem::path& output) {
  cook::Request r;
  r.recipe.recipe = recipe::recipe_by_symbol(Policy::ik, symbol);
  r.output = output;
  return r;
}

cook::Plan cook_file(const std::filesystem::path& input, const cook::Request& request,
                     std::size_t n_threads = 2) {
  const auto source = cook::open_gguf_source(input);
  cook::Plan plan = cook::make_plan(*source, request);
  runtime::Team team(n_threads);
  base::SilentProgress progress;
  const base::StopFlag stop;
  test::run_plan(*source, plan, team, progress, stop);
  return plan;
}

std::vector<std::string> files_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Cook, PlannedSizeIsTheSizeOfTheFile) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  for (const char* symbol : {"Q8_0", "Q4_K_M", "F16", "F32"}) {
    const cook::Plan plan = cook_file(input, request_for(symbol, dir / "out.gguf"));
    EXPECT_EQ(plan.file_bytes, std::filesystem::file_size(dir / "out.gguf")) << symbol;
  }
}

TEST(Cook, SameBytesWithOneTwoAndSevenThreads) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  cook_file(input, request_for("Q4_K_M", dir / "1.gguf"), 1);
  cook_file(input, request_for("Q4_K_M", dir / "2.gguf"), 2);
  cook_file(input, request_for("Q4_K_M", dir / "7.gguf"), 7);
  EXPECT_EQ(test::read_bytes(dir / "1.gguf"), test::read_bytes(dir / "2.gguf"));
  EXPECT_EQ(test::read_bytes(dir / "1.gguf"), test::read_bytes(dir / "7.gguf"));
}

TEST(Cook, EveryMatrixIsEncodedWithItsOwnVector) {
  const test::TempDir dir;
  test::SmallModel m;
  m.add("blk.0.ffn_up_exps.weight", {256, 8, 3});
  const auto input = m.write(dir / "in.gguf");
  calibrate::Importance importance;
  calibrate::Entry& entry = importance.entries["blk.0.ffn_up_exps.weight"];
  entry.n_cols = 256;
  entry.n_vectors = 3;
  entry.counts = {1, 1, 1};
  for (std::size_t i = 0; i < std::size_t{3} * 256; ++i) {
    entry.sums.push_back(i % 7 == i / 256 ? 100.0 : 0.1);
  }
  cook::Request request = request_for("Q4_K_M", dir / "out.gguf");
  request.recipe.pure = true;
  request.recipe.have_importance = true;
  request.importance = &importance;
  cook_file(input, request);
  const auto out = gguf::FileSet::open(dir / "out.gguf");
  const gguf::TensorInfo* info = out.find("blk.0.ffn_up_exps.weight");
  const quant::Codec& q4 = *info->codec;
  EXPECT_EQ(q4.name, "q4_K");
  const auto* x = reinterpret_cast<const float*>(m.data[0].data());
  const std::vector<float> means = entry.means();
  for (std::size_t e = 0; e < 3; ++e) {
    std::vector<std::byte> expected(8 * q4.row_bytes(256));
    q4.encode({.x = {x + e * 8 * 256, std::size_t{8} * 256},
               .rows = 8,
               .cols = 256,
               .importance = {means.data() + e * 256, 256}},
              expected);
    const auto got = out.view(*info).matrix(e).bytes;
    EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin(), expected.end())) << e;
  }
}

/// The small model in three shards, the first with the metadata.
std::filesystem::path write_shards(const test::TempDir& dir) {
  const test::SmallModel whole = test::small_model();
  for (std::uint32_t no = 0; no < 3; ++no) {
    test::SmallModel shard;
    if (no > 0) shard.metadata = {};
    gguf::set_split_keys(shard.metadata, {.no = no, .count = 3, .n_tensors = whole.plans.size()});
    for (std::size_t i = no; i < whole.plans.size(); i += 3) {
      shard.plans.push_back(whole.plans[i]);
      shard.data.push_back(whole.data[i]);
    }
    shard.write(dir / gguf::shard_name("in", no, 3));
  }
  return dir / "in-00001-of-00003.gguf";
}

TEST(Cook, RepackAndUnpackGiveTheSameBytesBack) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  cook_file(input, request_for("Q4_K_M", dir / "plain.gguf"));
  cook::Request request = request_for("F32", dir / "woven.gguf");
  request.recipe.run = recipe::Run::repack;
  cook_file(dir / "plain.gguf", request);
  const auto woven = gguf::FileSet::open(dir / "woven.gguf");
  EXPECT_EQ(woven.find("blk.0.ffn_up_exps.weight")->codec->name, "q4_k_r4");
  EXPECT_EQ(woven.find("token_embd.weight")->codec->name, "q4_K");
  EXPECT_EQ(woven.metadata().integer("general.file_type"), 214);
  // Same values, other order of bits.
  const auto plain = gguf::FileSet::open(dir / "plain.gguf");
  const char* name = "blk.1.attn_q.weight";
  std::vector<float> a(std::size_t{256} * 256), b(a.size());
  tensor::decode_rows(plain.view(*plain.find(name)), 0, 256, a);
  tensor::decode_rows(woven.view(*woven.find(name)), 0, 256, b);
  EXPECT_EQ(a, b);
  request.recipe.run = recipe::Run::unpack;
  request.output = dir / "back.gguf";
  cook_file(dir / "woven.gguf", request);
  EXPECT_EQ(test::read_bytes(dir / "back.gguf"), test::read_bytes(dir / "plain.gguf"));
}

/// Bytes of a tensor of a file, which must have the type.
std::vector<std::byte> bytes_of(const std::filesystem::path& path, const char* tensor,
                                const quant::Codec* codec) {
  const auto file = gguf::FileSet::open(path);
  const gguf::TensorInfo* info = file.find(tensor);
  EXPECT_EQ(info->codec->name, codec->name);
  const auto bytes = file.view(*info).bytes;
  return {bytes.begin(), bytes.end()};
}

TEST(Cook, EveryInterleavedTypeIsUnpackedAndRepackedToTheSameBytes) {
  const test::TempDir dir;
  const char* name = "blk.0.ffn_up.weight";
  std::size_t n_pairs = 0;
  for (const quant::Codec* codec : quant::all_codecs()) {
    if (codec->plain == nullptr || codec->unweave == nullptr) continue;
    ++n_pairs;
    test::SmallModel m;
    m.add(name, {512, 48}, codec->name).add("output_norm.weight", {512});
    cook::Request request = request_for("F32", dir / "plain.gguf");
    request.recipe.run = recipe::Run::unpack;
    const cook::Plan plan = cook_file(m.write(dir / "woven.gguf"), request);
    EXPECT_EQ(plan.file_bytes, std::filesystem::file_size(dir / "plain.gguf")) << codec->name;
    const auto plain = bytes_of(dir / "plain.gguf", name, codec->plain);
    // The codec of the plain rows says what they must be.
    std::vector<float> expected(std::size_t{512} * 48), got(expected.size());
    for (std::size_t row = 0; row < 48; row += codec->group_rows) {
      const std::size_t group = codec->group_rows * codec->row_bytes(512);
      codec->decode(std::span(m.data[0]).subspan(row / codec->group_rows * group, group), 512,
                    std::span(expected).subspan(row * 512, codec->group_rows * 512));
    }
    for (std::size_t row = 0; row < 48; ++row) {
      const std::size_t size = codec->plain->row_bytes(512);
      codec->plain->decode(std::span(plain).subspan(row * size, size), 512,
                           std::span(got).subspan(row * 512, 512));
    }
    EXPECT_EQ(got, expected) << codec->name;
    if (codec->is_float() || codec->plain->is_float()) continue;  // only ever unpacked
    request.recipe.run = recipe::Run::repack;
    request.output = dir / "back.gguf";
    cook_file(dir / "plain.gguf", request);
    EXPECT_EQ(bytes_of(dir / "back.gguf", name, codec), m.data[0]) << codec->name;
  }
  EXPECT_EQ(n_pairs, 26U);  // iq1_s_r4, iq1_m_r4 and q8_k_r8 have no plain form
}

TEST(Cook, CopyJoinsShards) {
  const test::TempDir dir;
  cook::Request request = request_for("F32", dir / "joined.gguf");
  request.recipe.run = recipe::Run::copy;
  cook_file(write_shards(dir), request);
  const auto joined = gguf::FileSet::open(dir / "joined.gguf");
  const test::SmallModel whole = test::small_model();
  ASSERT_EQ(joined.tensors().size(), whole.plans.size());
  EXPECT_FALSE(joined.metadata().has("split.count"));
  for (std::size_t i = 0; i < whole.plans.size(); ++i) {
    const auto bytes = joined.view(*joined.find(whole.plans[i].name)).bytes;
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), whole.data[i].begin(), whole.data[i].end()));
  }
}

TEST(Cook, KeepSplitWritesTheShardsOfTheInput) {
  const test::TempDir dir;
  cook::Request request = request_for("Q8_0", dir / "out.gguf");
  request.keep_split = true;
  const cook::Plan plan = cook_file(write_shards(dir), request);
  const auto kept = gguf::FileSet::open(dir / "out-00001-of-00003.gguf");
  EXPECT_EQ(kept.shards().size(), 3U);
  EXPECT_EQ(kept.find("blk.0.attn_q.weight")->codec->name, "q8_0");
  EXPECT_EQ(kept.metadata().integer("split.tensors.count"), 10);
  EXPECT_EQ(kept.shards()[1].metadata().pairs().size(), 3U);
  std::size_t bytes = 0;
  for (const auto& shard : kept.shards()) bytes += std::filesystem::file_size(shard.path());
  EXPECT_EQ(plan.file_bytes, bytes);
}

TEST(Cook, PartialRunMakesOnlyMissingShards) {
  const test::TempDir dir;
  const auto input = write_shards(dir);
  cook::Request request = request_for("Q8_0", dir / "out.gguf");
  request.keep_split = true;
  cook_file(input, request);
  const auto second = dir / "out-00002-of-00003.gguf";
  const auto before = test::read_bytes(second);
  std::filesystem::remove(second);
  const auto untouched = std::filesystem::last_write_time(dir / "out-00003-of-00003.gguf");
  request.partial = true;
  EXPECT_EQ(cook_file(input, request).file_bytes, before.size());
  EXPECT_EQ(test::read_bytes(second), before);
  EXPECT_EQ(std::filesystem::last_write_time(dir / "out-00003-of-00003.gguf"), untouched);
}

/// Asks to stop after some bytes.
class StopAfter final : public base::Progress {
 public:
  StopAfter(base::StopFlag& stop, std::uint64_t bytes) : stop_(stop), bytes_(bytes) {}
  void update(std::string_view, std::uint64_t done, std::uint64_t, std::string_view,
              std::string_view) override {
    if (done >= bytes_) stop_.request();
  }
  void log(std::string_view) override {}

 private:
  base::StopFlag& stop_;
  std::uint64_t bytes_;
};

TEST(Cook, SameBytesWithEveryKernelTable) {
  const test::TempDir dir;
  test::SmallModel m;
  int layer = 0;
  for (const char* type :
       {"bf16", "q8_0", "q4_K", "iq4_ks", "iq2_xxs", "iq3_kt", "iq2_kt", "q4_0_r8"}) {
    m.add("blk." + std::to_string(layer++) + ".ffn_up.weight", {512, 16}, type);
  }
  const auto source = cook::open_gguf_source(m.write(dir / "in.gguf"));
  for (const char* type : {"Q4_K_S", "IQ4_KS", "IQ3_KT", "Q4_0_R8", "Q8_0"}) {
    cook::Request r = request_for(type, dir / "out.gguf");
    r.recipe.pure = true;
    r.recipe.allow_requantize = true;
    const cook::Plan plan = cook::make_plan(*source, r);
    std::vector<std::byte> first;
    for (const kernels::KernelTable* table : kernels::all_tables()) {
      if (!table->supported()) continue;
      runtime::Team team(2);
      base::SilentProgress progress;
      const base::StopFlag stop;
      test::run_plan(*source, plan, team, progress, stop, nullptr, *table);
      const std::vector<std::byte> bytes = test::read_bytes(dir / "out.gguf");
      if (first.empty()) first = bytes;
      EXPECT_TRUE(bytes == first) << type << " with " << table->name;
    }
  }
}

TEST(Cook, ShortLinesFillTheWidthAndKeepTheEndsOfNames) {
  cook::Job job;
  job.name = "blk.10.ffn_down_exps.weight";
  job.action = recipe::Action::encode;
  job.from = &recipe::known_type("BF16");
  job.to = &recipe::known_type("IQ4_KS");
  job.source_bytes = 3 << 20;
  job.bytes = 1 << 20;
  EXPECT_EQ(cook::short_tensor_line(job, 8, 120, 80),
            "[  9/120] blk.10.ffn_down_exps.weight            bf16 -> iq4_ks 3.00 -> 1.00 MiB");
  job.wants_importance = true;
  EXPECT_EQ(cook::short_tensor_line(job, 8, 120, 60),
            "[  9/120] ...n_exps.weight bf16 -> iq4_ks 3.00 -> 1.00 MiB *");
}

/// A model whose embeddings are made as `type`: the factor that would fit what they decode to best.
double embedding_factor(const test::TempDir& dir, const char* type, bool tied,
                        base::Findings& findings) {
  test::SmallModel m;
  m.add("token_embd.weight", {512, 16}, "f32");
  if (!tied) m.add("output.weight", {512, 16}, "f32");
  cook::Request r = request_for("Q8_0", dir / "out.gguf");
  r.recipe.role_types.push_back({"token_embd", recipe::type_by_name(type)});
  if (!tied) r.recipe.role_types.push_back({"output", recipe::type_by_name(type)});
  findings = cook_file(m.write(dir / "in.gguf"), r).findings;
  const auto out = gguf::FileSet::open(dir / "out.gguf");
  const auto view = out.view(*out.find("token_embd.weight"));
  std::vector<float> x(512 * 16), row(512);
  std::memcpy(x.data(), m.data[0].data(), x.size() * sizeof(float));
  double xy = 0, yy = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    view.codec->decode(view.rows(i, 1), 512, row);
    for (std::size_t j = 0; j < 512; ++j) {
      xy += static_cast<double>(x[i * 512 + j]) * static_cast<double>(row[j]);
      yy += static_cast<double>(row[j]) * static_cast<double>(row[j]);
    }
  }
  return xy / yy;
}

TEST(Cook, LookedUpTablesHaveNoProductGain) {
  const test::TempDir dir;
  for (const char* type : {"iq2_kt", "iq3_kt"}) {
    const double gain = static_cast<double>(quant::find_codec(type)->product_gain);
    base::Findings findings;
    const double looked_up = embedding_factor(dir, type, false, findings);
    EXPECT_TRUE(findings.empty());
    EXPECT_NEAR(embedding_factor(dir, type, true, findings) / looked_up, gain, 0.001) << type;
    ASSERT_EQ(findings.size(), 1U);
    EXPECT_THAT(findings[0].text, HasSubstr("is the output matrix as well"));
  }
}

TEST(Cook, InterruptedRunLeavesNothing) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  const auto source = cook::open_gguf_source(input);
  const cook::Plan plan = cook::make_plan(*source, request_for("Q8_0", dir / "out.gguf"));
  for (const std::uint64_t bytes : {1U, 100000U, 800000U}) {
    base::StopFlag stop;
    StopAfter progress(stop, bytes);
    runtime::Team team(2);
    try {
      test::run_plan(*source, plan, team, progress, stop);
      FAIL();
    } catch (const base::Error& e) {
      EXPECT_EQ(e.fault(), base::Fault::interrupted);
    }
    EXPECT_THAT(files_in(dir.path()), testing::ElementsAre("in.gguf"));
  }
}

TEST(Cook, ValuesThatAreNotFiniteNameTheirPlace) {
  const test::TempDir dir;
  test::SmallModel m = test::small_model();
  m.add("blk.1.attn_v.weight", {256, 8});
  const float bad = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(m.data.back().data() + (3 * 256 + 5) * sizeof(float), &bad, sizeof bad);
  const auto input = m.write(dir / "in.gguf");
  try {
    cook_file(input, request_for("Q8_0", dir / "out.gguf"));
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("not a number"));
    EXPECT_THAT(e.what(), HasSubstr("blk.1.attn_v.weight"));
    EXPECT_THAT(e.what(), HasSubstr("row: 3"));
    EXPECT_THAT(e.what(), HasSubstr("column: 5"));
  }
  EXPECT_THAT(files_in(dir.path()), testing::ElementsAre("in.gguf"));
}

TEST(Cook, ValuesOutOfTheRangeOfTheTypeAreNotPublished) {
  const test::TempDir dir;
  test::SmallModel m;
  m.add("blk.0.attn_q.weight", {256, 8});
  const auto input_with = [&](float large) {
    std::memcpy(m.data.back().data() + 3 * 256 * sizeof large, &large, sizeof large);
    return m.write(dir / "in.gguf");
  };
  const auto too_large = input_with(1e30F);
  EXPECT_THROW(cook_file(too_large, request_for("F16", dir / "out.gguf")), base::Error);
  for (const char* type : {"Q4_0", "Q8_0", "Q2_K", "IQ4_XS"}) {
    try {
      cook_file(too_large, request_for(type, dir / "out.gguf"));
      FAIL() << type;
    } catch (const base::Error& e) {
      EXPECT_THAT(e.what(), HasSubstr("next to nothing of a row with values as large as 1e+30"));
      EXPECT_THAT(e.what(), HasSubstr("blk.0.attn_q.weight"));
      EXPECT_THAT(e.what(), HasSubstr("row: 3"));
    }
  }
  EXPECT_THAT(files_in(dir.path()), testing::ElementsAre("in.gguf"));
  cook_file(input_with(40000), request_for("Q4_0", dir / "out.gguf"));
  EXPECT_TRUE(std::filesystem::exists(dir / "out.gguf"));
}

TEST(Cook, BadBlocksAreNotCopiedUnlessAskedFor) {
  const test::TempDir dir;
  test::SmallModel m = test::small_model();
  m.add("blk.1.attn_v.weight", {256, 4096}, "q8_0");
  const std::uint16_t nan = 0x7e00;
  std::memcpy(m.data.back().data() + 4001 * 272 + 3 * 34, &nan, sizeof nan);
  const auto input = m.write(dir / "in.gguf");
  cook::Request request = request_for("F32", dir / "out.gguf");
  request.recipe.run = recipe::Run::copy;
  try {
    cook_file(input, request);
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("the source holds a bad block of q8_0"));
    EXPECT_THAT(e.what(), HasSubstr("tensor: blk.1.attn_v.weight, row: 4001, block: 3"));
  }
  EXPECT_THAT(files_in(dir.path()), testing::ElementsAre("in.gguf"));
  request.check_copies = false;
  cook_file(input, request);
  const auto out = gguf::FileSet::open(dir / "out.gguf");
  const auto bytes = out.view(*out.find("blk.1.attn_v.weight")).bytes;
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), m.data.back().begin(), m.data.back().end()));
}

TEST(Cook, SourceThatShrinksUnderOurFeetIsAnError) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  const auto source = cook::open_gguf_source(input);
  const cook::Plan plan = cook::make_plan(*source, request_for("Q8_0", dir / "out.gguf"));
  std::filesystem::resize_file(input, std::filesystem::file_size(input) / 2);
  runtime::Team team(2);
  base::SilentProgress progress;
  const base::StopFlag stop;
  try {
    test::run_plan(*source, plan, team, progress, stop);
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::io);
    EXPECT_THAT(e.what(), HasSubstr("shorter"));
    EXPECT_THAT(e.what(), HasSubstr("in.gguf"));
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "out.gguf"));
}

TEST(CookPlan, RefusesToOverwriteTheInput) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  const auto source = cook::open_gguf_source(input);
  EXPECT_THROW(cook::make_plan(*source, request_for("Q8_0", dir.path() / "." / "in.gguf")),
               base::Error);
}

TEST(CookPlan, QuantizedSourcesNeedPermission) {
  const test::TempDir dir;
  test::SmallModel m;
  m.add("blk.0.attn_q.weight", {256, 8}, "q8_0");
  const auto input = m.write(dir / "in.gguf");
  const auto source = cook::open_gguf_source(input);
  cook::Request request = request_for("Q4_K_M", dir / "out.gguf");
  try {
    cook::make_plan(*source, request);
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.message(), "requantizing from type q8_0 is disabled");
  }
  request.dry_run = true;
  EXPECT_EQ(cook::make_plan(*source, request).findings.size(), 1U);
  request.dry_run = false;
  request.recipe.allow_requantize = true;
  EXPECT_NO_THROW(cook_file(input, request));
}

TEST(CookPlan, RecipesThatNeedImportanceAreRefusedWithout) {
  const test::TempDir dir;
  const auto source = cook::open_gguf_source(test::small_model().write(dir / "in.gguf"));
  cook::Request request = request_for("IQ2_XXS", dir / "out.gguf");
  EXPECT_THROW(cook::make_plan(*source, request), base::Error);
  request.dry_run = true;
  const cook::Plan dry = cook::make_plan(*source, request);
  EXPECT_GT(dry.file_bytes, 0U);
  ASSERT_FALSE(dry.findings.empty());
  EXPECT_EQ(dry.findings.back().where, "--imatrix");
  request.dry_run = false;
  request.ignore_importance_rules = true;
  EXPECT_NO_THROW(cook::make_plan(*source, request));
}

TEST(CookPlan, TensorsThatNeedImportanceAreRefusedWithoutTheirOwn) {
  const test::TempDir dir;
  const auto source = cook::open_gguf_source(test::small_model().write(dir / "in.gguf"));
  calibrate::Importance importance;
  calibrate::Entry& entry = importance.entries["blk.0.attn_q.weight"];
  entry.n_cols = 256;
  entry.counts = {1};
  entry.sums.assign(256, 1.0);
  cook::Request request = request_for("IQ2_XXS", dir / "out.gguf");
  request.importance = &importance;
  request.recipe.have_importance = true;
  try {
    cook::make_plan(*source, request);
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("needs importance data for this tensor"));
    EXPECT_THAT(e.what(), HasSubstr("no entry for it"));
  }
}

TEST(CookLines, AreThoseOfThePublicProgram) {
  cook::Job job;
  job.name = "blk.0.attn_q.weight";
  job.shape = {.ne = {4096, 4096, 1, 1}};
  job.action = recipe::Action::encode;
  job.from = recipe::type_by_name("f16");
  job.to = recipe::type_by_name("iq4_ks");
  job.source_bytes = 33554432;
  job.bytes = job.to->bytes(job.shape);
  EXPECT_EQ(cook::tensor_lines(job, 6, 291).back(),
            "[   7/ 291]                  blk.0.attn_q.weight - [ 4096,  4096,     1,     1], type "
            "=    f16, converting to iq4_ks .. size =    32.00 MiB ->     8.52 MiB");
  job.action = recipe::Action::copy;
  job.bytes = 16384;
  job.shape = {.ne = {4096, 1, 1, 1}};
  EXPECT_THAT(cook::tensor_lines(job, 7, 291).back(), testing::EndsWith("size =    0.016 MB"));
}

}  // namespace
