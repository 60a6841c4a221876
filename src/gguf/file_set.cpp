#include <fmt/format.h>

#include "base/checked.h"
#include "base/printable.h"
#include "base/rename_list.h"
#include "gguf/file.h"
#include "gguf/split.h"

namespace gguf {
namespace {

namespace fs = std::filesystem;

base::Error bad(std::string message, const fs::path& file) {
  return base::Error(base::Fault::bad_file, std::move(message)).at("file", file.string());
}

std::optional<SplitKeys> keys_of(const File& file) {
  try {
    return split_keys(file.metadata());
  } catch (base::Error& e) {
    e.at("file", file.path().string());
    throw;
  }
}

/// The part of the path before "-00001-of-0000N.gguf".
std::string prefix_of(const fs::path& path, const SplitKeys& keys) {
  if (const auto prefix = shard_prefix(path.string(), keys.no, keys.count)) return *prefix;
  throw bad("file name does not fit its place in the split set", path)
      .at("found", path.filename().string())
      .expected("a name ending in " + shard_name("", keys.no, keys.count))
      .hint("give the shards their original names again");
}

File open_shard(const std::string& prefix, std::uint32_t no, const SplitKeys& first) {
  const fs::path path = shard_name(prefix, no, first.count);
  if (!fs::exists(path)) {
    throw base::Error(base::Fault::io, "shard of a split set is missing")
        .at("file", path.string())
        .expected(fmt::format("{} shards in the same folder", first.count));
  }
  File file = File::open(path);
  const std::optional<SplitKeys> keys = keys_of(file);
  if (!keys) {
    throw bad("file is not a shard", path)
        .at("key", "split.count")
        .at("found", "no such key, or not above 1")
        .expected(std::to_string(first.count));
  }
  const auto same = [&](std::string_view key, std::uint64_t found, std::uint64_t expected) {
    if (found == expected) return;
    throw bad("shard does not belong to this split set", path)
        .at("key", key)
        .at("found", found)
        .expected(std::to_string(expected));
  };
  same("split.no", keys->no, no);
  same("split.count", keys->count, first.count);
  same("split.tensors.count", keys->n_tensors, first.n_tensors);
  return file;
}

/// Some files would be those of before and some those of after.
void refuse_half_named(const fs::path& path) {
  const fs::path list = base::rename_list_path(path);
  std::error_code unknown;
  if (!fs::exists(list, unknown)) return;
  throw base::Error(base::Fault::bad_input, "not all files of this split set have their names yet")
      .at("file", path.string())
      .at("found", list.string())
      .hint("the run that wrote them was killed: `quern edit " + path.string() +
            "` gives them their names");
}

/// ik_llama.cpp's quantizer can append output_extra.weight without correcting the count.
void check_total(std::size_t found, std::size_t expected, bool has_extra, const fs::path& path) {
  if (found == expected || (has_extra && found == expected + 1)) return;
  throw bad("split set has the wrong number of tensors", path)
      .at("key", "split.tensors.count")
      .at("found", fmt::format("{} tensors in all shards", found))
      .expected(std::to_string(expected));
}

}  // namespace

FileSet FileSet::open(const fs::path& path) {
  FileSet set;
  set.shards_.push_back(File::open(path));
  const std::optional<SplitKeys> keys = keys_of(set.shards_[0]);
  if (keys) {
    refuse_half_named(path);
    const std::string prefix = prefix_of(path, *keys);
    if (keys->no != 0) {
      throw base::Error(base::Fault::bad_input, "a split set is opened by its first shard")
          .at("file", path.string())
          .at("found", fmt::format("shard {} of {}", keys->no + 1, keys->count))
          .expected("shard 1")
          .hint("open " + shard_name(prefix, 0, keys->count));
    }
    for (std::uint32_t no = 1; no < keys->count; ++no) {
      set.shards_.push_back(open_shard(prefix, no, *keys));
    }
  }
  set.index();
  if (keys) {
    check_total(set.tensors_.size(), keys->n_tensors, set.find("output_extra.weight") != nullptr,
                path);
  }
  return set;
}

FileSet FileSet::planned(Metadata metadata, std::vector<TensorInfo> tensors) {
  FileSet set;
  set.shards_.push_back(File::planned(std::move(metadata), std::move(tensors)));
  set.index();
  return set;
}

void FileSet::index() {
  for (std::size_t s = 0; s < shards_.size(); ++s) {
    for (TensorInfo info : shards_[s].tensors()) {
      info.shard = s;
      tensors_.push_back(std::move(info));
    }
    const base::Findings& found = shards_[s].findings();
    findings_.insert(findings_.end(), found.begin(), found.end());
  }
  by_name_.reserve(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const auto [at, fresh] = by_name_.emplace(tensors_[i].name, i);
    if (!fresh) {
      throw bad("tensor name appears twice in the split set", shards_[tensors_[i].shard].path())
          .at("tensor", base::printable(tensors_[i].name))
          .at("found", "also in " + shards_[tensors_[at->second].shard].path().string())
          .expected("every tensor in one shard");
    }
  }
}

const TensorInfo* FileSet::find(std::string_view name) const noexcept {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &tensors_[it->second];
}

std::span<const std::byte> FileSet::bytes(const TensorInfo& info) const noexcept {
  return shards_[info.shard].bytes().subspan(info.offset, info.size);
}

tensor::TensorView FileSet::view(const TensorInfo& info) const noexcept {
  return {info.codec, info.shape, bytes(info)};
}

}  // namespace gguf
