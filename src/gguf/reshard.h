// Cuts a model into shards and joins them again; tensors are copied byte for byte. Source:
// docs/spec/gguf.md 2, docs/spec/tools.md 7.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/output_set.h"
#include "base/progress.h"
#include "gguf/file.h"

namespace gguf {

/// Where a new shard begins: after `max_tensors` tensors, or, if `max_bytes` is not 0, before the
/// tensor with which the shard would exceed it (tensors rounded up to 32 bytes, metadata not
/// counted). A tensor above the limit gets a shard of its own.
struct SplitRule {
  std::size_t max_tensors = 128;
  std::uint64_t max_bytes = 0;
  bool first_without_tensors = false;  ///< the first shard holds only metadata
  /// Headers are filled up (kRoomKey) so that file systems that can share blocks need not copy.
  bool share_blocks = false;
};

/// Indices of the tensors of every shard, for tensors of these sizes. Throws Fault::bad_input if
/// more shards would be needed than readers allow, or no tensor is there.
std::vector<std::vector<std::size_t>> cut_into_shards(std::span<const std::size_t> tensor_bytes,
                                                      const SplitRule& rule);

struct ShardPlan {
  std::vector<std::size_t> tensors;  ///< indices into FileSet::tensors(), ascending
  Metadata metadata;
  std::size_t file_bytes = 0;  ///< exact size
  bool share_blocks = false;   ///< SplitRule
};

/// Throws as cut_into_shards.
std::vector<ShardPlan> plan_split(const FileSet& files, const SplitRule& rule);

/// Names what a plan is made from: the source files as they are now and the rule. Equal only for
/// runs that give equal shards.
std::string split_job(const FileSet& files, const SplitRule& rule);

/// How shards get their names.
struct SplitNames {
  std::string job = {};  ///< of split_job, for the next run if this one is killed (output_set.h)
  base::BeforeStep before_step = {};
};

/// Writes PREFIX-00001-of-0000N.gguf and so on. All files appear together at the end. Room for all
/// is asked for at the beginning, unless blocks are to be shared. Throws Fault::io,
/// Fault::interrupted.
void write_split(const FileSet& files, const std::vector<ShardPlan>& plan,
                 const std::string& prefix, base::Progress& progress, const base::StopFlag& stop,
                 const SplitNames& names = {});

/// Joins a split set into one file. split.count becomes 0, the other split keys stay, as in the
/// public tool. With `share_blocks` the blocks of the first shard can be shared; those of the
/// others lie where theirs end. Throws Fault::bad_input if `files` is not a split set or `path`
/// exists.
void write_merged(const FileSet& files, const std::filesystem::path& path, bool share_blocks,
                  base::Progress& progress, const base::StopFlag& stop);

}  // namespace gguf
