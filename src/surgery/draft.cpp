#include "surgery/draft.h"

#include <algorithm>

#include "base/printable.h"
#include "gguf/split.h"

namespace surgery {

Draft::Draft(const gguf::FileSet& source) : source_(&source), files_(source.shards().size()) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    files_[i].metadata = source.shards()[i].metadata();
  }
  for (const gguf::TensorInfo& t : source.tensors()) {
    files_[t.shard].tensors.push_back(
        {.name = t.name, .codec = t.codec, .shape = t.shape, .from = &source, .info = &t});
  }
}

std::size_t Draft::n_tensors() const noexcept {
  std::size_t n = 0;
  for (const DraftFile& f : files_) n += f.tensors.size();
  return n;
}

DraftTensor* Draft::find(std::string_view name) noexcept {
  for (DraftFile& file : files_) {
    const auto at = std::ranges::find(file.tensors, name, &DraftTensor::name);
    if (at != file.tensors.end()) return &*at;
  }
  return nullptr;
}

void Draft::insert_before(std::string_view neighbour, DraftTensor tensor) {
  insert(neighbour, 0, std::move(tensor));
}

void Draft::insert_after(std::string_view neighbour, DraftTensor tensor) {
  insert(neighbour, 1, std::move(tensor));
}

void Draft::insert(std::string_view neighbour, std::ptrdiff_t step, DraftTensor tensor) {
  for (DraftFile& file : files_) {
    const auto at = std::ranges::find(file.tensors, neighbour, &DraftTensor::name);
    if (at == file.tensors.end()) continue;
    file.tensors.insert(at + step, std::move(tensor));
    return;
  }
  append(std::move(tensor));
}

void Draft::remove(std::string_view name) {
  for (DraftFile& file : files_) {
    const auto at = std::ranges::find(file.tensors, name, &DraftTensor::name);
    if (at == file.tensors.end()) continue;
    file.tensors.erase(at);
    return;
  }
  throw base::Error(base::Fault::bad_input, "there is no such tensor")
      .at("tensor", base::printable(name));
}

gguf::FileSet Draft::planned() const {
  std::vector<gguf::TensorInfo> infos;
  for (const DraftFile& file : files_) {
    for (const DraftTensor& t : file.tensors) {
      infos.push_back({.name = t.name,
                       .codec = t.codec,
                       .flat = t.flat(),
                       .shape = t.shape,
                       .size = t.flat() != nullptr ? tensor::tensor_bytes(*t.flat(), t.shape)
                                                   : tensor::tensor_bytes(*t.codec, t.shape)});
    }
  }
  return gguf::FileSet::planned(metadata(), std::move(infos));
}

void Draft::settle_counts() {
  if (files_.size() < 2) return;
  for (DraftFile& file : files_) {
    std::optional<gguf::SplitKeys> keys = gguf::split_keys(file.metadata);
    if (!keys || keys->n_tensors == n_tensors()) continue;
    keys->n_tensors = n_tensors();
    gguf::set_split_keys(file.metadata, *keys);
  }
}

}  // namespace surgery
