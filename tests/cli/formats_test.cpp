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
const std::filesystem::path kGolden = test::source_path("tests/golden/types/weights");

std::string golden(std::string_view name) { return (kGolden / name).string(); }

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

struct Refusal {
  std::vector<std::string> arguments;
  std::vector<std::string> told;
};

TEST(Encode, RefusesWhatDoesNotFit) {
  const test::TempDir dir;
  const std::string bin = (dir / "out.bin").string();
  const auto fails = [&](std::vector<std::string> arguments, std::string_view message) {
    arguments.push_back(golden("input.f32"));
    arguments.push_back(bin);
    const test::RunResult r = test::run_quern(arguments);
    EXPECT_NE(r.exit_code, 0);
    EXPECT_THAT(r.err, HasSubstr(std::string(message)));
    EXPECT_FALSE(std::filesystem::exists(bin));
  };
  fails({"encode", "--type", "q9", "--cols", "1024"}, "unknown type");
  fails({"encode", "--cols", "1024"}, "--type");
  fails({"encode", "--type", "q4_K", "--cols", "1000"}, "a multiple of 256");
  fails({"encode", "--type", "q8_0", "--cols", "96"}, "odd size");
  fails({"encode", "--type", "q8_0", "--cols", "512", "--importance", golden("importance.f32")},
        "512 values");
  fails({"encode", "--type", "q8_0", "--cols", "512", "--effort", "most"}, "fast, best");
  fails({"decode", "--type", "f16", "--cols", "1024"}, "element is NaN");
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
  const std::string broken = spoiled.write(dir / "broken.gguf");
  const Refusal cases[] = {
      {{"-m", broken},
       {"a weight that is infinite", "blk.1.attn_q_a.weight", "row: 3", "column: 7",
        "broken.gguf"}},
      {{"-m", kModel, "-t", "q4K"}, {"did you mean q4_K?"}},
      {{"-m", kModel, "-l", "nothing"}, {"70 matrices", "tiny-mla-bf16.gguf", "a name"}},
      {{"-m", kModel, "--csv", "--json"}, {"--json and --csv together"}},
      {{"-m", kModel, "--csv", "--histogram"}, {"--csv has no histogram"}},
      {{"-m", kModel, "--markdown", "-p"}, {"--markdown has no lines for tensors"}},
  };
  for (const Refusal& c : cases) {
    std::vector<std::string> words{"quantize-stats"};
    words.insert(words.end(), c.arguments.begin(), c.arguments.end());
    if (c.arguments.size() < 3) words.insert(words.end(), {"-t", "q8_0"});
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
  const std::string importance =
      test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf").string();
  const test::RunResult r =
      test::run_quern({"quantize-stats", "-m", kModel, "-t", "q2_K", "-l", "blk\\.1\\.ffn_up_exps",
                       "--imatrix", importance, "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const auto j = nlohmann::json::parse(r.out);
  EXPECT_LT(j[0]["weighted_rmse"], j[0]["relative_rmse"]);
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
