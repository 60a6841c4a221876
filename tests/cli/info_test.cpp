// quern info, on models and on importance files.
#include <nlohmann/json.hpp>

#include "calibrate/importance.h"
#include "gguf/file.h"
#include "gguf/writer.h"
#include "support/bytes_builder.h"
#include "support/support.h"

namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();
const std::string kImportance =
    test::source_path("tests/golden/tiny-mla/imatrix_32x512.gguf").string();

TEST(Info, ModelAsText) {
  const test::RunResult r = test::run_quern({"info", kModel});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("architecture  deepseek2\n"));
  EXPECT_THAT(r.out, HasSubstr("17.94 M weights in 100 tensors, 36.02 MB, 16.016 bits per weight"));
  EXPECT_THAT(r.out, HasSubstr("6: 1 dense, 5 with 8 experts of width 256, 2 used, shared expert"));
  EXPECT_THAT(r.out, HasSubstr("tensors by role\n"));
  EXPECT_THAT(r.out, HasSubstr("findings\n  nothing odd\n"));
}

TEST(Info, ModelAsJson) {
  const test::RunResult r =
      test::run_quern({"info", kModel, "--json", "--tensors", "^blk\\.1\\..*_exps"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  const json j = json::parse(r.out);
  EXPECT_EQ(j["kind"], "model");
  EXPECT_EQ(j["tensors"], 100);
  EXPECT_EQ(j["file_bytes"], std::filesystem::file_size(kModel));
  EXPECT_EQ(j["metadata"]["deepseek2.block_count"]["value"], 6);
  EXPECT_EQ(j["metadata"]["tokenizer.ggml.tokens"]["n"], 4096);
  EXPECT_EQ(j["types"][0]["name"], "bf16");
  EXPECT_EQ(j["list"].size(), 3u);
  EXPECT_TRUE(j["findings"].empty());
}

TEST(Info, CheckFindsBrokenBlocks) {
  const test::TempDir dir;
  gguf::Writer writer(dir / "m.gguf", {}, {{"t", quant::find_codec("q8_0"), {{64, 2, 1, 1}}}});
  test::Bytes data;
  data.u16(0x3c00).zeros(32).u16(0x3c00).zeros(32).u16(0x3c00).zeros(32).u16(0x7e00).zeros(32);
  writer.write(0, 0, data.data());
  writer.finish();
  EXPECT_EQ(test::run_quern({"info", (dir / "m.gguf").string()}).out.find("row 1"),
            std::string::npos);
  const test::RunResult r = test::run_quern({"info", (dir / "m.gguf").string(), "--check"});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.out, HasSubstr("(row 1, block 1, byte "));
}

/// `info --check` on a copy of the small model with zeros in [offset, offset + size) of a tensor.
test::RunResult check_zeros(const std::string& name, std::size_t offset, std::size_t size) {
  const test::TempDir dir;
  const gguf::FileSet set = gguf::FileSet::open(kModel);
  std::vector<std::byte> bytes = test::read_bytes(kModel);
  const auto start = static_cast<std::ptrdiff_t>(set.find(name)->offset + offset);
  std::fill_n(bytes.begin() + start, size, std::byte{0});
  test::write_bytes(dir / "m.gguf", bytes);
  return test::run_quern({"info", (dir / "m.gguf").string(), "--check"});
}

TEST(Info, CheckFindsAHoleOfZeros) {
  const test::RunResult whole = test::run_quern({"info", kModel, "--check"});
  EXPECT_EQ(whole.exit_code, 0);
  EXPECT_THAT(whole.out, HasSubstr("nothing odd"));
  for (const char* name : {"blk.2.ffn_down_exps.weight", "token_embd.weight"}) {
    const test::RunResult hole = check_zeros(name, 3000, 65536);
    EXPECT_EQ(hole.exit_code, 1);
    EXPECT_THAT(hole.out, HasSubstr("65472 bytes of zeros from byte "));  // in steps of 64
    EXPECT_THAT(hole.out, HasSubstr("a hole of a broken download or copy?"));
    EXPECT_THAT(hole.out, HasSubstr(name));
  }
}

TEST(Info, WholeRowsOfZerosMayBeMeant) {
  const test::RunResult tokens = check_zeros("token_embd.weight", 512 * 10, 512 * 20);
  EXPECT_EQ(tokens.exit_code, 0);
  EXPECT_THAT(tokens.out, HasSubstr("note  token_embd.weight  10240 bytes of zeros"));
  EXPECT_THAT(tokens.out, HasSubstr("whole rows"));
  const test::RunResult pruned = check_zeros("blk.1.attn_q_a.weight", 512 * 3, 512 * 16);
  EXPECT_EQ(pruned.exit_code, 0);
  EXPECT_THAT(pruned.out, HasSubstr("warning  blk.1.attn_q_a.weight  8192 bytes of zeros"));
}

TEST(Info, TextFromFilesCannotDriveTheTerminal) {
  const test::TempDir dir;
  test::Bytes b;
  b.header(0, 2).pair_str("general.architecture", "x\x1b[31m").pair_str("a\x07", "\xff");
  test::write_bytes(dir / "m.gguf", b.data());
  const std::string path = (dir / "m.gguf").string();
  const test::RunResult text = test::run_quern({"info", path});
  EXPECT_EQ(text.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.out.find('\x07'), std::string::npos);
  EXPECT_THAT(text.out, HasSubstr("x\\x1b[31m"));
  const json j = json::parse(test::run_quern({"info", path, "--json"}).out);
  EXPECT_EQ(j["metadata"]["a\\x07"]["value"], "\\xff");
}

TEST(Info, WrongShapeIsAnErrorFinding) {
  const test::TempDir dir;
  const gguf::FileSet set = gguf::FileSet::open(kModel);
  std::vector<gguf::TensorPlan> plan;
  for (const auto& t : set.tensors()) plan.push_back({t.name, t.codec, t.shape});
  plan[0].shape.ne[1] /= 2;
  gguf::Writer writer(dir / "m.gguf", set.metadata(), plan);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const auto bytes = set.view(set.tensors()[i]).bytes;
    writer.write(i, 0, bytes.first(i == 0 ? bytes.size() / 2 : bytes.size()));
  }
  writer.finish();
  const test::RunResult r = test::run_quern({"info", (dir / "m.gguf").string()});
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.out, HasSubstr("output.weight          a tensor has the wrong shape, found {256, "
                               "4096}, expected {256, 2048}\n"));
}

TEST(Info, ImportanceOfBothKinds) {
  const test::RunResult r = test::run_quern({"info", kImportance, "-m", kModel});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_THAT(r.out, HasSubstr("importance matrix, GGUF\n"));
  EXPECT_THAT(r.out, HasSubstr("80 with 221 vectors\n"));
  EXPECT_THAT(r.out, HasSubstr("32 chunks of 512 tokens\n"));
  EXPECT_THAT(r.out, HasSubstr("wrong size"));
  const test::TempDir dir;
  calibrate::save_importance(calibrate::load_importance(kImportance), dir / "m.dat",
                             calibrate::Dialect::dat);
  const test::RunResult dat =
      test::run_quern({"info", (dir / "m.dat").string(), "--tensors", "attn_k_b"});
  EXPECT_EQ(dat.exit_code, 0) << dat.err;
  EXPECT_THAT(dat.out, HasSubstr("importance matrix, legacy (.dat)\n"));
  EXPECT_THAT(dat.out, HasSubstr("6 of 80 entries\n"));
}

TEST(Info, ImportanceAsJson) {
  const test::RunResult r =
      test::run_quern({"info", kImportance, "--json", "--tensors", "ffn_up_exps"});
  EXPECT_EQ(r.exit_code, 0) << r.err;
  const json j = json::parse(r.out);
  EXPECT_EQ(j["kind"], "importance");
  EXPECT_EQ(j["chunk_count"], 32);
  EXPECT_EQ(j["datasets"][0], "calibration.txt");
  EXPECT_EQ(j["list"].size(), 5u);
  EXPECT_EQ(j["list"][0]["vectors"], 8);
  EXPECT_GT(j["list"][1]["cosine_to_layer_before"], 0.5);
}

TEST(Info, ErrorsNameTheFile) {
  const test::TempDir dir;
  test::write_bytes(dir / "empty.gguf", {});
  const test::RunResult empty = test::run_quern({"info", (dir / "empty.gguf").string()});
  EXPECT_EQ(empty.exit_code, 1);
  EXPECT_THAT(empty.err, HasSubstr("error: FILE is empty\n"));
  EXPECT_THAT(empty.err, HasSubstr("file: " + (dir / "empty.gguf").string() + "\n"));
  const test::RunResult missing = test::run_quern({"info", (dir / "none").string()});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("error: no such file\n"));
  EXPECT_EQ(test::run_quern({"info"}).exit_code, 2);
  EXPECT_EQ(test::run_quern({"info", kModel, "--tensors", "("}).exit_code, 2);
}

}  // namespace
