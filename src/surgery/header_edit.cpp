#include "surgery/header_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/checked.h"
#include "gguf/header.h"
#include "gguf/layout.h"
#include "gguf/split.h"

namespace surgery {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_changed(const fs::path& file, std::string_view what) {
  throw base::Error(base::Fault::bad_input, "the file has changed since it was read")
      .at("file", file.string())
      .at("found", what)
      .hint("another program writes it; begin again when that has ended");
}

[[noreturn]] void refuse_broken_off(const fs::path& file) {
  throw base::Error(base::Fault::bad_input, "an earlier edit of this file broke off")
      .at("file", file.string())
      .hint("take it back first: quern edit --undo FILE");
}

/// NaN is what NaN was.
bool same_value(const gguf::Value& a, const gguf::Value& b) {
  if (a == b) return true;
  const auto both_nan = [&]<class T>(T) {
    const T *x = std::get_if<T>(&a), *y = std::get_if<T>(&b);
    return x != nullptr && y != nullptr && std::isnan(*x) && std::isnan(*y);
  };
  return both_nan(0.0F) || both_nan(0.0);
}

bool same_pairs(const gguf::Metadata& a, const gguf::Metadata& b) {
  return std::ranges::equal(a.pairs(), b.pairs(),
                            [](const gguf::Metadata::Pair& x, const gguf::Metadata::Pair& y) {
                              return x.first == y.first && same_value(x.second, y.second);
                            });
}

bool same_tensors(const gguf::File& a, const gguf::File& b) {
  return std::ranges::equal(a.tensors(), b.tensors(),
                            [](const gguf::TensorInfo& x, const gguf::TensorInfo& y) {
                              return x.name == y.name && x.codec == y.codec && x.flat == y.flat &&
                                     x.shape == y.shape && x.offset == y.offset;
                            });
}

bool is_shifted(const EditedFile& target, const UndoRecord& r) {
  return r.inserted > 0 && target.size() == r.file_size + r.inserted;
}

/// From anywhere between old and new.
void restore(EditedFile& target, const UndoRecord& r) {
  if (is_shifted(target, r)) target.collapse(r.inserted);
  target.write(r.before);
}

/// What an edit that broke off, or one half taken back, leaves: each byte old or new.
bool is_mixture(const EditedFile& target, const UndoRecord& r) {
  const bool shifted = is_shifted(target, r);
  const std::size_t size = shifted ? r.after.size() : r.before.size();
  const std::vector<std::byte> now = target.read(size);
  if (now.size() != size) return false;
  for (std::size_t i = 0; i < size; ++i) {
    const std::byte old = !shifted         ? r.before[i]
                          : i < r.inserted ? std::byte{0}
                                           : r.before[i - r.inserted];
    if (now[i] != old && now[i] != r.after[shifted ? i : i + r.inserted]) return false;
  }
  return true;
}

/// Whether the file is as the edit left it.
void check_as_left(const EditedFile& target, const UndoRecord& r) {
  const auto changed = [&](std::string_view what) {
    throw base::Error(base::Fault::bad_input, "the file has changed since the edit")
        .at("file", target.path().string())
        .at("found", what)
        .hint("remove " + undo_path(target.path()).string() + " to go on without it");
  };
  const std::size_t size = target.size();
  if (!is_shifted(target, r) && (size != r.file_size || (r.done && r.inserted > 0))) {
    changed("another size");
  }
  if (r.done ? target.read(r.after.size()) != r.after : !is_mixture(target, r)) {
    changed("another header");
  }
}

/// What has another name by now would change under that, too.
void refuse_second_name(const fs::path& file) {
  if (fs::hard_link_count(file) == 1) return;
  throw base::Error(base::Fault::bad_input, "the file has a second name (hard link) by now")
      .at("file", file.string())
      .hint("copy it and give the copy this name: then its edits can be taken back");
}

}  // namespace

std::optional<NewHeader> header_for(const gguf::File& file, gguf::Metadata metadata,
                                    const std::vector<gguf::TensorPlan>& tensors, bool may_insert) {
  std::vector<std::size_t> offsets;
  for (const gguf::TensorInfo& t : file.tensors()) {
    offsets.push_back(t.offset - file.data_start());
  }
  metadata.erase(gguf::kRoomKey);
  const auto encode = [&] { return gguf::header_bytes(metadata, tensors, offsets, true); };
  NewHeader out{.bytes = encode()};
  if (tensors.empty()) return std::nullopt;  // nothing behind it: rewriting costs nothing
  std::size_t start = file.data_start();
  if (out.bytes.size() > start) {
    if (!may_insert) return std::nullopt;
    constexpr std::size_t kKey = 64;  // more than the key of the room takes
    out.inserted = base::round_up(out.bytes.size() - start + kKey, gguf::kBlockBytes);
    start += out.inserted;
  }
  if (base::round_up(out.bytes.size(), file.alignment()) != start) {
    if (!gguf::add_room(metadata, start - out.bytes.size())) return std::nullopt;
    out.bytes = encode();
  }
  out.bytes.resize(start);
  return out;
}

void require_unchanged(const gguf::File& file) {
  try {
    const gguf::File now = gguf::File::open(file.path());
    if (now.bytes().size() != file.bytes().size()) refuse_changed(file.path(), "another size");
    if (now.data_start() != file.data_start() || !same_tensors(now, file)) {
      refuse_changed(file.path(), "other tensors");
    }
    if (!same_pairs(now.metadata(), file.metadata())) refuse_changed(file.path(), "other keys");
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_file) throw;
    refuse_changed(file.path(), e.message());
  }
}

void require_no_broken_edit(std::span<const gguf::File> model) {
  for (const gguf::File& file : model) {
    const UndoFile undo(file.path());
    if (!undo.records().empty() && !undo.records().back().done) refuse_broken_off(file.path());
  }
}

HeaderSwap::HeaderSwap(std::span<const gguf::File> model, std::vector<HeaderChange> changes)
    : changes_(std::move(changes)) {
  // First all locks: what is read from here on stays so.
  for (const HeaderChange& c : changes_) targets_.emplace_back(model[c.file].path());
  require_no_broken_edit(model);
  std::uint64_t edit = 1;
  for (const gguf::File& file : model) {
    require_unchanged(file);
    edit = std::max(edit, undo_.emplace_back(file.path()).last_edit() + 1);
  }
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    const NewHeader& header = *changes_[i].header;
    const std::size_t before = model[changes_[i].file].data_start();
    undo_[changes_[i].file].records().push_back({.file_size = targets_[i].size(),
                                                 .inserted = header.inserted,
                                                 .edit = edit,
                                                 .n_files = changes_.size(),
                                                 .before = targets_[i].read(before),
                                                 .after = header.bytes});
  }
}

HeaderSwap::~HeaderSwap() {
  if (written_) take_back();
}

void HeaderSwap::write() {
  written_ = true;
  // Without undo the records only live while the files are not whole.
  for (const HeaderChange& c : changes_) undo_[c.file].save();
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    targets_[i].insert(changes_[i].header->inserted);
    targets_[i].write(changes_[i].header->bytes);
  }
}

void HeaderSwap::finish(bool with_undo) {
  written_ = false;
  if (with_undo) {
    for (const HeaderChange& c : changes_) {
      undo_[c.file].records().back().done = true;
      undo_[c.file].save();
    }
    return;
  }
  for (UndoFile& undo : undo_) {  // earlier records no longer fit the model
    undo.records().clear();
    undo.save();
  }
}

void HeaderSwap::take_back() noexcept {
  try {
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      restore(targets_[i], undo_[changes_[i].file].records().back());
    }
    for (const HeaderChange& c : changes_) {
      undo_[c.file].records().pop_back();
      undo_[c.file].save();
    }
  } catch (const std::exception&) {
    // The records stay: --undo can try again.
  }
}

void write_header(const gguf::File& file, const NewHeader& header, bool with_undo) {
  HeaderSwap swap({&file, 1}, {{0, &header}});
  swap.write();
  swap.finish(with_undo);
}

std::vector<fs::path> model_files(const fs::path& file) {
  const std::string name = file.string();
  const std::optional<gguf::ShardNumber> number = gguf::shard_number(name);
  if (!number) return {file};
  const std::string prefix = *gguf::shard_prefix(name, number->no, number->count);
  std::vector<fs::path> out;
  for (std::uint32_t no = 0; no < number->count; ++no) {
    const fs::path shard = gguf::shard_name(prefix, no, number->count);
    if (fs::exists(shard)) out.push_back(shard);
  }
  return out.empty() ? std::vector<fs::path>{file} : out;
}

fs::path first_of_model(const fs::path& file) {
  const std::string name = file.string();
  const std::optional<gguf::ShardNumber> number = gguf::shard_number(name);
  if (!number) return file;
  const std::string prefix = *gguf::shard_prefix(name, number->no, number->count);
  return gguf::shard_name(prefix, 0, number->count);
}

std::optional<UndoState> undo_state(const fs::path& file) {
  std::set<std::uint64_t> edits;
  UndoState state;
  for (const fs::path& path : model_files(file)) {
    const UndoFile undo(path);
    for (const UndoRecord& r : undo.records()) {
      edits.insert(r.edit);
      state.broke_off = state.broke_off || !r.done;
    }
  }
  if (edits.empty()) return std::nullopt;
  state.n_edits = edits.size();
  return state;
}

Undo::Undo(const fs::path& file) {
  const std::vector<fs::path> files = model_files(file);
  std::uint64_t last = 0;
  for (const fs::path& path : files) last = std::max(last, UndoFile(path).last_edit());
  if (last == 0) {
    throw base::Error(base::Fault::bad_input, "there is nothing to undo")
        .at("file", file.string())
        .at("expected", undo_path(file).string())
        .hint("only edits in place can be undone");
  }
  for (const fs::path& path : files) {
    if (UndoFile(path).last_edit() != last) continue;
    EditedFile target(path);
    UndoFile undo(path);  // again, now that the lock is held
    if (undo.last_edit() != last) refuse_changed(path, "another edit");
    parts_.push_back({std::move(target), std::move(undo)});
  }
  bool whole = true;
  for (const Part& part : parts_) {
    const UndoRecord& r = part.undo.records().back();
    refuse_second_name(part.target.path());
    check_as_left(part.target, r);
    whole = whole && r.done;
  }
  // An edit that broke off may not have come to all files.
  const std::uint64_t n_files = parts_.front().undo.records().back().n_files;
  if (whole && parts_.size() != n_files) {
    throw base::Error(base::Fault::bad_input, "not all files of the edit can be taken back")
        .at("file", file.string())
        .at("found", fmt::format("{} undo files of the last edit", parts_.size()))
        .expected(std::to_string(n_files));
  }
}

std::vector<fs::path> Undo::files() const {
  std::vector<fs::path> out;
  for (const Part& part : parts_) out.push_back(part.target.path());
  return out;
}

void Undo::run() {
  // From here on the files are neither old nor new; a second try goes on from anywhere.
  for (Part& part : parts_) {
    part.undo.records().back().done = false;
    part.undo.save();
  }
  for (Part& part : parts_) restore(part.target, part.undo.records().back());
  for (Part& part : parts_) {
    part.undo.records().pop_back();
    part.undo.save();
  }
}

void undo_last(const fs::path& file) { Undo(file).run(); }

}  // namespace surgery
