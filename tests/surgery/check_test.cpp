// What `quern check` finds: every published fault of a file is made here and must be told.
#include "surgery/check.h"

#include <cstring>
#include <functional>
#include <span>

#include "gguf/split.h"
#include "support/flat_tensor.h"
#include "support/spoiled_model.h"
#include "surgery/value_error.h"

namespace {

using surgery::Part;
using test::Spoiled;
using testing::HasSubstr;
using Level = base::Finding::Level;
namespace fs = std::filesystem;

surgery::CheckReport check(const fs::path& path, bool data = true, std::size_t threads = 2,
                           const kernels::KernelTable& kernels = kernels::best_table()) {
  runtime::Team team(threads);
  base::SilentProgress progress;
  const base::StopFlag stop;
  return surgery::check_model(path, data, {team, kernels, progress, stop});
}

std::string texts(const surgery::CheckReport& report) {
  std::string out;
  for (const surgery::Found& f : report.found) {
    out += std::string(surgery::part_name(f.part)) + "|" + f.finding.where + "|" + f.finding.text;
    if (f.offset) out += "|" + std::to_string(*f.offset);
    out += "\n";
  }
  return out;
}

struct Fault {
  const char* name;
  std::function<void(Spoiled&)> spoil;
  Part part;
  Level level;
  const char* where;
  const char* text;
};

void set_u16(std::vector<std::byte>& bytes, std::size_t at, unsigned v) {
  bytes[at] = static_cast<std::byte>(v & 0xff);
  bytes[at + 1] = static_cast<std::byte>(v >> 8);
}

gguf::Array& array(Spoiled& m, const char* key) {
  return std::get<gguf::Array>(const_cast<gguf::Value&>(*m.metadata.find(key)));
}

void set_i32(gguf::Array& a, std::size_t i, std::int32_t v) {
  std::memcpy(a.fixed.data() + 4 * i, &v, 4);
}

void add_tensor(Spoiled& m, const char* name, const char* type, tensor::Shape shape) {
  const quant::Codec* codec = quant::find_codec(type);
  m.plans.push_back({name, codec, shape});
  std::vector<float> x(shape.elements());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 37) * 0.01F - 0.18F;
  std::vector<std::byte> bytes(tensor::tensor_bytes(*codec, shape));
  codec->encode({.x = x, .rows = shape.rows(), .cols = shape.cols(), .importance = {}}, bytes);
  m.data.push_back(std::move(bytes));
}

const Fault kFaults[] = {
    {"NaN", [](Spoiled& m) { set_u16(m.bytes("blk.3.attn_output.weight"), 2 * 517, 0x7fc0); },
     Part::blocks, Level::error, "blk.3.attn_output.weight", "element is NaN (row 1, block "},
    {"TwoRowsWithInfinities",
     [](Spoiled& m) {
       set_u16(m.bytes("blk.1.ffn_up_exps.weight"), 0, 0x7f80);
       set_u16(m.bytes("blk.1.ffn_up_exps.weight"), 2 * 256 * 9, 0xff80);
     },
     Part::blocks, Level::error, "blk.1.ffn_up_exps.weight",
     "element is infinite (row 0, block 0, byte "},
    {"ZeroTensor",
     [](Spoiled& m) { std::ranges::fill(m.bytes("blk.2.attn_q_b.weight"), std::byte{0}); },
     Part::zeros, Level::warning, "blk.2.attn_q_b.weight", "all weights are zero"},
    {"ZeroExpert",
     [](Spoiled& m) {
       auto& bytes = m.bytes("blk.2.ffn_down_exps.weight");
       const std::size_t expert = bytes.size() / 8;
       std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(3 * expert), expert, std::byte{0});
     },
     Part::zeros, Level::warning, "blk.2.ffn_down_exps.weight",
     "1 of 8 matrices hold only zeros, the first is number 3"},
    {"Hole",
     [](Spoiled& m) {
       auto& bytes = m.bytes("blk.4.attn_output.weight");
       std::fill_n(bytes.begin() + 8192, 16384, std::byte{0});
     },
     Part::zeros, Level::warning, "blk.4.attn_output.weight", "16384 bytes of zeros from byte "},
    {"NoSuchKeys", [](Spoiled& m) { m.metadata.erase("deepseek2.embedding_length"); },
     Part::architecture, Level::error, "deepseek2.embedding_length", "a required key is missing"},
    {"WrongShape",
     [](Spoiled& m) {
       tensor::Shape& s = m.plan("blk.2.attn_q_b.weight").shape;
       std::swap(s.ne[0], s.ne[1]);
     },
     Part::architecture, Level::error, "blk.2.attn_q_b.weight", "a tensor has the wrong shape"},
    {"MissingTensor", [](Spoiled& m) { m.drop("blk.5.ffn_norm.weight"); }, Part::architecture,
     Level::error, "blk.5.ffn_norm.weight", "a required tensor is missing"},
    {"LeftOverTensor",
     [](Spoiled& m) {
       add_tensor(m, "adapter.weight", "f32", {{32, 4, 1, 1}});
     },
     Part::architecture, Level::warning, "adapter.weight", "is no tensor of architecture"},
    {"LeftOverBias",
     [](Spoiled& m) {
       add_tensor(m, "blk.1.attn_output.bias", "f32", {{64, 1, 1, 1}});
     },
     Part::architecture, Level::error, "blk.1.attn_output.bias", "the file cannot run"},
    {"TensorOfAnotherArchitecture",
     [](Spoiled& m) {
       add_tensor(m, "blk.1.attn_q_norm.weight", "f32", {{64, 1, 1, 1}});
     },
     Part::architecture, Level::error, "blk.1.attn_q_norm.weight", "the file cannot run"},
    {"UnknownArchitecture",
     [](Spoiled& m) { m.metadata.set("general.architecture", std::string("brandnew")); },
     Part::architecture, Level::warning, "general.architecture", "the architecture is unknown"},
    {"NoTokenizer", [](Spoiled& m) { m.metadata.erase("tokenizer.ggml.model"); }, Part::tokenizer,
     Level::warning, "tokenizer.ggml.model", "is missing"},
    {"DoubleToken",
     [](Spoiled& m) {
       auto& tokens = array(m, "tokenizer.ggml.tokens").strings;
       tokens[300] = tokens[301];
       tokens[400] = tokens[401];
     },
     Part::tokenizer, Level::error, "tokenizer.ggml.tokens", "(2 such pairs)"},
    {"TooFewTokens",
     [](Spoiled& m) {
       array(m, "tokenizer.ggml.tokens").strings.pop_back();
       array(m, "tokenizer.ggml.scores").fixed.resize(4 * 4095);
       array(m, "tokenizer.ggml.token_type").fixed.resize(4 * 4095);
     },
     Part::tokenizer, Level::error, "tokenizer.ggml.tokens", "has 4095 tokens, token_embd 4096"},
    {"ShortScores", [](Spoiled& m) { array(m, "tokenizer.ggml.scores").fixed.resize(400); },
     Part::tokenizer, Level::error, "tokenizer.ggml.scores", "vocabulary lists differ in length"},
    {"UnknownTokenType", [](Spoiled& m) { set_i32(array(m, "tokenizer.ggml.token_type"), 77, 9); },
     Part::tokenizer, Level::warning, "tokenizer.ggml.token_type",
     "token 77 has type 9; 0 to 6 are known"},
    {"IdOutOfRange",
     [](Spoiled& m) { m.metadata.set("tokenizer.ggml.eos_token_id", std::uint32_t{4096}); },
     Part::tokenizer, Level::warning, "tokenizer.ggml.eos_token_id",
     "token id 4096 is outside the vocabulary"},
    {"BadMerges",
     [](Spoiled& m) {
       m.metadata.set("tokenizer.ggml.merges", gguf::Array::of_strings({"a b", "ab", "c "}));
     },
     Part::tokenizer, Level::error, "tokenizer.ggml.merges",
     "line 1, \"ab\", is not two pieces with a space between (2 such lines)"},
    {"BadTemplate",
     [](Spoiled& m) {
       m.metadata.set("tokenizer.chat_template", std::string("{% for m in messages %}"));
     },
     Part::tokenizer, Level::warning, "tokenizer.chat_template", "cannot be used: "},
    {"WrongKeysOfHeads",
     [](Spoiled& m) {
       add_tensor(m, "blk.1.attn_k_b.weight", "bf16", {{128, 512, 4, 1}});
     },
     Part::mla, Level::error, "blk.1.attn_k_b.weight", "is not what blk.1.attn_kv_b.weight says"},
    {"WrongValuesOfHeads",
     [](Spoiled& m) {
       add_tensor(m, "blk.1.attn_v_b.weight", "q8_0", {{512, 512, 1, 1}});
     },
     Part::mla, Level::error, "blk.1.attn_v_b.weight", "is not what blk.1.attn_kv_b.weight says"},
    {"StackedKeysBesideKvB",
     [](Spoiled& m) {
       add_tensor(m, "blk.1.attn_k_b.weight", "bf16", {{128, 512, 4, 1}});
     },
     Part::mla, Level::warning, "blk.1.attn_k_b.weight",
     "has three dimensions and stands beside attn_kv_b: no public program reads that"},
    {"KeysWithoutValuesBesideKvB",
     [](Spoiled& m) {
       add_tensor(m, "blk.1.attn_k_b.weight", "bf16", {{128, 2048, 1, 1}});
     },
     Part::mla, Level::warning, "blk.1.attn_k_b.weight",
     "stands beside attn_kv_b without attn_v_b: llama.cpp refuses the file"},
    {"OneHeadThoughThereIsKvB",
     [](Spoiled& m) { m.metadata.set("deepseek2.attention.head_count_kv", std::uint32_t{1}); },
     Part::architecture, Level::warning, "deepseek2.attention.head_count_kv",
     "says 1, but with attn_kv_b programs need 4; quern edit --mla kv_b sets it"},
    {"KeyOfAnotherFlavour",
     [](Spoiled& m) { m.metadata.set("deepseek2.attention.key_length_mla", std::uint32_t{192}); },
     Part::architecture, Level::warning, "deepseek2.attention.key_length_mla",
     "is there, but belongs to files without attn_kv_b"},
    {"NormBeyondReason",
     [](Spoiled& m) {
       const float huge = 1e30F;
       std::memcpy(m.bytes("blk.2.ffn_norm.weight").data() + 4 * 7, &huge, 4);
     },
     Part::blocks, Level::warning, "blk.2.ffn_norm.weight", "element 7 is 1e+30"},
    {"TwoExpertsAlike",
     [](Spoiled& m) {
       auto& bytes = m.bytes("blk.2.ffn_up_exps.weight");
       const auto size = static_cast<std::ptrdiff_t>(bytes.size() / 8);
       std::copy_n(bytes.begin() + 2 * size, size, bytes.begin() + 5 * size);
     },
     Part::blocks, Level::warning, "blk.2.ffn_up_exps.weight",
     "experts 2 and 5 have the same bytes"},
    {"WovenEmbedding",
     [](Spoiled& m) {
       m.drop("token_embd.weight");
       add_tensor(m, "token_embd.weight", "q4_k_r4", {{256, 4096, 1, 1}});
     },
     Part::architecture, Level::error, "token_embd.weight", "interleaved rows cannot be looked up"},
};

class CheckFinds : public testing::TestWithParam<Fault> {};

TEST_P(CheckFinds, TheFault) {
  const Fault& fault = GetParam();
  const test::TempDir dir;
  Spoiled m;
  fault.spoil(m);
  const auto report = check(m.write(dir / "m.gguf"));
  EXPECT_FALSE(report.clean());
  const bool told = std::ranges::any_of(report.found, [&](const surgery::Found& f) {
    return f.part == fault.part && f.finding.level == fault.level &&
           f.finding.where == fault.where && f.finding.text.find(fault.text) != std::string::npos;
  });
  EXPECT_TRUE(told) << texts(report);
}

INSTANTIATE_TEST_SUITE_P(Faults, CheckFinds, testing::ValuesIn(kFaults),
                         [](const auto& fault) { return std::string(fault.param.name); });

TEST(Check, AGoodModelIsClean) {
  const auto report = check(test::source_path("data/tiny-mla-bf16.gguf"));
  EXPECT_TRUE(report.found.empty()) << texts(report);
  EXPECT_EQ(report.n_tensors, 100u);
  EXPECT_GT(report.bytes, 35'000'000u);
}

TEST(Check, OffsetsPointAtTheFault) {
  const test::TempDir dir;
  Spoiled m;
  set_u16(m.bytes("blk.3.attn_output.weight"), 2 * 517, 0x7fc0);
  const auto path = m.write(dir / "m.gguf");
  const auto report = check(path);
  ASSERT_EQ(report.found.size(), 1u) << texts(report);
  ASSERT_TRUE(report.found[0].offset);
  const auto bytes = test::read_bytes(path);
  EXPECT_EQ(bytes[*report.found[0].offset], std::byte{0xc0});
  EXPECT_EQ(bytes[*report.found[0].offset + 1], std::byte{0x7f});
}

TEST(Check, EveryContradictionIsToldNotTheFirst) {
  const test::TempDir dir;
  Spoiled m;
  m.drop("blk.5.ffn_norm.weight");
  m.drop("blk.3.attn_norm.weight");
  std::swap(m.plan("blk.2.attn_q_b.weight").shape.ne[0],
            m.plan("blk.2.attn_q_b.weight").shape.ne[1]);
  EXPECT_EQ(check(m.write(dir / "m.gguf"), false).found.size(), 3u);
}

TEST(Check, QuickReadsNoData) {
  const test::TempDir dir;
  Spoiled m;
  set_u16(m.bytes("blk.3.attn_output.weight"), 2 * 517, 0x7fc0);
  const auto report = check(m.write(dir / "m.gguf"), false);
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(report.bytes, 0u);
}

TEST(Check, AMissingOutputIsNoted) {
  const test::TempDir dir;
  Spoiled m;
  m.drop("output.weight");
  const auto report = check(m.write(dir / "m.gguf"), false);
  EXPECT_TRUE(report.clean());
  EXPECT_THAT(texts(report), HasSubstr("architecture|output.weight|is not there: token_embd"));
}

TEST(Check, ExpertsThatOnlyBeginAlikeAreNoTwins) {
  const test::TempDir dir;
  Spoiled m;
  auto& bytes = m.bytes("blk.2.ffn_up_exps.weight");
  const auto size = static_cast<std::ptrdiff_t>(bytes.size() / 8);
  std::copy_n(bytes.begin() + 2 * size, 3 * size / 4, bytes.begin() + 5 * size);
  EXPECT_EQ(texts(check(m.write(dir / "m.gguf"))), "");
}

TEST(Check, AFileTypeOfNoTensorIsNoted) {
  const test::TempDir dir;
  Spoiled m;
  m.metadata.set("general.file_type", std::uint32_t{15});
  const auto report = check(m.write(dir / "m.gguf"), false);
  EXPECT_TRUE(report.clean());
  EXPECT_THAT(texts(report), HasSubstr("general.file_type|says Q4_K_M, but no matrix is q4_K: most "
                                       "are bf16"));
}

TEST(Check, NotesDoNotCount) {
  const test::TempDir dir;
  Spoiled m;
  auto& bytes = m.bytes("token_embd.weight");
  std::fill_n(bytes.end() - 16 * 512, 16 * 512, std::byte{0});  // tokens that never occur
  const auto report = check(m.write(dir / "m.gguf"));
  EXPECT_TRUE(report.clean());
  EXPECT_THAT(texts(report), HasSubstr("zeros|token_embd.weight|8192 bytes of zeros"));
}

/// Expert 3 may be pruned; what reaches from the middle of 4 over 5 into 6 is a hole.
TEST(Check, AZeroMatrixHidesNoHole) {
  const test::TempDir dir;
  Spoiled m;
  auto& bytes = m.bytes("blk.2.ffn_down_exps.weight");
  const std::size_t expert = bytes.size() / 8;
  const auto zero = [&](std::size_t at, std::size_t size) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, std::byte{0});
  };
  zero(3 * expert, expert);
  auto report = check(m.write(dir / "pruned.gguf"));
  EXPECT_EQ(report.found.size(), 1u) << texts(report);

  zero(5 * expert - 5376, 5376 + expert + 6400);
  report = check(m.write(dir / "hole.gguf"));
  ASSERT_EQ(report.found.size(), 2u) << texts(report);
  EXPECT_THAT(report.found[0].finding.text, HasSubstr("2 of 8 matrices hold only zeros"));
  EXPECT_EQ(report.found[0].finding.level, Level::warning);
  EXPECT_THAT(report.found[1].finding.text, HasSubstr("6400 bytes of zeros"));
  EXPECT_THAT(report.found[1].finding.text, HasSubstr("2 such stretches, 11776 bytes in all"));
  EXPECT_THAT(report.found[1].finding.text, HasSubstr("a hole of a broken download"));
  EXPECT_EQ(report.found[1].finding.level, Level::error);
  EXPECT_EQ(*report.found[1].offset, *report.found[0].offset + 3 * expert);
}

/// ik_llama.cpp pads to 32 whatever general.alignment says, but copies that key.
TEST(Check, WrongAlignmentKeyIsFound) {
  const test::TempDir dir;
  const auto path = test::source_path("data/tiny-mla-bf16.gguf");
  const gguf::File file = gguf::File::open(path);
  gguf::Metadata m = file.metadata();
  m.set("general.alignmenT", std::uint32_t{64});
  std::vector<gguf::TensorPlan> plans;
  for (std::size_t i = 0; i < 3; ++i)
    plans.push_back({"t" + std::to_string(i), quant::find_codec("f32"), {{9, 1, 1, 1}}});
  gguf::Writer writer(dir / "m.gguf", m, plans);
  const std::vector<std::byte> data(36, std::byte{1});
  for (std::size_t i = 0; i < 3; ++i) writer.write(i, 0, data);
  writer.finish();
  auto bytes = test::read_bytes(dir / "m.gguf");
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  bytes[all.find("general.alignmenT") + 16] = std::byte{'t'};
  for (std::size_t n = bytes.size() % 64; n != 0 && n < 64; n += 32)
    bytes.resize(bytes.size() + 32);
  test::write_bytes(dir / "m.gguf", bytes);
  const auto report = check(dir / "m.gguf");
  EXPECT_FALSE(report.clean()) << texts(report);
}

/// Repacking of q8_KV with ik_llama.cpp (docs/spec/types/interleaved.md 37).
TEST(Check, RowDistanceOfRepackedQ8KvIsFound) {
  const test::TempDir dir;
  gguf::Metadata m;
  m.set("general.architecture", std::string("none"));
  const tensor::Shape shape{{256, 16, 1, 1}};
  const std::vector<gguf::TensorPlan> plans = {{"a", quant::find_codec("q8_KV_r8"), shape},
                                               {"gap", quant::find_codec("f32"), {{16, 1, 1, 1}}},
                                               {"b", quant::find_codec("f32"), {{8, 1, 1, 1}}}};
  gguf::Writer writer(dir / "m.gguf", m, plans);
  for (std::size_t i = 0; i < 3; ++i) {
    writer.write(i, 0,
                 std::vector<std::byte>(tensor::tensor_bytes(*plans[i].codec, plans[i].shape),
                                        std::byte{1}));
  }
  writer.finish();
  EXPECT_THAT(texts(check(dir / "m.gguf")), testing::Not(HasSubstr("row distance")));
  // Without "gap" in the list, "b" begins 4 bytes a row later than it should.
  auto bytes = test::read_bytes(dir / "m.gguf");
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t at = all.find("gap") - 8;
  const std::size_t info = 8 + 3 + 4 + 8 + 4 + 8;
  const std::size_t data_start = gguf::File::open(dir / "m.gguf").data_start();
  std::vector<std::byte> shorter(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  shorter.insert(shorter.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at + info),
                 bytes.begin() + static_cast<std::ptrdiff_t>(data_start));
  shorter[8] = std::byte{2};
  shorter.resize((shorter.size() + 31) / 32 * 32);
  // Trailing zeros of the old padding may have become a block too many.
  const std::size_t header = all.find("b", at + info) + 1 + 4 + 8 + 4 + 8 - info;
  shorter.resize((header + 31) / 32 * 32);
  shorter.insert(shorter.end(), bytes.begin() + static_cast<std::ptrdiff_t>(data_start),
                 bytes.end());
  test::write_bytes(dir / "m.gguf", shorter);
  EXPECT_THAT(texts(check(dir / "m.gguf")), HasSubstr("container|a|has the row distance of q8_KV"));
}

class CheckSet : public testing::Test {
 protected:
  CheckSet() {
    gguf::Metadata m;
    m.set("general.architecture", std::string("none"));
    for (std::uint32_t no = 0; no < 3; ++no) {
      gguf::set_split_keys(m, {.no = no, .count = 3, .n_tensors = 3});
      gguf::Writer writer(path(no), m,
                          {{"t" + std::to_string(no), quant::find_codec("q8_0"), {{32, 2, 1, 1}}}});
      std::vector<std::byte> bytes(68, std::byte{1});
      if (no == 2) set_u16(bytes, 34, 0x7e00);
      writer.write(0, 0, bytes);
      writer.finish();
    }
  }
  std::string path(std::uint32_t no) const {
    return gguf::shard_name((dir_ / "m").string(), no, 3);
  }
  const test::TempDir dir_;
};

TEST_F(CheckSet, FaultsOfAnyFileAreToldWithTheFile) {
  const auto report = check(path(0));
  EXPECT_EQ(report.n_files, 3u);
  const auto at = std::ranges::find(report.found, Part::blocks, &surgery::Found::part);
  ASSERT_NE(at, report.found.end()) << texts(report);
  EXPECT_EQ(at->file, path(2));
}

TEST_F(CheckSet, AMissingFileIsAFindingAndTheOthersAreStillLookedAt) {
  fs::remove(path(1));
  const auto report = check(path(0));
  EXPECT_EQ(report.n_files, 2u);
  EXPECT_EQ(report.n_unreadable, 0u);
  EXPECT_THAT(texts(report),
              HasSubstr("split|m-00002-of-00003.gguf|is missing: file 2 of the 3 of this split"));
  EXPECT_THAT(texts(report), HasSubstr("blocks|t2|"));
}

TEST_F(CheckSet, ATruncatedFileIsAFinding) {
  fs::resize_file(path(1), fs::file_size(path(1)) - 40);
  const auto report = check(path(0));
  EXPECT_EQ(report.n_files, 2u);
  EXPECT_EQ(report.n_unreadable, 1u);
  EXPECT_THAT(texts(report), HasSubstr("container|t1|tensor data lies outside the file"));
}

TEST_F(CheckSet, AFileOfAnotherSetIsAFinding) {
  gguf::Metadata m;
  gguf::set_split_keys(m, {.no = 1, .count = 3, .n_tensors = 7});
  gguf::Writer writer(path(1), m, {});
  writer.finish();
  EXPECT_THAT(texts(check(path(0))), HasSubstr("split|"));
  EXPECT_THAT(texts(check(path(0))), HasSubstr("shard does not belong to this split set"));
}

TEST_F(CheckSet, AnotherThanTheFirstFileIsWrongInput) { EXPECT_THROW(check(path(1)), base::Error); }

TEST(Check, ThreadsDoNotMatter) {
  const test::TempDir dir;
  Spoiled m;
  for (const char* name : {"blk.1.ffn_up_exps.weight", "output.weight"}) {
    set_u16(m.bytes(name), 2 * 256 * 30, 0x7fc0);
    std::fill_n(m.bytes(name).begin() + 512 * 100, 6000, std::byte{0});
  }
  const auto path = m.write(dir / "m.gguf");
  EXPECT_EQ(texts(check(path, true, 1)), texts(check(path, true, 7)));
}

/// The largest share of the work that was told.
class LastShare final : public base::Progress {
 public:
  void update(std::string_view, std::uint64_t done, std::uint64_t total, std::string_view,
              std::string_view) override {
    done_ = std::max(done_, done);
    total_ = total;
  }
  void log(std::string_view) override {}
  std::uint64_t done_ = 0, total_ = 0;
};

TEST(Check, ProgressEndsAtTheWholeAlsoForTensorsWithoutRows) {
  const test::TempDir dir;
  const test::FlatTensor t = test::random_i2_s(192 * 12, 0.5F, 7);
  const quant::FlatFormat* i2_s = quant::find_flat_format("i2_s");
  gguf::Metadata metadata;
  metadata.set("general.architecture", std::string("test"));
  gguf::Writer writer(dir / "flat.gguf", metadata,
                      {{"blk.0.attn_q.weight", i2_s->rows, {{192, 12, 1, 1}}, i2_s}});
  writer.write(0, 0, t.bytes);
  writer.finish();
  runtime::Team team(2);
  LastShare progress;
  const base::StopFlag stop;
  surgery::check_model(dir / "flat.gguf", true, {team, kernels::best_table(), progress, stop});
  EXPECT_GT(progress.total_, 0u);
  EXPECT_EQ(progress.done_, progress.total_);
}

/// A table that decodes every row to zeros, to see whose table is used.
TEST(Check, DecodesWithTheTableThatItIsGiven) {
  kernels::KernelTable table = *kernels::find_table("reference");
  table.decoder = [](const quant::Codec&) noexcept -> kernels::Decode {
    return [](const std::byte*, std::size_t cols, float* out) noexcept {
      std::fill_n(out, cols, 0.0F);
    };
  };
  const auto report = check(test::source_path("data/tiny-mla-bf16.gguf"), true, 2, table);
  EXPECT_EQ(report.found.size(), 100u);
  EXPECT_THAT(texts(report), HasSubstr("all weights are zero"));
}

TEST(ValueError, SaysHowFarApart) {
  surgery::ValueError e;
  const float a[] = {1, 2, 2}, b[] = {1, 2, -1};
  e.add(a, b);
  EXPECT_DOUBLE_EQ(e.relative_rmse(), 1.0);
  EXPECT_DOUBLE_EQ(e.max_error(), 3.0);
  EXPECT_EQ(e.n_different(), 1u);
  EXPECT_NEAR(e.cosine(), (1 + 4 - 2) / std::sqrt(9.0 * 6.0), 1e-12);
}

TEST(ValueError, TypicalErrorsFollowTheBits) {
  EXPECT_EQ(surgery::typical_error(*quant::find_codec("f32")), 0.0);
  const double q8 = surgery::typical_error(*quant::find_codec("q8_0"));
  const double q4 = surgery::typical_error(*quant::find_codec("q4_k"));
  EXPECT_GT(q8, 0.003);
  EXPECT_LT(q8, 0.01);
  EXPECT_GT(q4, 0.05);
  EXPECT_LT(q4, 0.1);
}

}  // namespace
