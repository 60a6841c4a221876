// A model with one NaN weight: every command that runs it says where NaN appears first and which
// tensor is broken; `info --check` finds it without running.
#include <gmock/gmock.h>

#include "gguf/file.h"
#include "support/support.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();
const std::string kText = test::source_path("data/evaluation.txt").string();

class BrokenModel : public testing::Test {
 protected:
  /// A copy of the model with a NaN in column 7 of row `row` of a bf16 tensor.
  std::string broken(const std::string& tensor, std::size_t row) const {
    auto bytes = test::read_bytes(kModel);
    const auto files = gguf::FileSet::open(kModel);
    const gguf::TensorInfo* t = files.find(tensor);
    const std::size_t at = t->offset + row * t->codec->row_bytes(t->shape.cols()) + 2 * 7;
    bytes[at] = std::byte{0xc0};
    bytes[at + 1] = std::byte{0x7f};
    const auto path = dir_ / "broken.gguf";
    test::write_bytes(path, bytes);
    return path.string();
  }

  const test::TempDir dir_;
};

TEST_F(BrokenModel, RunsTellLayerTokenAndTensor) {
  const std::string model = broken("blk.3.attn_output.weight", 5);
  const std::string out = (dir_ / "out").string();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"perplexity", "-m", model, "-f", kText, "--chunks", "2"},
        {"perplexity", "-m", model, "-f", kText, "--chunks", "2", "--loop", "layer"},
        {"imatrix", "-m", model, "-f", kText, "--chunks", "1", "-o", out},
        {"logits", "-m", model, "-p", "some words", "-o", out},
        {"run", "-m", model, "-p", "some words", "-n", "4"}}) {
    const auto r = test::run_quern(words);
    EXPECT_EQ(r.exit_code, 1) << words[0];
    EXPECT_THAT(r.err, AllOf(HasSubstr("layer: 3"), HasSubstr("after: attention"),
                             HasSubstr("position: 0"), HasSubstr("broken tensor: attn_output"),
                             HasSubstr("row: 5"), HasSubstr("info --check")))
        << words[0];
    EXPECT_FALSE(std::filesystem::exists(out)) << words[0];
  }
}

TEST_F(BrokenModel, OnlyTheTokenOfABrokenEmbeddingIsNamed) {
  const std::string model = broken("token_embd.weight", 1000);
  std::vector<std::int32_t> ids = {1, 5, 1000, 6};
  test::write_bytes(dir_ / "ids", std::as_bytes(std::span(ids)));
  const std::vector<std::string> words = {
      "logits", "-m", model, "--ids", (dir_ / "ids").string(), "-o", (dir_ / "o").string()};
  EXPECT_THAT(test::run_quern(words).err,
              AllOf(HasSubstr("after: embedding"), HasSubstr("token: 1000"),
                    HasSubstr("position: 2"), HasSubstr("broken tensor: token_embd")));
  ids[2] = 999;
  test::write_bytes(dir_ / "ids", std::as_bytes(std::span(ids)));
  EXPECT_EQ(test::run_quern(words).exit_code, 0);
}

TEST_F(BrokenModel, CheckFindsPlainValuesAndExpertsWithRowAndOffset) {
  for (const std::string tensor : {"blk.3.attn_output.weight", "token_embd.weight",
                                   "blk.2.ffn_down_exps.weight", "output.weight"}) {
    const auto r = test::run_quern({"info", "--check", broken(tensor, 5)});
    EXPECT_EQ(r.exit_code, 1) << tensor;
    EXPECT_THAT(r.out, AllOf(HasSubstr(tensor), HasSubstr("(row 5, "), HasSubstr("byte ")));
  }
  EXPECT_THAT(test::run_quern({"info", "--check", kModel}).out, HasSubstr("nothing odd"));
}

}  // namespace
