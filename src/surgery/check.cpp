#include "surgery/check.h"

#include <fmt/format.h>

#include <charconv>

#include "base/printable.h"
#include "gguf/split.h"

namespace surgery {
namespace {

namespace fs = std::filesystem;
using Level = base::Finding::Level;

/// What could be opened: the whole, or some of the files of a broken set.
struct Opened {
  std::optional<gguf::FileSet> whole;
  std::vector<gguf::File> pieces;  ///< only if there is no whole
  std::size_t n_unreadable = 0;

  const std::vector<gguf::File>& files() const { return whole ? whole->shards() : pieces; }
};

/// Byte offset and file that an error tells.
Found found_of(const base::Error& e, Part part) {
  Found out{.part = part, .finding = base::finding_of(e)};
  for (const auto& [key, value] : e.facts()) {
    if (key == "file") out.file = value;
    std::uint64_t offset = 0;
    const char* end = value.data() + value.size();
    const auto [stop, code] = std::from_chars(value.data(), end, offset);
    if (key == "offset" && code == std::errc() && stop == end) out.offset = offset;
  }
  return out;
}

/// Opens each file of a set for itself; what fails is found.
void open_pieces(const fs::path& path, Opened& opened, FoundList& found) {
  const gguf::File first = gguf::File::open(path);
  const std::optional<gguf::SplitKeys> keys = gguf::split_keys(first.metadata());
  const auto prefix =
      keys ? gguf::shard_prefix(path.string(), keys->no, keys->count) : std::nullopt;
  if (!prefix) {
    opened.pieces.push_back(gguf::File::open(path));
    return;
  }
  for (std::uint32_t no = 0; no < keys->count; ++no) {
    const fs::path shard = gguf::shard_name(*prefix, no, keys->count);
    if (!fs::exists(shard)) {
      found.push_back({.part = Part::split,
                       .finding = {Level::error, shard.filename().string(),
                                   fmt::format("is missing: file {} of the {} of this split set",
                                               no + 1, keys->count)},
                       .file = shard.string()});
      continue;
    }
    try {
      opened.pieces.push_back(gguf::File::open(shard));
    } catch (const base::Error& e) {
      ++opened.n_unreadable;
      found.push_back(found_of(e, Part::container));
    }
  }
}

/// True if the error is told already, as a finding of one of the files.
bool told(const base::Error& e, const FoundList& found) {
  const Found same = found_of(e, Part::container);
  for (const Found& f : found) {
    if (f.file == same.file) return true;
  }
  return false;
}

Opened open_model(const fs::path& path, FoundList& found) {
  Opened opened;
  try {
    opened.whole = gguf::FileSet::open(path);
    return opened;
  } catch (const base::Error& e) {
    const bool missing_shard = e.fault() == base::Fault::io && fs::exists(path);
    if (e.fault() != base::Fault::bad_file && !missing_shard) throw;
    try {
      open_pieces(path, opened, found);
    } catch (const base::Error&) {  // the first file itself: what `e` says
      opened.pieces.clear();
      opened.n_unreadable = 1;
    }
    if (!told(e, found)) {
      found.push_back(found_of(e, opened.pieces.empty() ? Part::container : Part::split));
    }
  }
  return opened;
}

void add_container_findings(const std::vector<gguf::File>& files, FoundList& found) {
  for (const gguf::File& file : files) {
    for (const base::Finding& f : file.findings()) {
      found.push_back({.part = Part::container, .finding = f, .file = file.path().string()});
    }
  }
}

/// ik_llama.cpp's repacking keeps the longer rows of q8_KV (docs/spec/types/interleaved.md 37): its
/// tensors are followed by a gap of four bytes a row.
void check_repacked(const gguf::File& file, FoundList& found) {
  const auto& tensors = file.tensors();
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const gguf::TensorInfo& t = tensors[i];
    if (t.codec->name != "q8_KV_r8") continue;
    const std::size_t next = i + 1 < tensors.size() ? tensors[i + 1].offset : file.bytes().size();
    if (next < t.offset + t.size + t.shape.rows() * 4) continue;
    found.push_back(
        {.part = Part::container,
         .finding = {Level::error, base::printable(t.name),
                     "has the row distance of q8_KV, as repacking with ik_llama.cpp leaves it: all "
                     "but its first rows are read wrongly; repack it again from the q8_KV file"},
         .file = file.path().string(),
         .offset = t.offset});
  }
}

std::uint64_t embedding_rows(const gguf::FileSet& files) {
  const gguf::TensorInfo* t = files.find(model::tensor_name(model::Role::token_embd, -1));
  return t == nullptr ? 0 : t->shape.ne[1];
}

void check_no_tensors(const gguf::FileSet& files, FoundList& found) {
  if (!files.tensors().empty()) return;
  found.push_back({.part = Part::architecture,
                   .finding = {Level::note, "file", "no tensors: a vocabulary only"}});
}

}  // namespace

std::string_view part_name(Part part) noexcept {
  constexpr std::string_view kNames[] = {"container", "split", "architecture", "tokenizer",
                                         "blocks",    "zeros", "mla"};
  return kNames[static_cast<std::size_t>(part)];
}

bool CheckReport::clean() const noexcept {
  return std::all_of(found.begin(), found.end(),
                     [](const Found& f) { return f.finding.level == Level::note; });
}

CheckReport check_model(const fs::path& path, bool data, const runtime::Runtime& runtime) {
  CheckReport report;
  const Opened opened = open_model(path, report.found);
  report.n_unreadable = opened.n_unreadable;
  add_container_findings(opened.files(), report.found);
  std::optional<model::ModelSpec> spec;
  if (opened.whole) {
    check_no_tensors(*opened.whole, report.found);
    if (!opened.whole->tensors().empty()) spec = check_architecture(*opened.whole, report.found);
    check_file_type(*opened.whole, report.found);
    check_tokenizer(opened.whole->metadata(), embedding_rows(*opened.whole), report.found);
  } else if (!opened.pieces.empty()) {
    check_tokenizer(opened.pieces.front().metadata(), 0, report.found);
  }
  for (const gguf::File& file : opened.files()) {
    check_repacked(file, report.found);
    ++report.n_files;
    report.n_tensors += file.tensors().size();
    for (const gguf::TensorInfo& t : file.tensors()) report.bytes += data ? t.size : 0;
  }
  if (!data) return report;
  check_data(opened.files(), spec ? &*spec : nullptr, runtime, report.found);
  if (opened.whole && spec) {
    check_norms(*opened.whole, *spec, report.found);
    check_mla(*opened.whole, *spec, runtime, report.found);
  }
  return report;
}

}  // namespace surgery
