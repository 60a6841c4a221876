#include "convert/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/printable.h"
#include "convert/general_keys.h"
#include "convert/row_reader.h"
#include "convert/vocabulary.h"
#include "text/tokenizer.h"

namespace convert {

HfSource::HfSource(ModelFolder folder, TensorPlan plan)
    : folder_(std::move(folder)), plan_(std::move(plan)) {
  for (const OutTensor& t : plan_.tensors) {
    inputs_.emplace_back(t.name, recipe::find_type(t.codec->id), t.shape, 0, &plan_.spec);
  }
}

void HfSource::read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const {
  const OutTensor& t = plan_.tensors[tensor];
  const std::size_t row = t.codec->row_bytes(t.shape.ne[0]);
  const std::size_t first = offset / row, skip = offset % row;
  const std::size_t n = (skip + out.size() + row - 1) / row;
  if (skip == 0 && n * row == out.size()) return read_rows(folder_, t, first, n, out);
  std::vector<std::byte> whole(n * row);
  read_rows(folder_, t, first, n, whole);
  std::memcpy(out.data(), whole.data() + skip, out.size());
}

/// Rows of a stack are counted through its experts.
void HfSource::locate(std::size_t tensor, base::Error& e) const {
  const OutTensor& t = plan_.tensors[tensor];
  if (t.pieces.empty()) return;
  std::size_t piece = 0;
  for (const auto& [key, value] : e.facts()) {
    if (key != "row" || t.pieces.size() == 1) continue;
    std::size_t row = 0;
    std::from_chars(value.data(), value.data() + value.size(), row);
    piece = std::min(row / t.shape.ne[1], t.pieces.size() - 1);
  }
  const ModelFolder::Tensor& source = folder_.tensors()[t.pieces[piece]];
  e.at("file", folder_.shards()[source.shard].string())
      .at("source", base::printable(source.info.name))
      .hint("the file is damaged; fetch it again");
}

/// Where the source lies in the order of the output; other changes are left to the system.
void HfSource::will_need(std::size_t tensor, std::size_t offset, std::size_t size) const noexcept {
  const OutTensor& t = plan_.tensors[tensor];
  if (t.storage != Storage::plain || t.codec != t.stored || t.pieces.empty()) return;
  const std::size_t piece_bytes = folder_.tensors()[t.pieces[0]].info.size;
  const std::size_t piece = offset / piece_bytes;
  if (piece < t.pieces.size()) folder_.will_need(t.pieces[piece], offset % piece_bytes, size);
}

void HfSource::set_shards(const std::vector<std::size_t>& shard_of_tensor, std::size_t n_shards) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) inputs_[i].shard = shard_of_tensor[i];
  n_shards_ = n_shards;
}

namespace {

std::size_t vocabulary_rows(const TensorPlan& plan) {
  for (const OutTensor& t : plan.tensors) {
    if (t.role == model::Role::token_embd) return t.shape.ne[1];
  }
  return 0;  // plan_tensors has refused such a folder
}

}  // namespace

std::unique_ptr<HfSource> open_hf_source(const std::filesystem::path& path,
                                         const Options& options) {
  ModelFolder folder = ModelFolder::open(path);
  TensorPlan plan = plan_tensors(folder, options.plan);
  gguf::Metadata metadata = general_keys(folder, plan, options.name);
  for (const auto& [key, value] : plan.metadata.pairs()) metadata.set(key, value);
  Vocabulary vocabulary = read_vocabulary(folder, vocabulary_rows(plan), options.pre);
  for (const auto& [key, value] : vocabulary.metadata.pairs()) metadata.set(key, value);
  for (base::Finding& f : vocabulary.findings) plan.findings.push_back(std::move(f));
  plan.metadata = std::move(metadata);
  return std::make_unique<HfSource>(std::move(folder), std::move(plan));
}

namespace {

/// plan_tensors has found a place for every tensor; with fewer layers some have none.
void require_all_used(const model::ModelSpec& spec, const gguf::FileSet& file) {
  std::set<std::string_view> known;
  for (const model::TensorRow& row : spec.tensors) known.insert(row.name);
  for (const gguf::TensorInfo& t : file.tensors()) {
    if (known.contains(t.name)) continue;
    throw base::Error(base::Fault::bad_input, "a tensor would not be used any more")
        .at("tensor", t.name)
        .at("architecture", spec.architecture);
  }
}

}  // namespace

void check_overrides(const HfSource& source, const std::vector<cook::Override>& overrides) {
  if (overrides.empty()) return;
  gguf::FileSet file = as_file(source.plan());
  gguf::Metadata changed = file.metadata();
  for (const cook::Override& o : overrides) cook::apply_override(changed, o);
  file.set_metadata(changed);
  try {
    const model::ModelSpec spec = model::describe(file);
    static_cast<void>(model::validate(spec, file));
    require_all_used(spec, file);
    static_cast<void>(text::make_tokenizer(changed));
  } catch (base::Error& e) {
    e.at("option", "--override-kv")
        .hint(
            "with these keys the file could not be read as meant; the folder's own fit its "
            "tensors");
    throw;
  }
}

}  // namespace convert
