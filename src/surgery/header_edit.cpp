#include "surgery/header_edit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/output_file.h"
#include "gguf/header.h"
#include "gguf/layout.h"

namespace surgery {
namespace {

namespace fs = std::filesystem;

base::Error failure(std::string_view what, const fs::path& path) {
  return base::Error(base::Fault::io, fmt::format("{}: {}", what, std::strerror(errno)))
      .at("file", path.string());
}

/// One file, open for reading and writing, held by a lock against a second edit.
class EditedFile {
 public:
  explicit EditedFile(const fs::path& path)
      : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    if (fd_ < 0) throw failure("cannot write file", path);
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      ::close(fd_);
      throw base::Error(base::Fault::bad_input, "the file is being edited by another process")
          .at("file", path.string());
    }
  }
  EditedFile(const EditedFile&) = delete;
  EditedFile& operator=(const EditedFile&) = delete;
  ~EditedFile() { ::close(fd_); }

  std::size_t size() const {
    const off_t end = ::lseek(fd_, 0, SEEK_END);
    if (end < 0) throw failure("cannot read file", path_);
    return static_cast<std::size_t>(end);
  }
  std::vector<std::byte> read(std::size_t n) const {
    std::vector<std::byte> out(n);
    for (std::size_t done = 0; done < n;) {
      const ssize_t got = ::pread(fd_, out.data() + done, n - done, static_cast<off_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw failure("cannot read file", path_);
      if (got == 0) {
        out.resize(done);
        break;
      }
      done += static_cast<std::size_t>(got);
    }
    return out;
  }
  void write(std::span<const std::byte> bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t n =
          ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw failure("cannot write file", path_);
      done += static_cast<std::size_t>(n);
    }
    if (::fsync(fd_) != 0) throw failure("cannot write file to disk", path_);
  }
  /// Puts `n` bytes in front, or takes them away.
  void insert(std::size_t n) { shift(FALLOC_FL_INSERT_RANGE, n); }
  void collapse(std::size_t n) { shift(FALLOC_FL_COLLAPSE_RANGE, n); }

 private:
  void shift(int mode, std::size_t n) {
    if (n == 0) return;
    if (::fallocate(fd_, mode, 0, static_cast<off_t>(n)) == 0) return;
    throw base::Error(
        base::Fault::unsupported,
        fmt::format("the file system cannot shift the data: {}", std::strerror(errno)))
        .at("file", path_.string())
        .hint("ext4 and xfs can; without --grow the file is rewritten");
  }

  fs::path path_;
  int fd_;
};

/// One edit in an undo file: magic, sizes, both headers, and its own length, so that the last one
/// is found from the end.
struct Record {
  bool done = false;
  std::uint64_t file_size = 0;  ///< before the edit
  std::uint64_t inserted = 0;
  std::vector<std::byte> before, after;  ///< equally long unless bytes were inserted
};

constexpr std::uint64_t kMagic = 0x31304f444e555151;  // "QQUNDO01"
constexpr std::size_t kFixed = 8 + 5 * 8 + 8;         // magic, five numbers, length

std::vector<std::byte> bytes_of(const Record& r) {
  std::vector<std::byte> out;
  const auto add = [&out](std::uint64_t v) {
    out.resize(out.size() + 8);
    base::store(out.data() + out.size() - 8, v);
  };
  for (const std::uint64_t v : {kMagic, std::uint64_t{r.done ? 1U : 0U}, r.file_size, r.inserted,
                                std::uint64_t{r.before.size()}, std::uint64_t{r.after.size()}}) {
    add(v);
  }
  out.insert(out.end(), r.before.begin(), r.before.end());
  out.insert(out.end(), r.after.begin(), r.after.end());
  add(out.size() + 8);
  return out;
}

/// The undo file as a stack of records.
class UndoFile {
 public:
  explicit UndoFile(const fs::path& file) : path_(undo_path(file)) {
    if (!fs::exists(path_)) return;
    const tensor::Mapping mapping(path_);
    const auto bytes = mapping.bytes();
    try {
      read(bytes);
    } catch (base::Error& e) {
      e.at("file", path_.string()).hint("remove it, and no edit can be undone");
      throw;
    }
  }

  std::vector<Record>& records() noexcept { return records_; }
  /// The whole file again: it is small beside the model. Its content is whole at any moment.
  void save() const {
    if (records_.empty()) {
      fs::remove(path_);
      return;
    }
    std::vector<std::byte> out;
    for (const Record& r : records_) {
      const std::vector<std::byte> one = bytes_of(r);
      out.insert(out.end(), one.begin(), one.end());
    }
    base::write_file(path_, out);
  }

 private:
  void read(std::span<const std::byte> bytes) {
    base::Cursor in(bytes);
    while (in.left() > 0) {
      Record r;
      if (in.read<std::uint64_t>("magic") != kMagic) {
        throw base::Error(base::Fault::bad_file, "not an undo file of quern edit");
      }
      r.done = in.read<std::uint64_t>("state") != 0;
      r.file_size = in.read<std::uint64_t>("file size");
      r.inserted = in.read<std::uint64_t>("inserted bytes");
      const auto n_before = in.read<std::uint64_t>("length of the old header");
      const auto n_after = in.read<std::uint64_t>("length of the new header");
      const auto before = in.take(n_before, "old header");
      const auto after = in.take(n_after, "new header");
      r.before.assign(before.begin(), before.end());
      r.after.assign(after.begin(), after.end());
      if (in.read<std::uint64_t>("length of the record") != kFixed + n_before + n_after) {
        throw base::Error(base::Fault::bad_file, "undo file is damaged");
      }
      records_.push_back(std::move(r));
    }
  }

  fs::path path_;
  std::vector<Record> records_;
};

[[noreturn]] void refuse_broken_off(const fs::path& file) {
  throw base::Error(base::Fault::bad_input, "an earlier edit of this file broke off")
      .at("file", file.string())
      .hint("take it back first: quern edit --undo FILE");
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

fs::path undo_path(const fs::path& file) { return fs::weakly_canonical(file).string() + ".undo"; }

void write_header(const gguf::File& file, const NewHeader& header, bool with_undo) {
  const fs::path& path = file.path();
  EditedFile target(path);
  UndoFile undo(path);
  if (!undo.records().empty() && !undo.records().back().done) refuse_broken_off(path);
  Record record{.file_size = target.size(),
                .inserted = header.inserted,
                .before = target.read(file.data_start()),
                .after = header.bytes};
  // Without undo the record only lives while the file is not whole.
  undo.records().push_back(record);
  undo.save();
  target.insert(header.inserted);
  target.write(header.bytes);
  if (with_undo) {
    undo.records().back().done = true;
  } else {
    undo.records().clear();  // earlier ones no longer fit the file
  }
  undo.save();
}

std::optional<UndoState> undo_state(const fs::path& file) {
  UndoFile undo(file);
  if (undo.records().empty()) return std::nullopt;
  return UndoState{.n_edits = undo.records().size(), .broke_off = !undo.records().back().done};
}

void undo_last(const fs::path& file) {
  EditedFile target(file);
  UndoFile undo(file);
  if (undo.records().empty()) {
    throw base::Error(base::Fault::bad_input, "there is nothing to undo")
        .at("file", file.string())
        .at("expected", undo_path(file).string())
        .hint("only edits in place can be undone");
  }
  Record& r = undo.records().back();
  const std::size_t size = target.size();
  const bool shifted = r.inserted > 0 && size == r.file_size + r.inserted;
  const auto changed = [&](std::string_view what) {
    throw base::Error(base::Fault::bad_input, "the file has changed since the edit")
        .at("file", file.string())
        .at("found", what)
        .hint("remove " + undo_path(file).string() + " to go on without it");
  };
  if (!shifted && size != r.file_size) changed("another size");
  if (r.done && target.read(r.after.size()) != r.after) changed("another header");
  // From here on the file is neither old nor new; a second try only needs the sizes.
  r.done = false;
  undo.save();
  if (shifted) target.collapse(r.inserted);
  target.write(r.before);
  undo.records().pop_back();
  undo.save();
}

}  // namespace surgery
