// Drafts and what becomes of them: tensors left out, replaced, added; the flavours of MLA files.
#include <functional>

#include "gguf/reshard.h"
#include "gguf/split.h"
#include "support/bytes_builder.h"
#include "support/spoiled_model.h"
#include "surgery/mla.h"
#include "surgery/mla_edit.h"
#include "surgery/publish.h"
#include "surgery/tensor_edit.h"

namespace {

using surgery::Action;
using surgery::MlaForm;
using test::Spoiled;
using testing::HasSubstr;
namespace fs = std::filesystem;

const fs::path kModel = test::source_path("data/tiny-mla-bf16.gguf");

void publish(surgery::Draft& draft, const surgery::PublishOptions& options) {
  runtime::Team team(2);
  base::SilentProgress progress;
  const base::StopFlag stop;
  surgery::publish(draft, surgery::plan_publish(draft, options), options, team, progress, stop);
}

/// The flavour `form` of a model.
std::vector<std::shared_ptr<const surgery::MadeMla>> convert(const fs::path& from,
                                                             const fs::path& to, MlaForm form,
                                                             const char* type = nullptr) {
  const gguf::FileSet files = gguf::FileSet::open(from);
  surgery::Draft draft(files);
  auto made =
      surgery::convert_mla(draft, form, type == nullptr ? nullptr : quant::find_codec(type));
  publish(draft, {.output = to});
  return made;
}

std::string findings_of(const fs::path& path) {
  runtime::Team team(2);
  base::SilentProgress progress;
  const base::StopFlag stop;
  std::string out;
  const runtime::Runtime runtime{team, kernels::best_table(), progress, stop};
  for (const auto& f : surgery::check_model(path, true, runtime).found) {
    out += f.finding.where + ": " + f.finding.text + "\n";
  }
  return out;
}

TEST(MlaEdit, ThereAndBackIsByteIdentical) {
  const test::TempDir dir;
  const fs::path f16 = dir / "f16";
  ASSERT_EQ(test::run_quern({"quantize", kModel.string(), f16.string(), "f16"}).exit_code, 0);
  for (const fs::path& a : {kModel, f16}) {
    for (const auto& made : convert(a, dir / "c", MlaForm::split)) {
      EXPECT_TRUE(made->error().equal()) << made->name();
    }
    convert(dir / "c", dir / "a2", MlaForm::kv_b);
    EXPECT_EQ(test::read_bytes(dir / "a2"), test::read_bytes(a));
  }
}

/// Converters write the keys of flavour C side by side.
TEST(MlaEdit, FromSplitAndBackIsByteIdentical) {
  const test::TempDir dir;
  Spoiled m;
  std::vector<gguf::Metadata::Pair> pairs;
  for (const auto& [key, value] : m.metadata.pairs()) {
    const auto with = [&](const char* name, std::uint32_t number) {
      pairs.emplace_back(std::string("deepseek2.attention.") + name, number);
    };
    if (key == "deepseek2.attention.head_count_kv") {
      with("head_count_kv", 1);
    } else if (key == "deepseek2.attention.key_length") {
      with("key_length", 576);
    } else if (key == "deepseek2.attention.value_length") {
      with("value_length", 512);
      with("key_length_mla", 192);
      with("value_length_mla", 128);
    } else {
      pairs.emplace_back(key, value);
    }
  }
  convert(kModel, dir / "tensors", MlaForm::split);
  const gguf::FileSet tensors = gguf::FileSet::open(dir / "tensors");
  m.metadata = gguf::Metadata(std::move(pairs));
  m.plans.clear();
  m.data.clear();
  for (const gguf::TensorInfo& t : tensors.tensors()) {
    const auto bytes = tensors.view(t).bytes;
    m.plans.push_back({t.name, t.codec, t.shape});
    m.data.emplace_back(bytes.begin(), bytes.end());
  }
  m.write(dir / "c");
  convert(dir / "c", dir / "a", MlaForm::kv_b);
  EXPECT_EQ(test::read_bytes(dir / "a"), test::read_bytes(kModel));
  convert(dir / "a", dir / "c2", MlaForm::split);
  EXPECT_EQ(test::read_bytes(dir / "c2"), test::read_bytes(dir / "c"));
  convert(dir / "c", dir / "b", MlaForm::both);
  convert(dir / "b", dir / "c3", MlaForm::split);
  EXPECT_EQ(test::read_bytes(dir / "c3"), test::read_bytes(dir / "c"));
}

TEST(MlaEdit, AllWaysBetweenTheFlavoursLeadToTheSameFiles) {
  const test::TempDir dir;
  convert(kModel, dir / "b", MlaForm::both);
  EXPECT_EQ(findings_of(dir / "b"),
            "attn_kv_b: stands beside attn_k_b and attn_v_b: llama.cpp refuses the file\n");
  convert(dir / "b", dir / "c", MlaForm::split);
  EXPECT_EQ(findings_of(dir / "c"), "");
  convert(dir / "c", dir / "b2", MlaForm::both);
  EXPECT_EQ(test::read_bytes(dir / "b2"), test::read_bytes(dir / "b"));
  convert(dir / "b", dir / "a", MlaForm::kv_b);
  EXPECT_EQ(test::read_bytes(dir / "a"), test::read_bytes(kModel));
}

TEST(MlaEdit, KeysSayTheFlavour) {
  const test::TempDir dir;
  convert(kModel, dir / "c", MlaForm::split);
  const gguf::FileSet c = gguf::FileSet::open(dir / "c");
  const auto key = [&](const char* name) {
    return c.metadata().integer(std::string("deepseek2.attention.") + name);
  };
  EXPECT_EQ(key("head_count_kv"), 1);
  EXPECT_EQ(key("key_length"), 512 + 64);
  EXPECT_EQ(key("value_length"), 512);
  EXPECT_EQ(key("key_length_mla"), 192);
  EXPECT_EQ(key("value_length_mla"), 128);
  EXPECT_EQ(c.find("blk.0.attn_kv_b.weight"), nullptr);
  EXPECT_EQ(c.find("blk.0.attn_k_b.weight")->shape, (tensor::Shape{{128, 512, 4, 1}}));
  EXPECT_EQ(c.find("blk.5.attn_v_b.weight")->shape, (tensor::Shape{{512, 128, 4, 1}}));
  convert(kModel, dir / "b", MlaForm::both);
  const gguf::FileSet b = gguf::FileSet::open(dir / "b");
  EXPECT_EQ(b.metadata().integer("deepseek2.attention.head_count_kv"), 4);
  EXPECT_FALSE(b.metadata().has("deepseek2.attention.key_length_mla"));
  EXPECT_EQ(b.find("blk.0.attn_k_b.weight")->shape, (tensor::Shape{{128, 2048, 1, 1}}));
}

/// Edits with other programs forget keys or dimensions; ours sets them right.
TEST(MlaEdit, ForgottenKeysAreFoundAndSet) {
  const test::TempDir dir;
  convert(kModel, dir / "c", MlaForm::split);
  {
    const gguf::FileSet files = gguf::FileSet::open(dir / "c");
    surgery::Draft draft(files);
    draft.metadata().set("deepseek2.attention.head_count_kv", std::uint32_t{4});
    draft.metadata().set("deepseek2.attention.key_length", std::uint32_t{192});
    draft.metadata().erase("deepseek2.attention.value_length_mla");
    draft.metadata().set("deepseek2.attention.value_length", std::uint32_t{128});
    draft.find("blk.3.attn_k_b.weight")->shape = {{128, 2048, 1, 1}};
    publish(draft, {.output = dir / "bad"});
  }
  const std::string found = findings_of(dir / "bad");
  for (const char* text :
       {"head_count_kv: says 4, but with attn_k_b and attn_v_b programs need 1",
        "key_length: says 192, but with attn_k_b and attn_v_b programs need 576",
        "value_length: says 128, but with attn_k_b and attn_v_b programs need 512",
        "value_length_mla: is missing, but with attn_k_b and attn_v_b programs need 128",
        "blk.3.attn_k_b.weight: has two dimensions, though there is no attn_kv_b"}) {
    EXPECT_THAT(found, HasSubstr(text));
  }
  convert(dir / "bad", dir / "mended", MlaForm::split);
  EXPECT_EQ(findings_of(dir / "mended"), "");
}

TEST(MlaEdit, LayersOfTwoFlavoursAreFoundAndMadeAlike) {
  const test::TempDir dir;
  convert(kModel, dir / "c", MlaForm::split);
  const gguf::FileSet c = gguf::FileSet::open(dir / "c");
  const gguf::FileSet files = gguf::FileSet::open(kModel);
  surgery::Draft draft(files);
  surgery::graft_tensors(draft, c, recipe::Pattern("^blk.2.attn_[kv]_b"));
  draft.remove("blk.2.attn_kv_b.weight");
  publish(draft, {.output = dir / "mixed"});
  EXPECT_THAT(findings_of(dir / "mixed"),
              HasSubstr("attn_kv_b: is in 5 of 6 layers, the others have attn_k_b and attn_v_b"));
  convert(dir / "mixed", dir / "a", MlaForm::kv_b);
  EXPECT_EQ(findings_of(dir / "a"), "");
}

/// The three tensors against each other, by the identities of docs/spec/models.md 3.1.
TEST(MlaEdit, EveryElementIsWhereTheSpecificationSays) {
  const test::TempDir dir;
  convert(kModel, dir / "b", MlaForm::both);
  const gguf::FileSet b = gguf::FileSet::open(dir / "b");
  const auto values = [&](const char* name) {
    const tensor::TensorView view = b.view(*b.find(name));
    std::vector<float> out(view.shape.elements());
    tensor::decode_rows(view, 0, view.shape.rows(), out);
    return out;
  };
  const auto kv_b = values("blk.2.attn_kv_b.weight");
  const auto k_b = values("blk.2.attn_k_b.weight");
  const auto v_b = values("blk.2.attn_v_b.weight");
  constexpr std::size_t kP = 128, kDv = 128, kL = 512;
  for (const std::size_t h : {0u, 3u}) {
    for (const std::size_t j : {0u, 1u, 200u, 511u}) {
      for (const std::size_t d : {0u, 5u, 127u}) {
        EXPECT_EQ(k_b[d + kP * (j + kL * h)], kv_b[j + kL * (h * (kP + kDv) + d)]);
        EXPECT_EQ(v_b[j + kL * (d + kDv * h)], kv_b[j + kL * (h * (kP + kDv) + kP + d)]);
      }
    }
  }
}

TEST(MlaEdit, CodedWeightsKeepTheirValueRowsAndTellTheErrorOfTheKeys) {
  const test::TempDir dir;
  const fs::path a = dir / "a";
  ASSERT_EQ(test::run_quern({"quantize", kModel.string(), a.string(), "q6_k"}).exit_code, 0);
  for (const auto& made : convert(a, dir / "c", MlaForm::split, "q8_0")) {
    const bool keys = made->name().find("attn_k_b") != std::string::npos;
    EXPECT_EQ(made->error().n() > 0, keys);
    if (!keys) continue;
    EXPECT_EQ(made->codec().name, "q8_0");
    EXPECT_GT(made->error().relative_rmse(), 0.001);
    EXPECT_LT(made->error().relative_rmse(), 0.01);
  }
  const gguf::FileSet before = gguf::FileSet::open(a);
  const gguf::FileSet after = gguf::FileSet::open(dir / "c");
  const auto kv_b = before.view(*before.find("blk.1.attn_kv_b.weight"));
  const auto v_b = after.view(*after.find("blk.1.attn_v_b.weight"));
  EXPECT_EQ(v_b.codec, kv_b.codec);
  EXPECT_TRUE(std::ranges::equal(v_b.rows(128, 128), kv_b.rows(256 + 128, 128)));
  EXPECT_EQ(findings_of(dir / "c"), "");
  // Chosen types; back: the value rows are taken over once more.
  for (const auto& made : convert(a, dir / "c", MlaForm::split, "f32")) {
    EXPECT_TRUE(made->error().equal()) << made->name();
  }
  convert(dir / "c", dir / "a2", MlaForm::kv_b, std::string(kv_b.codec->name).c_str());
  const gguf::FileSet again = gguf::FileSet::open(dir / "a2");
  const auto kv_b2 = again.view(*again.find("blk.1.attn_kv_b.weight"));
  EXPECT_TRUE(std::ranges::equal(kv_b2.rows(128, 128), kv_b.rows(128, 128)));
}

TEST(MlaEdit, WithoutATypeNothingIsLost) {
  const test::TempDir dir;
  const fs::path a = dir / "a", c = dir / "c";
  const std::pair<const char*, const char*> cases[] = {
      {"iq4_xs", "f32"}, {"mxfp4", "f16"}, {"tq2_0", "f16"}, {"bf16", "bf16"}};
  for (const auto& [type, expected] : cases) {
    ASSERT_EQ(test::run_quern({"quantize", "--custom-q", "attn_kv_b=" + std::string(type),
                               kModel.string(), a.string(), "q8_0"})
                  .exit_code,
              0)
        << type;
    ASSERT_EQ(gguf::FileSet::open(a).find("blk.1.attn_kv_b.weight")->codec,
              quant::find_codec(type));
    for (const auto& made : convert(a, c, MlaForm::both)) {
      const bool keys = made->name().find("attn_k_b") != std::string::npos;
      EXPECT_EQ(made->codec().name, std::string_view(keys ? expected : type)) << made->name();
      EXPECT_TRUE(made->error().equal()) << type << " " << made->name();
    }
    // And the reverse: both parts of one coded type give a whole of a plain one.
    convert(a, c, MlaForm::split);
    for (const auto& made : convert(c, dir / "back", MlaForm::kv_b)) {
      EXPECT_TRUE(made->error().equal()) << type;
    }
  }
}

TEST(MlaEdit, WhatCannotBeDoneIsRefused) {
  const test::TempDir dir;
  EXPECT_THAT(test::error_text([&] { convert(kModel, dir / "c", MlaForm::split, "q4_k"); }),
              HasSubstr("the type cannot hold these rows (type: q4_K, found: 512 rows of 128"));
  Spoiled m;
  m.drop("blk.2.attn_kv_b.weight");
  const std::string broken = m.write(dir / "broken");
  // Nothing of layer 2 is there: it stays so.
  convert(broken, dir / "c", MlaForm::split);
  EXPECT_EQ(gguf::FileSet::open(dir / "c").find("blk.2.attn_k_b.weight"), nullptr);
  EXPECT_FALSE(fs::exists(dir / "none"));
}

class Edit : public testing::Test {
 protected:
  Edit() { fs::copy_file(kModel, path_); }
  Action action(surgery::Draft& draft, const surgery::PublishOptions& options = {}) {
    return surgery::plan_publish(draft, options).at(0).action;
  }
  const test::TempDir dir_;
  const fs::path path_ = dir_ / "m.gguf";
};

TEST_F(Edit, NothingChangedIsNothingDone) {
  const gguf::FileSet files = gguf::FileSet::open(path_);
  surgery::Draft draft(files);
  EXPECT_EQ(action(draft), Action::keep);
  publish(draft, {.output = dir_ / "copy.gguf"});
  EXPECT_EQ(test::read_bytes(dir_ / "copy.gguf"), test::read_bytes(kModel));
  EXPECT_THAT(test::error_text([&] { publish(draft, {.output = path_}); }),
              HasSubstr("the output is the model itself"));
}

TEST_F(Edit, RenamedTensorsNeedOnlyTheHeader) {
  const gguf::FileSet files = gguf::FileSet::open(path_);
  surgery::Draft draft(files);
  surgery::rename_tensor(draft, "output.weight", "outpux.weight");
  EXPECT_EQ(action(draft), Action::header);
  EXPECT_EQ(action(draft, {.in_place = false}), Action::rewrite);
  ASSERT_FALSE(surgery::new_faults(draft).empty());
  EXPECT_THAT(test::error_text([&] { surgery::rename_tensor(draft, "outpxx.weight", "x"); }),
              HasSubstr("did you mean outpux.weight?"));
  EXPECT_THAT(test::error_text(
                  [&] { surgery::rename_tensor(draft, "outpux.weight", "token_embd.weight"); }),
              HasSubstr("the new name is taken"));
}

TEST_F(Edit, SharedBlocksBeginAlike) {
  const gguf::FileSet files = gguf::FileSet::open(path_);
  surgery::Draft draft(files);
  draft.metadata().set("tokenizer.chat_template", std::string(3000, 'x'));
  publish(draft, {.output = dir_ / "o.gguf", .share_blocks = true});
  const gguf::FileSet after = gguf::FileSet::open(dir_ / "o.gguf");
  for (const gguf::TensorInfo& t : files.tensors()) {
    const gguf::TensorInfo* other = after.find(t.name);
    EXPECT_EQ(other->offset % 4096, t.offset % 4096) << t.name;
    EXPECT_TRUE(std::ranges::equal(after.view(*other).bytes, files.view(t).bytes)) << t.name;
  }
  EXPECT_TRUE(after.findings().empty());
}

TEST_F(Edit, WhatALinkNamesIsEdited) {
  const fs::path link = dir_ / "link.gguf";
  fs::create_symlink(path_, link);
  const gguf::FileSet files = gguf::FileSet::open(link);
  surgery::Draft draft(files);
  draft.metadata().set("general.name", std::string("Quern tiny MLB"));
  EXPECT_EQ(action(draft), Action::header);
  publish(draft, {});
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_NE(test::read_bytes(path_), test::read_bytes(kModel));
  surgery::undo_last(path_);
  EXPECT_EQ(test::read_bytes(link), test::read_bytes(kModel));
}

TEST_F(Edit, TheOtherNameOfAHardLinkKeepsWhatItHas) {
  fs::create_hard_link(path_, dir_ / "hard.gguf");
  const gguf::FileSet files = gguf::FileSet::open(path_);
  surgery::Draft draft(files);
  draft.metadata().set("general.name", std::string("Quern tiny MLB"));
  EXPECT_EQ(action(draft), Action::rewrite);
  publish(draft, {});
  EXPECT_EQ(test::read_bytes(dir_ / "hard.gguf"), test::read_bytes(kModel));
  EXPECT_NE(test::read_bytes(path_), test::read_bytes(kModel));
}

TEST_F(Edit, DropAndGraft) {
  ASSERT_EQ(
      test::run_quern({"quantize", kModel.string(), (dir_ / "q.gguf").string(), "q8_0"}).exit_code,
      0);
  const gguf::FileSet donor = gguf::FileSet::open(dir_ / "q.gguf");
  {
    const gguf::FileSet files = gguf::FileSet::open(path_);
    surgery::Draft draft(files);
    EXPECT_EQ(surgery::drop_tensors(draft, recipe::Pattern("blk\\.3\\.ffn_.*_exps")).size(), 3u);
    EXPECT_EQ(surgery::new_faults(draft).size(), 3u);
    const auto grafted = surgery::graft_tensors(draft, donor, recipe::Pattern("ffn_.*_exps"));
    EXPECT_EQ(grafted.replaced.size(), 12u);
    EXPECT_EQ(grafted.added.size(), 3u);
    EXPECT_TRUE(surgery::new_faults(draft).empty());
    publish(draft, {});
  }
  const gguf::FileSet after = gguf::FileSet::open(path_);
  const gguf::FileSet before = gguf::FileSet::open(kModel);
  EXPECT_EQ(after.tensors().size(), 100u);
  for (const gguf::TensorInfo& t : after.tensors()) {
    const bool from_donor = t.name.find("_exps") != std::string::npos;
    const gguf::FileSet& source = from_donor ? donor : before;
    const gguf::TensorInfo* other = source.find(t.name);
    ASSERT_EQ(t.codec, other->codec) << t.name;
    ASSERT_TRUE(std::ranges::equal(after.view(t).bytes, source.view(*other).bytes)) << t.name;
  }
  EXPECT_EQ(findings_of(path_), "");
}

TEST_F(Edit, TheDonorIsNotReplaced) {
  const fs::path path = dir_ / "d.gguf";
  fs::copy_file(kModel, path);
  fs::create_symlink(path, dir_ / "link.gguf");
  const gguf::FileSet donor = gguf::FileSet::open(path);
  const gguf::FileSet files = gguf::FileSet::open(path_);
  surgery::Draft draft(files);
  surgery::graft_tensors(draft, donor, recipe::Pattern("^output"));
  for (const char* name : {"d.gguf", "link.gguf"}) {
    EXPECT_THAT(test::error_text([&] { publish(draft, {.output = dir_ / name}); }),
                HasSubstr("the output would replace the donor"));
  }
  EXPECT_EQ(test::read_bytes(path), test::read_bytes(kModel));
}

TEST_F(Edit, AModelThatChangesWhileItIsCopiedGivesNoFile) {
  const gguf::FileSet files = gguf::FileSet::open(path_);
  surgery::Draft draft(files);
  draft.metadata().set("general.name", std::string("mine"));
  {
    const gguf::FileSet other = gguf::FileSet::open(path_);
    surgery::Draft theirs(other);
    theirs.metadata().set("general.name", std::string("Quern tiny MLB"));
    publish(theirs, {});
  }
  const auto bytes = test::read_bytes(path_);
  for (const surgery::PublishOptions& options :
       {surgery::PublishOptions{.output = dir_ / "o.gguf"},
        surgery::PublishOptions{.in_place = false}, surgery::PublishOptions{}}) {
    EXPECT_THAT(test::error_text([&] { publish(draft, options); }),
                HasSubstr("the file has changed since it was read"));
  }
  EXPECT_FALSE(fs::exists(dir_ / "o.gguf"));
  EXPECT_EQ(test::read_bytes(path_), bytes);
}

TEST_F(Edit, AFileWrittenAnewIsForTheSameEyes) {
  const auto owner_only = fs::perms::owner_read | fs::perms::owner_write;
  fs::permissions(path_, owner_only);
  const gguf::FileSet files = gguf::FileSet::open(path_);
  surgery::Draft draft(files);
  draft.remove("output.weight");
  publish(draft, {});
  EXPECT_EQ(fs::status(path_).permissions(), owner_only);
}

TEST_F(Edit, GraftRefusesOtherShapes) {
  Spoiled m;
  m.plan("output.weight").shape = {{512, 2048, 1, 1}};
  const gguf::FileSet donor = gguf::FileSet::open(m.write(dir_ / "d.gguf"));
  const gguf::FileSet files = gguf::FileSet::open(path_);
  surgery::Draft draft(files);
  EXPECT_THAT(
      test::error_text([&] { surgery::graft_tensors(draft, donor, recipe::Pattern("^output")); }),
      HasSubstr("the tensor of the donor has another shape (tensor: output.weight"));
  EXPECT_THAT(
      test::error_text([&] { surgery::graft_tensors(draft, donor, recipe::Pattern("nothing")); }),
      HasSubstr("no tensor of the donor matches"));
  EXPECT_THAT(test::error_text([&] { surgery::drop_tensors(draft, recipe::Pattern("nothing")); }),
              HasSubstr("no tensor of the model matches"));
}

class EditSet : public testing::Test {
 protected:
  EditSet() {
    const gguf::FileSet files = gguf::FileSet::open(kModel);
    base::SilentProgress progress;
    const base::StopFlag stop;
    gguf::write_split(files, gguf::plan_split(files, {.max_tensors = 40}), (dir_ / "m").string(),
                      progress, stop);
    for (std::uint32_t no = 0; no < 3; ++no) before_.push_back(test::read_bytes(path(no)));
  }
  fs::path path(std::uint32_t no) const { return gguf::shard_name((dir_ / "m").string(), no, 3); }
  const test::TempDir dir_;
  std::vector<std::vector<std::byte>> before_;
};

TEST_F(EditSet, KeysChangeOnlyTheFirstFile) {
  const gguf::FileSet files = gguf::FileSet::open(path(0));
  surgery::Draft draft(files);
  draft.metadata().set("general.name", std::string("Quern tiny MLB"));
  publish(draft, {});
  EXPECT_NE(test::read_bytes(path(0)), before_[0]);
  EXPECT_EQ(test::read_bytes(path(1)), before_[1]);
  EXPECT_EQ(test::read_bytes(path(2)), before_[2]);
  surgery::undo_last(path(0));
  EXPECT_EQ(test::read_bytes(path(0)), before_[0]);
}

TEST_F(EditSet, AnEditOfSeveralFilesIsTakenBackInAll) {
  const auto edit = [&](const char* from, const char* to) {
    const gguf::FileSet files = gguf::FileSet::open(path(0));
    surgery::Draft draft(files);
    draft.metadata().set("general.name", std::string("Quern tiny MLB"));
    surgery::rename_tensor(draft, from, to);
    publish(draft, {});
  };
  const std::string name = gguf::FileSet::open(path(0)).shards()[2].tensors()[1].name;
  std::string renamed = name;
  renamed.back() = 'X';
  edit(name.c_str(), renamed.c_str());
  const auto between = test::read_bytes(path(2));
  EXPECT_NE(between, before_[2]);
  edit(renamed.c_str(), name.c_str());  // of the last file only
  EXPECT_EQ(surgery::undo_state(path(1))->n_edits, 2u);
  surgery::undo_last(path(0));
  EXPECT_EQ(test::read_bytes(path(2)), between);
  EXPECT_NE(test::read_bytes(path(0)), before_[0]);
  {
    const auto record = test::read_bytes(surgery::undo_path(path(2)));
    fs::remove(surgery::undo_path(path(2)));
    EXPECT_THAT(test::error_text([&] { surgery::undo_last(path(0)); }),
                HasSubstr("not all files of the edit can be taken back"));
    test::write_bytes(surgery::undo_path(path(2)), record);
  }
  surgery::undo_last(path(1));  // any file stands for the model
  for (std::uint32_t no = 0; no < 3; ++no) EXPECT_EQ(test::read_bytes(path(no)), before_[no]);
  EXPECT_FALSE(surgery::undo_state(path(0)));
}

TEST_F(EditSet, ThereIsNoUndoIfAFileIsWrittenAnew) {
  const auto edit = [&](const std::function<void(surgery::Draft&)>& change) {
    const gguf::FileSet files = gguf::FileSet::open(path(0));
    surgery::Draft draft(files);
    change(draft);
    const auto plan = surgery::plan_publish(draft, {});
    publish(draft, {});
    return surgery::can_undo(plan, {});
  };
  EXPECT_TRUE(edit(
      [](surgery::Draft& d) { d.metadata().set("general.name", std::string("Quern tiny MLB")); }));
  EXPECT_FALSE(edit([](surgery::Draft& d) { d.remove(d.files()[2].tensors.back().name); }));
  EXPECT_FALSE(surgery::undo_state(path(0)));
  EXPECT_THAT(test::error_text([&] { surgery::undo_last(path(0)); }),
              HasSubstr("there is nothing to undo"));
  EXPECT_EQ(gguf::FileSet::open(path(0)).tensors().size(), 99u);
}

TEST_F(EditSet, ATensorChangesItsFileAndTheCountsOfAll) {
  std::string victim;
  {
    const gguf::FileSet files = gguf::FileSet::open(path(0));
    victim = files.shards()[1].tensors()[3].name;
    surgery::Draft draft(files);
    draft.remove(victim);
    const auto plan = surgery::plan_publish(draft, {});
    EXPECT_EQ(plan[0].action, Action::header);
    EXPECT_EQ(plan[1].action, Action::rewrite);
    EXPECT_EQ(plan[2].action, Action::header);
    publish(draft, {});
  }
  const gguf::FileSet after = gguf::FileSet::open(path(0));
  EXPECT_EQ(after.tensors().size(), 99u);
  EXPECT_EQ(after.find(victim), nullptr);
}

TEST_F(EditSet, AnotherPrefixGetsAllFiles) {
  const gguf::FileSet files = gguf::FileSet::open(path(0));
  surgery::Draft draft(files);
  draft.metadata().set("general.name", std::string("other"));
  publish(draft, {.output = dir_ / "n.gguf"});
  const gguf::FileSet after = gguf::FileSet::open(dir_ / "n-00001-of-00003.gguf");
  EXPECT_EQ(after.tensors().size(), 100u);
  EXPECT_EQ(test::read_bytes(dir_ / "n-00002-of-00003.gguf"), before_[1]);
  // The name of the first file is as good.
  EXPECT_EQ(surgery::plan_publish(draft, {.output = dir_ / "n-00001-of-00003.gguf"})[2].path,
            dir_ / "n-00003-of-00003.gguf");
  EXPECT_EQ(test::read_bytes(path(0)), before_[0]);
}

TEST_F(EditSet, FilesThatStayAreSharedOrGetASecondNameThatNoEditChanges) {
  const auto rename = [](surgery::Draft& draft, const char* to) {
    draft.metadata().set("general.name", std::string(to));
  };
  const surgery::PublishOptions options{.output = dir_ / "n.gguf", .share_blocks = true};
  const gguf::FileSet files = gguf::FileSet::open(path(0));
  surgery::Draft draft(files);
  rename(draft, "other");
  for (int i = 0; i < 2; ++i) publish(draft, options);  // also over itself
  const fs::path second = dir_ / "n-00002-of-00003.gguf";
  EXPECT_EQ(test::read_bytes(second), before_[1]);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir_.path()), {}), 6);
  if (fs::hard_link_count(second) == 1) GTEST_SKIP() << "the file system shares blocks";
  EXPECT_TRUE(fs::equivalent(second, path(1)));
  // An edit of either leaves the other as it is.
  const gguf::FileSet copy = gguf::FileSet::open(dir_ / "n-00001-of-00003.gguf");
  surgery::Draft edit(copy);
  surgery::rename_tensor(edit, copy.shards()[1].tensors()[0].name, "renamed.weight");
  EXPECT_EQ(surgery::plan_publish(edit, {})[1].action, Action::rewrite);
  publish(edit, {});
  EXPECT_NE(test::read_bytes(second), before_[1]);
  EXPECT_EQ(test::read_bytes(path(1)), before_[1]);
}

TEST_F(EditSet, NoUndoInAFileThatGotASecondNameSince) {
  const gguf::FileSet files = gguf::FileSet::open(path(0));
  surgery::Draft draft(files);
  draft.metadata().set("general.name", std::string("Quern tiny MLB"));
  publish(draft, {});
  const auto edited = test::read_bytes(path(0));
  fs::create_hard_link(path(0), dir_ / "second");
  EXPECT_THAT(test::error_text([&] { surgery::undo_last(path(0)); }), HasSubstr("second name"));
  EXPECT_EQ(test::read_bytes(dir_ / "second"), edited);
  fs::remove(dir_ / "second");
  surgery::undo_last(path(0));
  EXPECT_EQ(test::read_bytes(path(0)), before_[0]);
}

TEST_F(EditSet, FlavoursOfASetKeepItsFiles) {
  convert(path(0), dir_ / "c", MlaForm::split);
  const gguf::FileSet c = gguf::FileSet::open(dir_ / "c-00001-of-00003.gguf");
  EXPECT_EQ(c.shards().size(), 3u);
  EXPECT_EQ(c.tensors().size(), 106u);
  EXPECT_EQ(findings_of(dir_ / "c-00001-of-00003.gguf"), "");
}

}  // namespace
