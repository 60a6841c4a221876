// What an edit takes away though the file still loads.
#include "surgery/consequence.h"

#include <functional>

#include "support/spoiled_model.h"
#include "surgery/metadata_edit.h"
#include "surgery/mla_edit.h"
#include "surgery/tensor_edit.h"

namespace {

using surgery::Draft;
using surgery::MlaForm;
using Level = base::Finding::Level;

struct Loss {
  const char* name;
  std::function<void(Draft&)> edit;
  const char* told;  ///< "" if nothing is lost
};

void drop(Draft& draft, const char* what) { surgery::drop_tensors(draft, recipe::Pattern(what)); }

const Loss kLosses[] = {
    {"Output", [](Draft& d) { drop(d, "^output.weight$"); },
     "error output.weight: is gone: token_embd takes its place, with which the model was not "
     "trained\n"},
    {"OutputUnderAnotherName",
     [](Draft& d) { surgery::rename_tensor(d, "output.weight", "out.weight"); },
     "error output.weight: is gone: token_embd takes its place, with which the model was not "
     "trained\n"},
    {"RoutingBiases", [](Draft& d) { drop(d, "exp_probs_b"); },
     "error blk.1.exp_probs_b.bias: is gone: without it the model computes something else (5 "
     "tensors of this kind)\n"},
    {"OldSpellingOfTheRoutingBias",
     [](Draft& d) { surgery::rename_tensor(d, "blk.1.exp_probs_b.bias", "blk.1.exp_probs_b"); },
     ""},
    {"KeysAndValuesSayTheSame", [](Draft& d) { surgery::convert_mla(d, MlaForm::split, nullptr); },
     ""},
    {"LayersThatRunNoMore",
     [](Draft& d) {
       drop(d, "^blk.5.");
       d.metadata().set("deepseek2.block_count", std::uint32_t{5});
     },
     ""},
    {"Scores", [](Draft& d) { d.metadata().erase("tokenizer.ggml.scores"); },
     "warning tokenizer.ggml.scores: is gone: all tokens have score 0, so that texts become other "
     "tokens\n"},
    {"SpecialToken", [](Draft& d) { d.metadata().erase("tokenizer.ggml.bos_token_id"); },
     "warning tokenizer.ggml.bos_token_id: is gone: the token of this kind of tokenizer takes its "
     "place, or none\n"},
    {"OptionalKeyThatIsRead", [](Draft& d) { d.metadata().erase("deepseek2.expert_weights_norm"); },
     "warning deepseek2.expert_weights_norm: is gone: a default takes its place, with which the "
     "model computes something else\n"},
    {"KeyUnderAnotherName",
     [](Draft& d) {
       surgery::apply(d.metadata(),
                      {.kind = surgery::MetadataEdit::Kind::rename,
                       .key = "deepseek2.rope.freq_base",
                       .value = "deepseek2.rope.frq_base"},
                      false);
     },
     "warning deepseek2.rope.freq_base: is gone: a default takes its place, with which the model "
     "computes something else\n"},
    {"KeyThatNobodyReads", [](Draft& d) { d.metadata().erase("general.license"); }, ""},
};

class Consequence : public testing::TestWithParam<Loss> {};

TEST_P(Consequence, IsTold) {
  const test::TempDir dir;
  // A base of rotation that is not the default, so that its key matters.
  test::Spoiled other;
  other.metadata.set("deepseek2.rope.freq_base", 50000.0F);
  const gguf::FileSet files = gguf::FileSet::open(other.write(dir / "m.gguf"));
  Draft draft(files);
  GetParam().edit(draft);
  std::string told;
  for (const base::Finding& f : surgery::lost_uses(draft)) {
    told += f.level == Level::error ? "error " : "warning ";
    told += f.where + ": " + f.text + "\n";
  }
  EXPECT_EQ(told, GetParam().told);
}

INSTANTIATE_TEST_SUITE_P(Edits, Consequence, testing::ValuesIn(kLosses),
                         [](const auto& loss) { return std::string(loss.param.name); });

TEST(Consequences, AnOutputThatSaysTheSameIsNoLoss) {
  const test::TempDir dir;
  test::Spoiled m;
  m.bytes("output.weight") = m.bytes("token_embd.weight");
  const gguf::FileSet files = gguf::FileSet::open(m.write(dir / "m.gguf"));
  Draft draft(files);
  drop(draft, "^output.weight$");
  EXPECT_TRUE(surgery::lost_uses(draft).empty());
}

}  // namespace
