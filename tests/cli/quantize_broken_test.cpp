// Models that contradict their architecture are not copied into well-named files.
#include <gmock/gmock.h>

#include <functional>

#include "gguf/file.h"
#include "support/spoiled_model.h"
#include "support/support.h"

namespace {

using test::Spoiled;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

struct Fault {
  const char* name;
  std::function<void(Spoiled&)> spoil;
  std::vector<const char*> told;  ///< in the message
};

void drop_all(Spoiled& m) {
  m.plans.clear();
  m.data.clear();
}
void rename(Spoiled& m) { m.plan("blk.3.attn_output.weight").name = "blk.3.attn_out.weight"; }
void wrong_shape(Spoiled& m) {
  tensor::Shape& s = m.plan("blk.2.attn_q_b.weight").shape;
  std::swap(s.ne[0], s.ne[1]);
}
void absurd_layers(Spoiled& m) { m.metadata.set("deepseek2.block_count", std::uint32_t{4000000}); }
void absurd_heads(Spoiled& m) {
  m.metadata.set("deepseek2.attention.head_count", std::uint32_t{0});
}
void no_architecture(Spoiled& m) { m.metadata.erase("general.architecture"); }
void missing_key(Spoiled& m) { m.metadata.erase("deepseek2.embedding_length"); }

const Fault kFaults[] = {
    {"NoTensors", drop_all, {"the file holds no tensors"}},
    {"RenamedTensor", rename, {"a required tensor is missing", "blk.3.attn_output.weight"}},
    {"WrongShape",
     wrong_shape,
     {"wrong shape", "blk.2.attn_q_b.weight", "found: {", "expected: {"}},
    {"AbsurdLayers", absurd_layers, {"deepseek2.block_count", "4000000", "1 to 512"}},
    {"NoHeads", absurd_heads, {"deepseek2.attention.head_count", "1 to 65536"}},
    {"NoArchitecture", no_architecture, {"general.architecture", "required key is missing"}},
    {"MissingKey", missing_key, {"deepseek2.embedding_length", "required key is missing"}},
};

std::vector<std::string> files_in(const test::TempDir& dir) {
  std::vector<std::string> names;
  for (const auto& f : std::filesystem::directory_iterator(dir.path())) {
    names.push_back(f.path().filename().string());
  }
  return names;
}

class BrokenModels : public testing::TestWithParam<Fault> {};

TEST_P(BrokenModels, AreRefusedByEveryKindOfRun) {
  const test::TempDir dir;
  Spoiled m;
  GetParam().spoil(m);
  const std::string in = m.write(dir / "in.gguf");
  const std::string out = (dir / "out.gguf").string();
  const std::vector<std::vector<std::string>> runs = {{"quantize", in, out, "q8_0"},
                                                      {"quantize", "--dry-run", in, out, "q8_0"},
                                                      {"quantize", "--repack", in, out, "q8_0"},
                                                      {"quantize", in, out, "COPY"}};
  for (const auto& words : runs) {
    const test::RunResult r = test::run_quern(words);
    EXPECT_EQ(r.exit_code, 1) << r.err;
    EXPECT_THAT(r.err, HasSubstr("in.gguf"));
    for (const char* text : GetParam().told) EXPECT_THAT(r.err, HasSubstr(text));
  }
  EXPECT_THAT(files_in(dir), testing::ElementsAre("in.gguf"));
}

TEST_P(BrokenModels, AreTakenWhenAskedFor) {
  const test::TempDir dir;
  Spoiled m;
  GetParam().spoil(m);
  const std::string in = m.write(dir / "in.gguf");
  const std::string out = (dir / "out.gguf").string();
  const test::RunResult r = test::run_quern({"quantize", "--allow-broken", in, out, "COPY"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("warning: "));
  EXPECT_THAT(r.err, HasSubstr(GetParam().told.front()));
  EXPECT_EQ(gguf::FileSet::open(out).tensors().size(), m.plans.size());
}

INSTANTIATE_TEST_SUITE_P(Faults, BrokenModels, testing::ValuesIn(kFaults),
                         [](const auto& fault) { return std::string(fault.param.name); });

/// Writes, copies, and gives what the command said.
test::RunResult copy_of(const Spoiled& m, std::vector<std::string> options = {}) {
  const test::TempDir dir;
  const std::string in = m.write(dir / "in.gguf");
  std::vector<std::string> words = {"quantize"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {in, (dir / "out.gguf").string(), "q8_0"});
  return test::run_quern(words);
}

TEST(OddModels, PassWithAWarning) {
  Spoiled extra;
  extra.plans.push_back({"adapter.weight", quant::find_codec("f32"), {{32, 4, 1, 1}}});
  extra.data.emplace_back(std::size_t{32} * 4 * 4);
  const test::RunResult r = copy_of(extra);
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("warning: adapter.weight: is no tensor of architecture deepseek2"));
}

TEST(OddModels, UnknownArchitecturesPassWithAWarning) {
  Spoiled m;
  m.metadata.set("general.architecture", std::string("brandnew"));
  const test::RunResult r = copy_of(m);
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("warning: general.architecture: the architecture is unknown"));
}

TEST(OddModels, OverridesAreWhatIsChecked) {
  Spoiled m;
  absurd_layers(m);
  const test::RunResult mended = copy_of(m, {"--override-kv", "deepseek2.block_count=int:6"});
  EXPECT_EQ(mended.exit_code, 0) << mended.err;
  const test::RunResult spoiled =
      copy_of(Spoiled(), {"--override-kv", "deepseek2.block_count=int:7"});
  EXPECT_EQ(spoiled.exit_code, 1);
  EXPECT_THAT(spoiled.err, HasSubstr("blk.6."));
}

TEST(OddModels, HalfAGroupOfWovenRowsIsRefusedOnOpening) {
  const test::TempDir dir;
  const std::string woven = (dir / "woven.gguf").string();
  ASSERT_EQ(test::run_quern({"quantize", test::source_path("data/tiny-mla-bf16.gguf").string(),
                             woven, "q4_k_r4"})
                .exit_code,
            0);
  std::vector<std::byte> bytes = test::read_bytes(woven);
  const std::string name = "blk.0.attn_q_a.weight";
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const std::size_t at = std::string_view(text, bytes.size()).find(name);
  ASSERT_NE(at, std::string_view::npos);
  bytes[at + name.size() + 4 + 8] ^= std::byte{2};  // the second dimension, u64
  test::write_bytes(woven, bytes);
  const test::RunResult r =
      test::run_quern({"quantize", "--unpack", woven, (dir / "o.gguf").string(), "q8_0"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, HasSubstr("row count does not fill the row groups"));
}

}  // namespace
