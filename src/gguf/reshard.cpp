#include "gguf/reshard.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/checked.h"
#include "gguf/copy_range.h"
#include "gguf/header.h"
#include "gguf/layout.h"
#include "gguf/split.h"
#include "gguf/writer.h"

namespace gguf {
namespace {

TensorPlan plan_of(const TensorInfo& t) { return {t.name, t.codec, t.shape, t.flat}; }

std::vector<TensorPlan> plans_of(const FileSet& files, const std::vector<std::size_t>& tensors) {
  std::vector<TensorPlan> out;
  out.reserve(tensors.size());
  for (const std::size_t i : tensors) out.push_back(plan_of(files.tensors()[i]));
  return out;
}

/// The file of the input that the shard would be, byte for byte; null if there is none.
const File* same_file(const FileSet& files, const ShardPlan& shard) {
  if (shard.tensors.empty()) return nullptr;
  const File& file = files.shards()[files.tensors()[shard.tensors.front()].shard];
  const Layout layout = plan_layout(shard.metadata, plans_of(files, shard.tensors));
  const auto there = file.bytes();
  const bool same = file.tensors().size() == shard.tensors.size() &&
                    layout.file_size == there.size() &&
                    std::equal(layout.header.begin(), layout.header.end(), there.begin());
  return same ? &file : nullptr;
}

/// Copies tensors and tells how far it is over all files of the job.
class Copier {
 public:
  Copier(std::string_view what, const FileSet& files, base::Progress& progress,
         const base::StopFlag& stop)
      : what_(what), files_(files), progress_(progress), stop_(stop) {
    for (const TensorInfo& t : files.tensors()) total_ += t.size;
  }

  void copy(std::size_t tensor, Writer& writer, std::size_t index) {
    const TensorInfo& info = files_.tensors()[tensor];
    stop_.check();
    progress_.update(what_, done_, total_, "bytes", info.name);
    writer.copy(index, files_.shards()[info.shard].path(), info.offset, stop_);
    done_ += info.size;
    progress_.update(what_, done_, total_, "bytes", info.name);
  }

  /// All of a shard that is in the input as a file.
  void copy_file(const ShardPlan& shard, const File& from, const base::OutputFile& to) {
    stop_.check();
    if (!shard.share_blocks || !share_file(from.path(), to.temporary_path())) {
      copy_range({from.path(), 0}, {to.temporary_path(), 0}, shard.file_bytes, stop_);
    }
    for (const std::size_t tensor : shard.tensors) done_ += files_.tensors()[tensor].size;
    progress_.update(what_, done_, total_, "bytes", from.path().filename().string());
  }

 private:
  std::string_view what_;
  const FileSet& files_;
  base::Progress& progress_;
  const base::StopFlag& stop_;
  std::uint64_t done_ = 0, total_ = 0;
};

}  // namespace

std::vector<std::vector<std::size_t>> cut_into_shards(std::span<const std::size_t> tensor_bytes,
                                                      const SplitRule& rule) {
  if (tensor_bytes.empty()) {
    throw base::Error(base::Fault::bad_input, "a file without tensors cannot be split");
  }
  std::vector<std::vector<std::size_t>> shards;
  if (rule.first_without_tensors) shards.emplace_back();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < tensor_bytes.size(); ++i) {
    const std::size_t size = base::round_up(tensor_bytes[i], kDefaultAlignment);
    const bool full = rule.max_bytes == 0
                          ? i % rule.max_tensors == 0
                          : bytes > 0 && base::checked_add(bytes, size) > rule.max_bytes;
    if (i == 0 || full) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back().push_back(i);
    bytes += size;
  }
  if (shards.size() > kMaxShards) {
    throw base::Error(base::Fault::bad_input, "too many shards")
        .at("found", shards.size())
        .expected(fmt::format("at most {}", kMaxShards))
        .hint("allow more tensors or bytes a shard");
  }
  return shards;
}

std::vector<ShardPlan> plan_split(const FileSet& files, const SplitRule& rule) {
  std::vector<std::size_t> sizes;
  for (const TensorInfo& t : files.tensors()) sizes.push_back(t.size);
  std::vector<ShardPlan> shards;
  for (std::vector<std::size_t>& tensors : cut_into_shards(sizes, rule)) {
    shards.push_back({.tensors = std::move(tensors), .metadata = {}});
  }
  shards.front().metadata = files.metadata();
  erase_split_keys(shards.front().metadata);
  shards.front().metadata.erase(kRoomKey);
  for (std::size_t no = 0; no < shards.size(); ++no) {
    ShardPlan& shard = shards[no];
    set_split_keys(shard.metadata, {.no = static_cast<std::uint32_t>(no),
                                    .count = static_cast<std::uint32_t>(shards.size()),
                                    .n_tensors = files.tensors().size()});
    const std::vector<TensorPlan> plans = plans_of(files, shard.tensors);
    if (rule.share_blocks && !plans.empty()) {
      align_with(shard.metadata, plans, files.tensors()[shard.tensors.front()].offset);
    }
    shard.file_bytes = file_size(shard.metadata, plans);
    shard.share_blocks = rule.share_blocks;
  }
  return shards;
}

std::string split_job(const FileSet& files, const SplitRule& rule) {
  std::string job = fmt::format("split {} {} {} {}", rule.max_tensors, rule.max_bytes,
                                rule.first_without_tensors, rule.share_blocks);
  for (const File& file : files.shards()) {
    const auto changed = std::filesystem::last_write_time(file.path()).time_since_epoch().count();
    job += fmt::format("\n{} {} {}", std::filesystem::absolute(file.path()).string(),
                       file.bytes().size(), changed);
  }
  return job;
}

void write_split(const FileSet& files, const std::vector<ShardPlan>& plan,
                 const std::string& prefix, base::Progress& progress, const base::StopFlag& stop,
                 const SplitNames& names) {
  Copier copier("split", files, progress, stop);
  std::vector<Writer> writers;
  const auto count = static_cast<std::uint32_t>(plan.size());
  const std::string first = shard_name(prefix, 0, count);
  std::size_t bytes = 0;
  for (const ShardPlan& shard : plan) bytes += shard.share_blocks ? 0 : shard.file_bytes;
  base::require_room(first, bytes);
  std::vector<base::OutputFile> copies;
  std::vector<base::OutputFile*> whole;
  writers.reserve(count);
  copies.reserve(count);
  for (std::uint32_t no = 0; no < count; ++no) {
    const std::vector<std::size_t>& tensors = plan[no].tensors;
    const std::string path = shard_name(prefix, no, count);
    if (const File* same = same_file(files, plan[no]); same != nullptr) {
      whole.push_back(&copies.emplace_back(path));
      copier.copy_file(plan[no], *same, copies.back());
      continue;
    }
    Writer& writer = writers.emplace_back(path, plan[no].metadata, plans_of(files, tensors));
    for (std::size_t i = 0; i < tensors.size(); ++i) copier.copy(tensors[i], writer, i);
    whole.push_back(&writer.whole());
  }
  stop.check();
  base::commit_together(first, std::move(whole), names.job, names.before_step);
}

void write_merged(const FileSet& files, const std::filesystem::path& path, bool share_blocks,
                  base::Progress& progress, const base::StopFlag& stop) {
  if (files.shards().size() < 2) {
    throw base::Error(base::Fault::bad_input, "file is not the first of a split set")
        .at("file", files.shards().front().path().string())
        .at("key", kSplitCount)
        .at("found", "no such key, or not above 1")
        .expected("at least 2");
  }
  if (std::filesystem::exists(path)) {
    throw base::Error(base::Fault::bad_input, "output exists already").at("file", path.string());
  }
  Metadata metadata = files.metadata();
  metadata.set(kSplitCount, std::uint16_t{0});
  metadata.erase(kRoomKey);
  std::vector<TensorPlan> plan;
  for (const TensorInfo& t : files.tensors()) plan.push_back(plan_of(t));
  if (share_blocks && !plan.empty()) align_with(metadata, plan, files.tensors().front().offset);
  Copier copier("merge", files, progress, stop);
  Writer writer(path, metadata, plan);
  for (std::size_t i = 0; i < plan.size(); ++i) copier.copy(i, writer, i);
  writer.finish();
}

}  // namespace gguf
