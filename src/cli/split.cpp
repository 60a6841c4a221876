// quern split and quern merge: a model in several files.
#include "gguf/split.h"

#include <fmt/format.h>

#include <charconv>

#include "base/error.h"
#include "base/file_lock.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/value_forms.h"
#include "gguf/reshard.h"

namespace cli {
namespace {

constexpr std::string_view kDeleteShards = "--delete-splits";

constexpr Option kShareBlocks{
    .names = "--share-blocks",
    .help =
        "fill headers up so that file systems that can (xfs, btrfs) share the data with the "
        "input instead of copying it; of a merge that of the first file. A shard that is in the "
        "input as it is shares all or gets a second name (hard link)"};

constexpr Option kSplitOptions[] = {
    {.names = "--split", .help = "split IN into shards (what is done anyway)"},
    {.names = "--merge", .help = "join the shards of IN into OUT, as `quern merge`"},
    {.names = "--split-max-tensors",
     .value = "N",
     .default_value = "128",
     .help = "tensors a shard",
     .values = integers(1, kManyItems)},
    {.names = "--split-max-size",
     .value = "N(M|G)",
     .help = "size of a shard in units of 10^6 or 10^9 bytes, metadata not counted",
     .values = kShardSize},
    {.names = "--no-tensor-first-split", .help = "the first shard holds only metadata"},
    {.names = "--dry-run", .help = "print the plan only"},
    kShareBlocks,
    {.names = kDeleteShards, .help = "with --merge: remove the shards once the output is whole"},
};
constexpr Option kMergeOptions[] = {
    kShareBlocks,
    {.names = kDeleteShards, .help = "remove the shards once the output is whole"},
};

gguf::SplitRule split_rule(const Args& args) {
  gguf::SplitRule rule;
  rule.max_tensors = static_cast<std::size_t>(args.integer("split-max-tensors"));
  if (args.given("split-max-size")) {
    if (args.given("split-max-tensors")) {
      throw base::Error(base::Fault::bad_usage,
                        "give either --split-max-tensors or --split-max-size");
    }
    rule.max_bytes = parse_shard_size(args.str("split-max-size"));
  }
  rule.first_without_tensors = args.flag("no-tensor-first-split");
  rule.share_blocks = args.flag("share-blocks");
  return rule;
}

/// Outputs of split and merge must not exist.
void check_free(std::string_view what, const std::string& path) {
  prepare_output(what, path);
  if (std::filesystem::exists(path)) {
    throw base::Error(base::Fault::bad_input, "output exists already")
        .at("file", path)
        .hint("remove it, if an interrupted run left it, or give another name");
  }
}

int merge(const Args& args) {
  const std::filesystem::path in = args.positionals()[0];
  check_model_file("IN", in.string());
  check_free("OUT", args.positionals()[1]);
  const auto lock = base::FileLock::beside(args.positionals()[1]);
  std::vector<std::filesystem::path> shards;
  std::size_t n_tensors = 0;
  {
    const gguf::FileSet files = gguf::FileSet::open(in);
    TerminalProgress progress;
    gguf::write_merged(files, args.positionals()[1], args.flag("share-blocks"), progress,
                       interrupt_flag());
    for (const gguf::File& f : files.shards()) shards.push_back(f.path());
    n_tensors = files.tensors().size();
  }
  fmt::print("{}: {} tensors of {} files merged\n", args.positionals()[1], n_tensors,
             shards.size());
  if (!args.flag("delete-splits")) return 0;
  for (const std::filesystem::path& shard : shards) {
    std::error_code code;
    if (!std::filesystem::remove(shard, code)) {
      throw base::Error(base::Fault::io, "cannot remove shard: " + code.message())
          .at("file", shard.string());
    }
  }
  return 0;
}

int split(const Args& args) {
  if (args.flag("merge")) {
    if (args.flag("split")) {
      throw base::Error(base::Fault::bad_usage, "give either --split or --merge");
    }
    return merge(args);
  }
  const gguf::SplitRule rule = split_rule(args);
  check_model_file("IN", args.positionals()[0]);
  const gguf::FileSet files = gguf::FileSet::open(args.positionals()[0]);
  const std::vector<gguf::ShardPlan> plan = gguf::plan_split(files, rule);
  fmt::print("n_split: {}\n", plan.size());
  for (std::size_t no = 0; no < plan.size(); ++no) {
    fmt::print("split {:05}: n_tensors = {}, total_size = {}M\n", no + 1, plan[no].tensors.size(),
               plan[no].file_bytes / 1'000'000);
  }
  if (args.flag("dry-run")) return 0;
  std::string prefix = args.positionals()[1];
  if (prefix.ends_with(".gguf")) prefix.resize(prefix.size() - 5);
  const auto count = static_cast<std::uint32_t>(plan.size());
  const std::string first = gguf::shard_name(prefix, 0, count);
  prepare_output("OUT-PREFIX", first);
  const auto lock = base::FileLock::beside(first);
  const std::string job = gguf::split_job(files, rule);
  if (finish_earlier(first) == job) {
    fmt::print("{} files written, first {}\n", count, first);
    return 0;
  }
  for (std::uint32_t no = 0; no < count; ++no) {
    check_free("OUT-PREFIX", gguf::shard_name(prefix, no, count));
  }
  TerminalProgress progress;
  gguf::write_split(files, plan, prefix, progress, interrupt_flag(), {.job = job});
  progress.clear();
  fmt::print("{} files written, first {}\n", count, first);
  return 0;
}

Kept kept(const Args&) {
  return {.what = "nothing: files get their names when all of them are whole",
          .how = "begin again with the same command"};
}

}  // namespace

std::uint64_t parse_shard_size(const std::string& text) {
  std::uint64_t n = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, n);
  const std::uint64_t unit = stop + 1 != end ? 0
                             : *stop == 'M'  ? 1'000'000
                             : *stop == 'G'  ? 1'000'000'000
                                             : 0;
  if (code != std::errc() || unit == 0 || n == 0 || n > 1'000'000'000) {
    throw base::Error(base::Fault::bad_usage, "bad value for --split-max-size")
        .at("found", text)
        .expected("a number from 1 to 1000000000 followed by M or G");
  }
  return n * unit;
}

const Command split_command{
    .name = "split",
    .summary = "cut a model into several files",
    .usage = "[options] IN OUT-PREFIX",
    .details =
        "Writes OUT-PREFIX-00001-of-0000N.gguf and so on; \".gguf\" at the end of the prefix "
        "is cut off. Every program opens the set by its first file.",
    .options = kSplitOptions,
    .min_positionals = 2,
    .max_positionals = 2,
    .run = split,
    .alias = "llama-gguf-split",
    .kept = kept};

const Command merge_command{
    .name = "merge",
    .summary = "join the files of a split model",
    .usage = "[options] IN-00001-of-0000N.gguf OUT",
    .details = "OUT must not exist. The metadata is that of the first file, with split.count 0.",
    .options = kMergeOptions,
    .min_positionals = 2,
    .max_positionals = 2,
    .run = merge,
    .kept = kept};

}  // namespace cli
