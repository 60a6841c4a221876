#include "gguf/file.h"

#include <fmt/format.h>

#include <unordered_set>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/printable.h"
#include "gguf/layout.h"
#include "gguf/read_tensors.h"
#include "gguf/read_value.h"

namespace gguf {
namespace {

base::Error bad(std::string message, std::size_t offset) {
  return base::Error(base::Fault::bad_file, std::move(message)).at("offset", offset);
}

std::string hex(std::span<const std::byte> bytes) {
  std::string out;
  for (const std::byte b : bytes) {
    out += fmt::format("{}{:02x}", out.empty() ? "" : " ", std::to_integer<unsigned>(b));
  }
  return out;
}

}  // namespace

/// Fills a File from its bytes, front to back.
class HeaderReader {
 public:
  explicit HeaderReader(File& file) : file_(file), in_(file.bytes_) {}

  void read() {
    read_magic();
    read_version();
    const auto n_tensors = in_.read<std::uint64_t>("number of tensors");
    const auto n_pairs = in_.read<std::uint64_t>("number of metadata pairs");
    check_count(kTensors, n_tensors);
    check_count(kPairs, n_pairs);
    read_metadata(n_pairs);
    read_alignment();
    check_count(kTensors, n_tensors);
    file_.tensors_ = read_tensor_infos(in_, n_tensors, memory_);
    place(n_tensors);
  }

 private:
  struct Counted {
    std::string_view what;
    std::size_t offset;     ///< of the count in the header
    std::size_t min_bytes;  ///< smallest size of one in the file
  };
  static constexpr Counted kTensors{"tensors", 8, kMinInfoBytes};
  static constexpr Counted kPairs{"metadata pairs", 16, kMinPairBytes};

  static constexpr NameRule kKeyRule{"metadata key", "key", kMaxKeyBytes};

  void read_magic() {
    const std::size_t size = file_.bytes_.size();
    const auto head = file_.bytes_.first(std::min(size, kMagic.size()));
    if (!std::equal(head.begin(), head.end(), kMagic.begin())) {
      throw bad("not a GGUF file", 0)
          .at("found", hex(head))
          .expected("47 47 55 46 (\"GGUF\")")
          .hint("is it another kind of file, or a Git LFS pointer?");
    }
    if (size < kHeaderBytes) {
      throw bad("file is too short for a GGUF header", 0)
          .at("found", fmt::format("{} bytes", size))
          .expected(fmt::format("at least {} bytes", kHeaderBytes))
          .hint("the file is truncated");
    }
    in_.take(kMagic.size(), "magic");
  }

  void read_version() {
    const std::size_t offset = in_.position();
    const auto version = in_.read<std::uint32_t>("version");
    if (version == 2 || version == 3) {
      file_.version_ = version;
      return;
    }
    if (version != 0 && (version & 0xffffu) == 0) {
      throw bad("GGUF file in big-endian byte order", offset)
          .at("found", fmt::format("version field 0x{:08x}", version))
          .expected("a little-endian file")
          .hint("convert the model on a little-endian machine");
    }
    throw bad(version == 1 ? "GGUF version 1 is too old" : "unknown GGUF version", offset)
        .at("found", version)
        .expected("2 or 3")
        .hint(version == 1 ? "convert the model again with a current converter"
                           : "written by a newer program, or damaged");
  }

  /// Compares a count of the header with the bytes left at the present position.
  void check_count(const Counted& counted, std::uint64_t n) const {
    if (n > kMaxEntries) {
      throw bad(fmt::format("too many {}", counted.what), counted.offset)
          .at("found", n)
          .expected(fmt::format("at most {}", kMaxEntries))
          .hint("the header is damaged");
    }
    const std::size_t most = in_.left() / counted.min_bytes;
    if (n > most) {
      throw bad(fmt::format("more {} than the file can hold", counted.what), counted.offset)
          .at("found", n)
          .expected(fmt::format("at most {} ({} bytes left)", most, in_.left()))
          .hint("the file is truncated or its header damaged");
    }
  }

  void read_metadata(std::size_t n) {
    std::vector<Metadata::Pair> pairs;
    std::unordered_set<std::string_view> keys;  // views into the file's bytes
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t offset = in_.position();
      const std::string_view key = read_name(in_, kKeyRule, i, n);
      try {
        if (!keys.insert(key).second) throw bad("metadata key appears twice", offset);
        if (key == kAlignmentKey) alignment_offset_ = offset;
        memory_.take(sizeof(Metadata::Pair) + key.size(), offset);
        pairs.emplace_back(std::string(key), read_value(in_, memory_));
      } catch (base::Error& e) {
        e.at("key", base::printable(key));
        throw;
      }
    }
    file_.metadata_ = Metadata(std::move(pairs));
  }

  void read_alignment() {
    const Value* value = file_.metadata_.find(kAlignmentKey);
    if (value == nullptr) return;
    const std::uint32_t* a = std::get_if<std::uint32_t>(value);
    if (a == nullptr || *a == 0 || (*a & (*a - 1)) != 0 || *a > kMaxAlignment) {
      throw bad("alignment cannot be used", alignment_offset_)
          .at("key", kAlignmentKey)
          .at("found", fmt::format("{} {}", type_name(type_of(*value)), to_text(*value)))
          .expected(fmt::format("u32, a power of two from 1 to {}", kMaxAlignment));
    }
    file_.alignment_ = *a;
  }

  void place(std::size_t n_tensors) {
    const std::size_t size = file_.bytes_.size();
    file_.data_start_ = base::round_up(in_.position(), file_.alignment_);
    if (n_tensors == 0) {
      if (size > file_.data_start_) {
        file_.findings_.push_back({base::Finding::Level::warning, "file",
                                   fmt::format("{} bytes behind the end of a file without tensors",
                                               size - file_.data_start_)});
      }
      return;
    }
    place_tensors(file_.tensors_, {file_.data_start_, size, file_.alignment_}, file_.findings_);
  }

  File& file_;
  base::Cursor in_;
  HeaderMemory memory_;
  std::size_t alignment_offset_ = 0;
};

File File::parse(std::span<const std::byte> bytes, const std::string& name) {
  File file;
  file.path_ = name;
  file.bytes_ = bytes;
  try {
    HeaderReader(file).read();
  } catch (base::Error& e) {
    e.at("file", name);
    throw;
  }
  return file;
}

File File::planned(Metadata metadata, std::vector<TensorInfo> tensors) {
  File file;
  file.path_ = "(planned)";
  file.metadata_ = std::move(metadata);
  file.tensors_ = std::move(tensors);
  return file;
}

File File::open(const std::filesystem::path& path) {
  tensor::Mapping mapping(path);
  File file = parse(mapping.bytes(), path.string());
  file.mapping_ = std::move(mapping);
  return file;
}

}  // namespace gguf
