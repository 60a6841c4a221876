#include "cook/tensor_cache.h"

#include <algorithm>
#include <chrono>
#include <functional>

#include "base/bytes.h"
#include "base/error.h"

namespace cook {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "qtensor1";  // then u64 size, u64 and u64 checksum, zeros
constexpr std::string_view kExtension = ".tensor";
constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr auto kLeftOverAge = std::chrono::hours(24);

HashValue data_hash(const ReadableFile& file, std::size_t size) {
  std::vector<HashValue> parts;
  for (std::size_t begin = 0; begin < size; begin += TensorCache::kPartBytes) {
    const std::size_t n = std::min(TensorCache::kPartBytes, size - begin);
    parts.push_back(TensorCache::part_hash(n, [&](std::size_t at, std::span<std::byte> out) {
      file.read(TensorCache::kHeaderBytes + begin + at, out);
    }));
  }
  return TensorCache::whole_hash(parts);
}

using Header = std::array<std::byte, TensorCache::kHeaderBytes>;

Header header_for(std::size_t size, const HashValue& hash) {
  Header header{};
  std::memcpy(header.data(), kMagic.data(), kMagic.size());
  base::store(header.data() + 8, static_cast<std::uint64_t>(size));
  base::store(header.data() + 16, hash[0]);
  base::store(header.data() + 24, hash[1]);
  return header;
}

HashValue checksum_in(const Header& header) noexcept {
  HashValue hash{};
  std::memcpy(hash.data(), header.data() + 16, sizeof hash);
  return hash;
}

constexpr std::size_t kKeyDigits = 32;

/// "KEY.tensor": a folder may hold other files, which are none of ours.
bool is_entry(std::string_view file) noexcept {
  return file.size() == kKeyDigits + kExtension.size() && file.ends_with(kExtension) &&
         file.find_first_not_of("0123456789abcdef") == kKeyDigits;
}

/// "KEY.tensor.unfinished-PID" of base::OutputFile.
bool is_unfinished(std::string_view file) noexcept {
  const std::size_t end = kKeyDigits + kExtension.size();
  return is_entry(file.substr(0, end)) && file.substr(end).starts_with(".unfinished-");
}

struct FoundEntry {
  fs::path path;
  fs::file_time_type used;
  std::size_t bytes = 0;
};

/// Entries, oldest use first; files that vanish meanwhile are left out.
std::vector<FoundEntry> entries_of(const fs::path& folder) {
  std::vector<FoundEntry> out;
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(folder, error)) {
    if (!is_entry(file.path().filename().string())) continue;
    FoundEntry entry{.path = file.path(), .used = file.last_write_time(error)};
    if (error) continue;
    entry.bytes = file.file_size(error);
    if (!error) out.push_back(std::move(entry));
  }
  std::sort(out.begin(), out.end(),
            [](const FoundEntry& a, const FoundEntry& b) { return a.used < b.used; });
  return out;
}

}  // namespace

CacheEntry::CacheEntry(const fs::path& path, std::size_t size)
    : file_(path, base::LeftOvers::keep), size_(size) {
  file_.reserve(TensorCache::kHeaderBytes + size);
}

void CacheEntry::write(std::size_t offset, std::span<const std::byte> bytes) {
  file_.write(TensorCache::kHeaderBytes + offset, bytes);
}

void CacheEntry::commit() {
  const ReadableFile written(file_.temporary_path());
  file_.write(0, header_for(size_, data_hash(written, size_)));
  file_.commit();
}

TensorCache::TensorCache(fs::path folder, std::string encoder_version)
    : folder_(std::move(folder)), version_(std::move(encoder_version)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (!fs::is_directory(folder_, error)) {
    throw base::Error(base::Fault::io, "cannot make the folder of the tensor cache")
        .at("folder", folder_.string());
  }
}

fs::path TensorCache::path_of(const std::string& key) const {
  return folder_ / (key + std::string(kExtension));
}

std::string TensorCache::key(const Job& job, quant::Effort effort,
                             std::span<const HashValue> source) const {
  Hash hash;
  hash.add_text(version_);
  hash_job(hash, job, effort);
  hash.add(std::as_bytes(source));
  return hash_text(hash.digest());
}

std::optional<StoredEntry> TensorCache::open(const std::string& key, std::size_t size) const {
  const fs::path path = path_of(key);
  std::error_code error;
  const std::uintmax_t found = fs::file_size(path, error);
  if (error) return std::nullopt;
  try {
    if (found != kHeaderBytes + size) {
      remove(key);
      return StoredEntry{};
    }
    StoredEntry entry{.file = std::make_unique<ReadableFile>(path)};
    Header header;
    entry.file->read(0, header);
    entry.checksum = checksum_in(header);
    if (header == header_for(size, entry.checksum)) return entry;
  } catch (const base::Error&) {
    return std::nullopt;  // removed by another run, or the disk cannot read it: encode again
  }
  remove(key);
  return StoredEntry{};
}

void TensorCache::touch(const std::string& key) const noexcept {
  std::error_code error;
  fs::last_write_time(path_of(key), fs::file_time_type::clock::now(), error);
}

void TensorCache::remove(const std::string& key) const noexcept {
  std::error_code error;
  fs::remove(path_of(key), error);
}

HashValue TensorCache::part_hash(std::size_t size, const Read& read) {
  Hash hash;
  std::vector<std::byte> piece;
  for (std::size_t done = 0; done < size; done += piece.size()) {
    piece.resize(std::min(kPiece, size - done));
    read(done, piece);
    hash.add(piece);
  }
  return hash.digest();
}

HashValue TensorCache::whole_hash(std::span<const HashValue> parts) {
  Hash hash;
  hash.add(std::as_bytes(parts));
  return hash.digest();
}

std::unique_ptr<CacheEntry> TensorCache::create(const std::string& key, std::size_t size) const {
  return std::make_unique<CacheEntry>(path_of(key), size);
}

std::optional<std::string> TensorCache::foreign_file(const fs::path& folder) {
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(folder, error)) {
    std::string name = file.path().filename().string();
    if (!is_entry(name) && !is_unfinished(name)) return name;
  }
  return std::nullopt;
}

void TensorCache::remove_all() const {
  std::error_code error;
  std::vector<fs::path> ours;
  for (const fs::directory_entry& file : fs::directory_iterator(folder_, error)) {
    const std::string name = file.path().filename().string();
    if (is_entry(name) || is_unfinished(name)) ours.push_back(file.path());
  }
  for (const fs::path& path : ours) fs::remove(path, error);
  fs::remove(folder_, error);  // only if nothing is in it
}

void TensorCache::tidy() const {
  base::remove_unfinished_in(folder_, is_entry);
  std::error_code error;
  const auto limit = fs::file_time_type::clock::now() - kLeftOverAge;
  std::vector<fs::path> old;
  for (const fs::directory_entry& file : fs::directory_iterator(folder_, error)) {
    const bool unfinished = is_unfinished(file.path().filename().string());
    if (unfinished && file.last_write_time(error) < limit && !error) old.push_back(file.path());
  }
  for (const fs::path& path : old) fs::remove(path, error);
}

TensorCache::Pruned TensorCache::prune(std::size_t max_bytes,
                                       const std::set<std::string>& used) const {
  std::vector<FoundEntry> entries = entries_of(folder_);
  const auto is_used = [&](const FoundEntry& e) { return used.contains(e.path.stem().string()); };
  std::stable_partition(entries.begin(), entries.end(), std::not_fn(is_used));
  std::size_t bytes = 0;
  for (const FoundEntry& entry : entries) bytes += entry.bytes;
  Pruned pruned;
  for (const FoundEntry& entry : entries) {
    if (bytes <= max_bytes) break;
    std::error_code error;
    if (!fs::remove(entry.path, error)) continue;
    bytes -= entry.bytes;
    pruned.bytes += entry.bytes;
    if (is_used(entry)) ++pruned.n_used;
  }
  return pruned;
}

TensorCache::Info TensorCache::info(const fs::path& folder) {
  Info info;
  for (const FoundEntry& entry : entries_of(folder)) {
    ++info.n_entries;
    info.bytes += entry.bytes;
  }
  return info;
}

}  // namespace cook
