#include "surgery/undo_file.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/output_file.h"
#include "tensor/buffer.h"

namespace surgery {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMagic = 0x32304f444e555151;  // "QQUNDO02"
// Magic, seven numbers, length of the whole record.
constexpr std::size_t kFixed = 8 + 7 * 8 + 8;

std::vector<std::byte> bytes_of(const UndoRecord& r) {
  std::vector<std::byte> out;
  const auto add = [&out](std::uint64_t v) {
    out.resize(out.size() + 8);
    base::store(out.data() + out.size() - 8, v);
  };
  for (const std::uint64_t v :
       {kMagic, std::uint64_t{r.done ? 1U : 0U}, r.file_size, r.inserted, r.edit, r.n_files,
        std::uint64_t{r.before.size()}, std::uint64_t{r.after.size()}}) {
    add(v);
  }
  out.insert(out.end(), r.before.begin(), r.before.end());
  out.insert(out.end(), r.after.begin(), r.after.end());
  add(out.size() + 8);
  return out;
}

}  // namespace

fs::path undo_path(const fs::path& file) { return fs::weakly_canonical(file).string() + ".undo"; }

UndoFile::UndoFile(const fs::path& file) : path_(undo_path(file)) {
  if (!fs::exists(path_)) return;
  const tensor::Mapping mapping(path_);
  try {
    read(mapping.bytes());
  } catch (base::Error& e) {
    e.at("file", path_.string()).hint("remove it, and no edit can be undone");
    throw;
  }
}

void UndoFile::save() const {
  if (records_.empty()) {
    fs::remove(path_);
    return;
  }
  std::vector<std::byte> out;
  for (const UndoRecord& r : records_) {
    const std::vector<std::byte> one = bytes_of(r);
    out.insert(out.end(), one.begin(), one.end());
  }
  base::write_file(path_, out);
}

void UndoFile::read(std::span<const std::byte> bytes) {
  base::Cursor in(bytes);
  while (in.left() > 0) {
    UndoRecord r;
    if (in.read<std::uint64_t>("magic") != kMagic) {
      throw base::Error(base::Fault::bad_file, "not an undo file of quern edit");
    }
    r.done = in.read<std::uint64_t>("state") != 0;
    r.file_size = in.read<std::uint64_t>("file size");
    r.inserted = in.read<std::uint64_t>("inserted bytes");
    r.edit = in.read<std::uint64_t>("number of the edit");
    r.n_files = in.read<std::uint64_t>("number of files");
    const auto n_before = in.read<std::uint64_t>("length of the old header");
    const auto n_after = in.read<std::uint64_t>("length of the new header");
    const auto before = in.take(n_before, "old header");
    const auto after = in.take(n_after, "new header");
    r.before.assign(before.begin(), before.end());
    r.after.assign(after.begin(), after.end());
    if (in.read<std::uint64_t>("length of the record") != kFixed + n_before + n_after ||
        r.before.size() + r.inserted != r.after.size()) {
      throw base::Error(base::Fault::bad_file, "undo file is damaged");
    }
    records_.push_back(std::move(r));
  }
}

}  // namespace surgery
