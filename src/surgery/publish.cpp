#include "surgery/publish.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/output_file.h"
#include "gguf/copy_range.h"
#include "gguf/header.h"
#include "gguf/layout.h"
#include "gguf/split.h"
#include "gguf/writer.h"

namespace surgery {
namespace {

namespace fs = std::filesystem;

std::vector<gguf::TensorPlan> plans_of(const DraftFile& file) {
  std::vector<gguf::TensorPlan> out;
  for (const DraftTensor& t : file.tensors) out.push_back({t.name, t.codec, t.shape, t.flat()});
  return out;
}

/// Every tensor of the file stands for the one at its place, byte for byte.
bool same_data(const Draft& draft, std::size_t index) {
  const auto& before = draft.source().shards()[index].tensors();
  const auto& after = draft.files()[index].tensors;
  if (before.size() != after.size()) return false;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const DraftTensor& t = after[i];
    if (t.from != &draft.source() || t.info == nullptr || t.info->shard != index ||
        t.info->offset != before[i].offset || t.codec != before[i].codec ||
        t.flat() != before[i].flat) {
      return false;
    }
  }
  return true;
}

bool same_header(const Draft& draft, std::size_t index) {
  const gguf::File& before = draft.source().shards()[index];
  const DraftFile& after = draft.files()[index];
  if (after.metadata.pairs() != before.metadata().pairs()) return false;
  return std::ranges::equal(after.tensors, before.tensors(),
                            [](const DraftTensor& a, const gguf::TensorInfo& b) {
                              return a.name == b.name && a.shape == b.shape;
                            });
}

fs::path output_path(const Draft& draft, std::size_t index, const PublishOptions& options) {
  const auto& shards = draft.source().shards();
  if (!options.output) return shards[index].path();
  if (shards.size() == 1) return *options.output;
  const auto count = static_cast<std::uint32_t>(shards.size());
  std::string prefix = options.output->string();
  if (const auto first = gguf::shard_prefix(prefix, 0, count)) {
    prefix = *first;
  } else if (prefix.ends_with(".gguf")) {
    prefix.resize(prefix.size() - 5);
  }
  return gguf::shard_name(prefix, static_cast<std::uint32_t>(index), count);
}

FilePlan plan_file(const Draft& draft, std::size_t index, const PublishOptions& options) {
  const gguf::File& source = draft.source().shards()[index];
  const DraftFile& file = draft.files()[index];
  FilePlan plan{.file = index, .path = output_path(draft, index, options)};
  const bool same = same_data(draft, index);
  if (same && same_header(draft, index)) {
    plan.action = options.output ? Action::copy : Action::keep;
    plan.bytes = source.bytes().size();
    return plan;
  }
  plan.action = Action::rewrite;
  plan.metadata = file.metadata;
  plan.metadata.erase(gguf::kRoomKey);
  const DraftTensor* first = file.tensors.empty() ? nullptr : &file.tensors.front();
  if (options.share_blocks && first != nullptr && first->info != nullptr) {
    gguf::align_with(plan.metadata, plans_of(file), first->info->offset);
  }
  plan.bytes = gguf::file_size(plan.metadata, plans_of(file));
  if (options.output || !options.in_place || !same) return plan;
  if (fs::hard_link_count(source.path()) > 1) {
    plan.reason = "it has a second name (hard link), which keeps what it has";
    return plan;
  }
  std::optional<NewHeader> header = header_for(source, file.metadata, plans_of(file), options.grow);
  if (!header) {
    plan.reason = "the new header is longer than the old one";
    return plan;
  }
  plan.action = Action::header;
  plan.bytes = source.bytes().size() + header->inserted;
  plan.header = std::move(*header);
  return plan;
}

/// The model and the donors whose tensors are used.
std::vector<const gguf::FileSet*> inputs_of(const Draft& draft) {
  std::vector<const gguf::FileSet*> out = {&draft.source()};
  for (const DraftFile& file : draft.files()) {
    for (const DraftTensor& t : file.tensors) {
      if (t.from != nullptr && std::ranges::find(out, t.from) == out.end()) out.push_back(t.from);
    }
  }
  return out;
}

void refuse_own_input(const std::vector<FilePlan>& plan, const Draft& draft) {
  for (const gguf::FileSet* input : inputs_of(draft)) {
    const bool model = input == &draft.source();
    for (const gguf::File& source : input->shards()) {
      for (const FilePlan& file : plan) {
        // A second name (hard link) may be replaced: the first keeps what it has.
        if (fs::weakly_canonical(file.path) != fs::weakly_canonical(source.path())) continue;
        throw base::Error(base::Fault::bad_input, model ? "the output is the model itself"
                                                        : "the output would replace the donor")
            .at("file", file.path.string())
            .hint(model ? "without -o the model itself is changed" : "");
      }
    }
  }
}

/// Writes the files of a plan and tells how far it is over all of them.
class Publisher {
 public:
  Publisher(const Draft& draft, bool share_blocks, runtime::Team& team, base::Progress& progress,
            const base::StopFlag& stop)
      : draft_(draft), share_blocks_(share_blocks), team_(team), progress_(progress), stop_(stop) {}

  /// Temporary files, whole.
  void write(const std::vector<FilePlan>& plan) {
    for (const FilePlan& file : plan) {
      if (file.action == Action::rewrite || file.action == Action::copy) total_ += file.bytes;
    }
    if (!share_blocks_) base::require_room(plan.front().path, total_);
    // Pointers to them are handed out.
    writers_.reserve(plan.size());
    copies_.reserve(plan.size());
    for (const FilePlan& file : plan) {
      if (file.action == Action::rewrite) rewrite(file);
      if (file.action == Action::copy) copy(file);
    }
    if (total_ == 0) return;
    // Copied were the bytes that lie where the headers said when they were read.
    for (const gguf::FileSet* input : inputs_of(draft_)) {
      for (const gguf::File& file : input->shards()) require_unchanged(file);
    }
  }
  /// All of them, in the order of the set.
  std::vector<base::OutputFile*> files() {
    std::vector<base::OutputFile*> out;
    for (gguf::Writer& writer : writers_) out.push_back(&writer.whole());
    for (base::OutputFile& copy : copies_) out.push_back(&copy);
    std::ranges::sort(out, {}, [](const base::OutputFile* file) { return file->path(); });
    stop_.check();
    return out;
  }
  void tell_end() { progress_.update("edit", total_, total_, "bytes", ""); }

 private:
  void rewrite(const FilePlan& plan) {
    const DraftFile& file = draft_.files()[plan.file];
    gguf::Writer& writer = writers_.emplace_back(plan.path, plan.metadata, plans_of(file));
    for (std::size_t i = 0; i < file.tensors.size(); ++i) {
      const DraftTensor& t = file.tensors[i];
      stop_.check();
      progress_.update("edit", done_, total_, "bytes", t.name);
      if (t.made) {
        const std::vector<std::byte> bytes = t.made->make(team_);
        writer.write(i, 0, bytes);
        done_ += bytes.size();
      } else {
        const fs::path& from = t.from->shards()[t.info->shard].path();
        writer.copy(i, from, t.info->offset, stop_);
        done_ += t.info->size;
      }
    }
    keep_permissions(plan, writer.temporary_path());
  }

  /// What stands in the place of the model is for the same eyes.
  void keep_permissions(const FilePlan& plan, const fs::path& temporary) const {
    const fs::path& source = draft_.source().shards()[plan.file].path();
    std::error_code unknown;
    if (!fs::equivalent(plan.path, source, unknown)) return;
    fs::permissions(temporary, fs::status(source).permissions(), unknown);
  }

  void copy(const FilePlan& plan) {
    const fs::path& from = draft_.source().shards()[plan.file].path();
    progress_.update("edit", done_, total_, "bytes", from.filename().string());
    base::OutputFile& out = copies_.emplace_back(plan.path);
    done_ += plan.bytes;
    if (share_blocks_ && gguf::share_file(from, out.temporary_path())) return;
    gguf::copy_range({from, 0}, {out.temporary_path(), 0}, plan.bytes, stop_);
  }

  const Draft& draft_;
  const bool share_blocks_;
  runtime::Team& team_;
  base::Progress& progress_;
  const base::StopFlag& stop_;
  std::vector<gguf::Writer> writers_;
  std::vector<base::OutputFile> copies_;
  std::uint64_t done_ = 0, total_ = 0;
};

}  // namespace

bool can_undo(const std::vector<FilePlan>& plan, const PublishOptions& options) noexcept {
  return options.undo && !options.output &&
         std::ranges::none_of(
             plan, [](Action a) { return a == Action::rewrite; }, &FilePlan::action);
}

std::vector<FilePlan> plan_publish(Draft& draft, const PublishOptions& options) {
  draft.settle_counts();
  std::vector<FilePlan> plan;
  for (std::size_t i = 0; i < draft.files().size(); ++i) {
    plan.push_back(plan_file(draft, i, options));
  }
  if (options.output) refuse_own_input(plan, draft);
  return plan;
}

void publish(const Draft& draft, const std::vector<FilePlan>& plan, const PublishOptions& options,
             runtime::Team& team, base::Progress& progress, const base::StopFlag& stop) {
  const std::vector<gguf::File>& shards = draft.source().shards();
  if (!options.output) require_no_broken_edit(shards);
  Publisher publisher(draft, options.share_blocks, team, progress, stop);
  publisher.write(plan);
  std::vector<base::OutputFile*> files = publisher.files();
  if (options.output) {
    base::commit_together(plan.front().path, std::move(files), "edit", options.before_step);
    publisher.tell_end();
    return;
  }
  std::vector<HeaderChange> headers;
  for (const FilePlan& file : plan) {
    if (file.action == Action::header) headers.push_back({file.file, &file.header});
  }
  const bool one_file = files.size() == 1 && headers.empty();
  base::OutputSet set(shards.front().path(), files, options.before_step);
  set.seal();
  // Headers first: they come back if no file gets its name.
  HeaderSwap swap(shards, std::move(headers));
  swap.write();
  if (one_file) {
    files.front()->publish();
  } else if (!files.empty()) {
    try {
      set.rename("edit");
    } catch (...) {
      if (set.begun()) swap.keep();
      throw;
    }
  }
  swap.finish(can_undo(plan, options));
  if (set.begun()) set.finish();
  publisher.tell_end();
}

std::optional<base::UnfinishedSet> unfinished_publish(const fs::path& file) {
  return base::unfinished_set(first_of_model(file));
}

void finish_publish(const base::UnfinishedSet& set, const fs::path& file) {
  base::finish_names(set);
  for (const fs::path& path : model_files(file)) {
    UndoFile undo(path);
    undo.records().clear();
    undo.save();
  }
  base::remove_list(set);
}

}  // namespace surgery
