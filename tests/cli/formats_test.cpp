// quern encode, decode and quantize-stats.
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "report/format_table.h"
#include "support/matrices.h"
#include "support/spoiled_model.h"
#include "support/support.h"

namespace {

using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();
const std::string kImportance =
    test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf").string();
const std::filesystem::path kGolden = test::source_path("tests/golden/types/weights");

std::string golden(std::string_view name) { return (kGolden / name).string(); }

void write_floats(const std::filesystem::path& path, const std::vector<float>& x) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(x.data()),
             static_cast<std::streamsize>(x.size() * sizeof(float)));
}

TEST(Encode, GivesTheBytesOfTheCodecAndDecodeTheFloats) {
  const test::TempDir dir;
  const std::string bin = (dir / "out.bin").string(), back = (dir / "back.f32").string();
  const test::RunResult e =
      test::run_quern({"encode", "--type", "q4_k", "--cols", "1024", "--importance",
                       golden("importance.f32"), golden("input.f32"), bin});
  ASSERT_EQ(e.exit_code, 0) << e.err;
  const std::vector<float> x = test::read_floats(golden("input.f32"));
  const std::vector<float> v = test::read_floats(golden("importance.f32"));
  const quant::Codec& codec = *quant::find_codec("q4_K");
  const auto bytes = test::encode(codec, {.x = x, .rows = 16, .cols = 1024, .importance = v});
  EXPECT_EQ(test::read_bytes(bin), bytes);
  const test::RunResult d =
      test::run_quern({"decode", "--type", "q4_K", "--cols", "1024", bin, back});
  ASSERT_EQ(d.exit_code, 0) << d.err;
  EXPECT_EQ(test::read_floats(back), test::decode(codec, bytes, 16, 1024));
}

TEST(Encode, GivesTheSameBytesForAnyThreadCount) {
  const test::TempDir dir;
  const std::vector<float> golden_rows = test::read_floats(golden("input.f32"));
  std::vector<float> x;
  for (int n = 0; n < 9; ++n) x.insert(x.end(), golden_rows.begin(), golden_rows.end());
  write_floats(dir / "x", x);
  const auto words = [&](const char* type, const char* threads, const std::string& out) {
    return std::vector<std::string>{"encode", "--type", type,       "--cols", "1024",
                                    "-n",     threads,  "--effort", "fast",   (dir / "x").string(),
                                    out};
  };
  for (const char* type : {"q4_K", "iq1_s_r4"}) {
    const std::string one = (dir / "one").string(), three = (dir / "three").string();
    ASSERT_EQ(test::run_quern(words(type, "1", one)).exit_code, 0);
    ASSERT_EQ(test::run_quern(words(type, "3", three)).exit_code, 0);
    EXPECT_EQ(test::read_bytes(one), test::read_bytes(three)) << type;
  }
}

TEST(Decode, ReadsGoldenBytesOfWovenAndTrellisFormats) {
  const test::TempDir dir;
  const std::string back = (dir / "back.f32").string();
  for (const std::string type : {"iq2_kt", "iq1_m_r4"}) {
    const test::RunResult r = test::run_quern(
        {"decode", "--type", type, "--cols", "1024", golden(type + ".importance.bin"), back});
    ASSERT_EQ(r.exit_code, 0) << r.err;
    EXPECT_EQ(test::read_floats(back), test::read_floats(golden(type + ".importance.f32")));
  }
  ASSERT_EQ(test::run_quern({"decode", "--gain", "--type", "iq2_kt", "--cols", "1024",
                             golden("iq2_kt.importance.bin"), back})
                .exit_code,
            0);
  const float plain = test::read_floats(golden("iq2_kt.importance.f32"))[5];
  EXPECT_FLOAT_EQ(test::read_floats(back)[5], plain * 1.05f);
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& f : std::filesystem::directory_iterator(folder)) {
    names.push_back(f.path().filename().string());
  }
  return names;
}

struct Refusal {
  std::vector<std::string> arguments;
  std::vector<std::string> told;
};

TEST(Encode, RefusesWhatDoesNotFitAndLeavesTheOldFile) {
  const test::TempDir dir;
  const std::string bin = (dir / "out.bin").string();
  const auto file = [&](const char* name, std::vector<float> x) {
    write_floats(dir / name, x);
    return (dir / name).string();
  };
  std::vector<float> x(64, 1.0F);
  const std::string good = file("good", x);
  x[41] = std::numeric_limits<float>::quiet_NaN();
  const std::string nan = file("nan", x);
  const std::string empty = file("empty", {}), wide = file("wide", std::vector<float>(64, 1e9F));
  const std::string negative = file("negative", std::vector<float>(32, -1.0F));
  const std::string input = golden("input.f32"), importance = golden("importance.f32");
  const Refusal cases[] = {
      {{"--type", "q9", "--cols", "1024", input}, {"--type: unknown tensor type", "found: q9"}},
      {{"--type", "iq3s", "--cols", "1024", input}, {"did you mean iq3_s?"}},
      {{"--type", "Q4_K_M", "--cols", "1024", input}, {"a recipe of quantize", "q4_K"}},
      {{"--type", "12", "--cols", "1024", input}, {"12 is the number of q4_K"}},
      {{"--type", "i2_s", "--cols", "1024", input}, {"it can only be read"}},
      {{"--type", "q8_K", "--cols", "1024", input}, {"activation format"}},
      {{"--type", "i32", "--cols", "1024", input}, {"i32 cannot be made: it holds plain data"}},
      {{"--cols", "1024", input}, {"--type"}},
      {{"--type", "q4_K", "--cols", "1000", input}, {"a multiple of 256"}},
      {{"--type", "q8_0", "--cols", "96", input},
       {"whole rows", "65536 bytes, 170 rows and 256 bytes more", "a multiple of 384 bytes"}},
      {{"--type", "q8_0_r8", "--cols", "32", good},
       {"whole groups of rows", "256 bytes, 2 rows", "8 rows of 128 bytes"}},
      {{"--type", "q8_0", "--cols", "512", "--importance", importance, input},
       {"found: 1024 values", "expected: 512 values"}},
      {{"--type", "q8_0", "--cols", "32", "--importance", negative, good},
       {"column: 0", "found: -1"}},
      {{"--type", "q8_0", "--cols", "32", nan}, {"not a number", "row: 1", "column: 9"}},
      {{"--type", "q8_0", "--cols", "32", empty}, {"IN.f32 is empty"}},
      {{"--type", "f16", "--cols", "32", wide}, {"out of the range of f16", "row: 0"}},
      {{"--type", "q8_0", "--cols", "512", "--effort", "most", input}, {"fast, best"}},
  };
  std::ofstream(bin) << "old";
  for (const Refusal& c : cases) {
    std::vector<std::string> words{"encode"};
    words.insert(words.end(), c.arguments.begin(), c.arguments.end());
    words.push_back(bin);
    const test::RunResult r = test::run_quern(words);
    EXPECT_NE(r.exit_code, 0);
    for (const std::string& text : c.told) EXPECT_THAT(r.err, HasSubstr(text));
    EXPECT_EQ(std::filesystem::file_size(bin), 3U) << r.err;
  }
  const std::string nowhere = (dir / "no" / "out").string();
  const test::RunResult r =
      test::run_quern({"encode", "--type", "q8_0", "--cols", "32", good, nowhere});
  EXPECT_THAT(r.err, HasSubstr("mkdir -p"));
  const test::RunResult over =
      test::run_quern({"encode", "--type", "q8_0", "--cols", "32", good, kModel});
  EXPECT_EQ(over.exit_code, 1);
  EXPECT_THAT(over.err, HasSubstr("would replace a model"));
}

TEST(Encode, WarnsWhereNextToNothingIsLeft) {
  const test::TempDir dir;
  std::vector<float> x(96, 1.0F);
  std::fill(x.begin() + 32, x.begin() + 64, 1e9F);
  write_floats(dir / "x", x);
  const auto r = test::run_quern(
      {"encode", "--type", "q8_0", "--cols", "32", (dir / "x").string(), (dir / "out").string()});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.err, HasSubstr("q8_0: 3 rows of 32, 102 bytes, relative error 0.99"));
  EXPECT_THAT(r.err, HasSubstr("1 of 3 rows (first: row 1)"));
}

TEST(Decode, RefusesWhatIsNoMatrixOfTheType) {
  const test::TempDir dir;
  const std::string back = (dir / "back").string();
  const auto r =
      test::run_quern({"decode", "--type", "f16", "--cols", "1024", golden("input.f32"), back});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, HasSubstr("element is NaN"));
  EXPECT_THAT(r.err, HasSubstr("row: "));
  EXPECT_THAT(names_in(dir.path()), testing::IsEmpty());
}

// Reads standard input and writes standard output, as files.
TEST(Encode, WorksInAPipe) {
  const test::TempDir dir;
  const std::string out = (dir / "out").string();
  const std::string quern = std::string(test::program_path());
  const std::string shape = " --type q4_K --cols 1024 ";
  const std::string line = "cat " + golden("input.f32") + " | " + quern + " encode" + shape +
                           "- - 2>/dev/null | " + quern + " decode" + shape + "- /dev/stdout >" +
                           out;
  ASSERT_EQ(std::system(line.c_str()), 0);
  const std::vector<float> x = test::read_floats(golden("input.f32"));
  const quant::Codec& codec = *quant::find_codec("q4_K");
  const auto bytes = test::encode(codec, {.x = x, .rows = 16, .cols = 1024, .importance = {}});
  EXPECT_EQ(test::read_floats(out), test::decode(codec, bytes, 16, 1024));
}

TEST(QuantizeStats, ErrorsFallWithBits) {
  const test::RunResult r =
      test::run_quern({"quantize-stats", "-m", kModel, "-t", "q2_K", "-t", "q4_K", "-t", "q8_0",
                       "-l", "blk\\.1\\.attn_q", "--effort", "fast", "--json", "--histogram"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto j = nlohmann::json::parse(r.out);
  ASSERT_EQ(j.size(), 3u);
  for (const auto& row : j) {
    EXPECT_EQ(row["weights"], 256 * 256 + 256 * 768);
    const bool open = row["percentile_95"].is_null();  // beyond the last edge
    EXPECT_TRUE(open || row["median"] <= row["percentile_95"]) << row;
    EXPECT_EQ(row["histogram_step"], 0.0002);
    std::uint64_t total = 0;
    for (const auto& n : row["histogram"]) total += n.get<std::uint64_t>();
    EXPECT_EQ(total, row["weights"].get<std::uint64_t>());
  }
  EXPECT_GT(j[0]["rmse"], j[1]["rmse"]);
  EXPECT_GT(j[1]["rmse"], j[2]["rmse"]);
  EXPECT_LT(j[2]["relative_rmse"], 0.01);
}

TEST(QuantizeStats, RefusesWhatItCannotTell) {
  const test::TempDir dir;
  test::Spoiled spoiled;
  const std::uint16_t infinite = 0x7f80;  // bf16
  std::memcpy(spoiled.bytes("blk.1.attn_q_a.weight").data() + 2 * (256 * 3 + 7), &infinite, 2);
  // One entry of one call and some ones, as a .dat.
  const auto dat = [&](const std::string& name, std::int32_t values) {
    const auto size = static_cast<std::int32_t>(name.size());
    const std::vector<float> ones(static_cast<std::size_t>(values), 1.0F);
    std::ofstream out(dir / (name + ".dat"), std::ios::binary);
    const auto put = [&](std::int32_t n) { out.write(reinterpret_cast<const char*>(&n), 4); };
    put(1);
    put(size);
    out << name;
    put(1);
    put(values);
    out.write(reinterpret_cast<const char*>(ones.data()), 4L * values);
    put(1);
    return (dir / (name + ".dat")).string();
  };
  const std::string alien = dat("other.weight", 256), narrow = dat("blk.1.attn_q_a.weight", 128);
  const std::string broken = spoiled.write(dir / "broken.gguf");
  const Refusal cases[] = {
      {{"-m", broken},
       {"a weight that is infinite", "blk.1.attn_q_a.weight", "row: 3", "column: 7",
        "broken.gguf"}},
      {{"-m", kModel, "-t", "q4K"}, {"did you mean q4_K?"}},
      {{"-m", kModel, "-l", "nothing"}, {"70 matrices", "tiny-mla-bf16.gguf", "a name"}},
      {{"-m", kModel, "--pieces", "--imatrix", kImportance}, {"--pieces and --imatrix together"}},
      {{"-m", kModel, "--imatrix", alien}, {"no entry of the importance file", "other.weight"}},
      {{"-m", kModel, "--imatrix", narrow},
       {"another size", "blk.1.attn_q_a.weight", "128 values", "256 (256 columns of 1 matrices)"}},
      {{"-m", kModel, "--csv", "--json"}, {"--json and --csv together"}},
      {{"-m", kModel, "--csv", "--histogram"}, {"--csv has no histogram"}},
      {{"-m", kModel, "--markdown", "-p"}, {"--markdown has no lines for tensors"}},
  };
  for (const Refusal& c : cases) {
    std::vector<std::string> words{"quantize-stats"};
    words.insert(words.end(), c.arguments.begin(), c.arguments.end());
    if (std::find(words.begin(), words.end(), "-t") == words.end())
      words.insert(words.end(), {"-t", "q8_0"});
    const test::RunResult r = test::run_quern(words);
    EXPECT_NE(r.exit_code, 0);
    EXPECT_EQ(r.out, "");
    for (const std::string& text : c.told) EXPECT_THAT(r.err, HasSubstr(text));
  }
}

// Where most errors are larger than the last bucket, no finite bound would be true.
TEST(QuantizeStats, AnOpenBucketHasNoUpperEdge) {
  const auto r = test::run_quern({"quantize-stats", "-m", kModel, "-t", "q1_0_g128", "-l",
                                  "blk\\.1\\.attn_kv_a_mqa", "--effort", "fast"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("95pct<inf"));
}

TEST(QuantizeStats, PrintsTheLinesOfThePublicProgram) {
  const test::RunResult r = test::run_quern({"quantize-stats", "-m", kModel, "-t", "q8_0", "-l",
                                             "blk\\.0\\.attn_q_a\\.", "-p", "--pieces"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("q8_0::blk.0.attn_q_a.weight             : rmse 0."));
  EXPECT_THAT(r.out, HasSubstr("\nq8_0                                    : rmse 0."));
  EXPECT_THAT(r.out, HasSubstr("95pct<0."));
}

TEST(QuantizeStats, SameSumsForAnyThreadCount) {
  const auto out = [](const std::string& threads) {
    return test::run_quern({"quantize-stats", "-m", kModel, "-t", "iq4_nl", "-l", "blk\\.2\\.",
                            "--effort", "fast", "--csv", "-n", threads})
        .out;
  };
  EXPECT_EQ(out("1"), out("3"));
  EXPECT_THAT(out("2"), HasSubstr("type,tensor,bpw,weights"));
}

TEST(QuantizeStats, WeighsWithImportance) {
  const test::RunResult r =
      test::run_quern({"quantize-stats", "-m", kModel, "-t", "q2_K", "-l", "blk\\.1\\.ffn_up_exps",
                       "--imatrix", kImportance, "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto j = nlohmann::json::parse(r.out);
  EXPECT_LT(j[0]["weighted_rmse"], j[0]["relative_rmse"]);
  EXPECT_THAT(r.err, HasSubstr("importance: data for 1 of 1 tensors"));
}

TEST(QuantizeStats, DrawsEveryMeasuredFormat) {
  const test::TempDir dir;
  const std::string svg = (dir / "plot.svg").string();
  const test::RunResult r =
      test::run_quern({"quantize-stats", "-m", kModel, "-t", "q2_K", "-t", "q4_0", "-l",
                       "blk\\.1\\.attn_q_a\\.", "--effort", "fast", "--markdown", "--plot", svg});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("| 10 | `q2_K` | kquant | 256 | 84 | 0 | 1 | 2.6250 | both | 0."));
  std::ifstream file(svg);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr(">q2_K</text>"));
  EXPECT_THAT(text.str(), HasSubstr(">q4_0</text>"));
}

TEST(FormatsPage, ListsEveryFormatAsTheRegistryHasIt) {
  std::ifstream file(test::source_path("docs/formats/README.md"));
  std::stringstream text;
  text << file.rdbuf();
  std::size_t listed = 0;
  for (const quant::Codec* codec : quant::all_codecs()) {
    if (codec->encode == nullptr || codec->name == "f32") continue;
    ++listed;
    EXPECT_THAT(text.str(), HasSubstr(report::format_cells(*codec) + " 0."))
        << "make the table again, with the command above it";
  }
  const std::string all = text.str();
  std::size_t rows = 0;
  for (std::size_t at = all.find("| `"); at != std::string::npos; at = all.find("| `", at + 1)) {
    ++rows;
  }
  EXPECT_EQ(rows, listed) << "the page lists formats that the registry does not have";
}

}  // namespace
