#include "calibrate/checkpoint.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "base/bytes.h"
#include "base/output_file.h"

namespace calibrate {
namespace {
using nlohmann::json;
constexpr int kVersion = 2;
constexpr std::size_t kHashBytes = sizeof(std::uint64_t);  // behind the content

template <class T>
json binary_of(const std::vector<T>& values) {
  std::vector<std::uint8_t> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return json::binary(std::move(bytes));
}

template <class T>
std::vector<T> values_of(const json& j) {
  const auto& bytes = j.get_binary();
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

Entry entry_of(const json& j) {
  Entry e;
  e.n_cols = j.at("cols");
  e.n_vectors = j.at("vectors");
  e.sums = values_of<double>(j.at("sums"));
  e.counts = values_of<std::int64_t>(j.at("counts"));
  if (e.n_cols == 0 || e.sums.size() / e.n_cols != e.n_vectors || e.counts.size() != e.n_vectors ||
      e.sums.size() % e.n_cols != 0) {
    throw base::Error(base::Fault::bad_file, "sums of a checkpoint have the wrong size");
  }
  return e;
}

Checkpoint checkpoint_of(const json& j) {
  if (j.at("version") != kVersion) {
    throw base::Error(base::Fault::bad_file, "checkpoint of another version of this program");
  }
  Checkpoint c;
  c.fingerprint = j.at("fingerprint");
  c.chunks_done = j.at("chunks_done");
  c.layers_done = j.at("layers_done");
  c.n = j.at("n");
  c.nll_sum = j.at("nll_sum");
  c.nll_sum_of_squares = j.at("nll_sum_of_squares");
  for (const auto& [name, entry] : j.at("entries").items())
    c.entries.emplace(name, entry_of(entry));
  return c;
}

/// All but the hash, which is held against it. A whole object without one is of an older version
/// and returned as it is.
std::span<const std::uint8_t> checked_content(std::span<const std::uint8_t> bytes) {
  std::uint64_t found = 0, expected = 0;
  if (bytes.size() > kHashBytes) {
    const auto content = bytes.first(bytes.size() - kHashBytes);
    found = XXH64(content.data(), content.size(), 0);
    expected = base::load<std::uint64_t>(std::as_bytes(bytes.last<kHashBytes>()).data());
    if (found == expected) return content;
  }
  const json whole = json::from_cbor(bytes.begin(), bytes.end(), true, false);
  const bool older =
      !whole.is_discarded() && (!whole.is_object() || whole.value("version", json()) != kVersion);
  if (older) return bytes;
  throw base::Error(base::Fault::bad_file, "checkpoint is damaged or cut off")
      .at("found", fmt::format("{} bytes, xxh64 {:016x}", bytes.size(), found))
      .expected(fmt::format("xxh64 {:016x} as in its last {} bytes", expected, kHashBytes));
}
}  // namespace

void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  json j = {{"version", kVersion},
            {"fingerprint", checkpoint.fingerprint},
            {"chunks_done", checkpoint.chunks_done},
            {"layers_done", checkpoint.layers_done},
            {"n", checkpoint.n},
            {"nll_sum", checkpoint.nll_sum},
            {"nll_sum_of_squares", checkpoint.nll_sum_of_squares},
            {"entries", json::object()}};
  for (const auto& [name, e] : checkpoint.entries) {
    j["entries"][name] = {{"cols", e.n_cols},
                          {"vectors", e.n_vectors},
                          {"sums", binary_of(e.sums)},
                          {"counts", binary_of(e.counts)}};
  }
  std::vector<std::uint8_t> bytes = json::to_cbor(j);
  const std::uint64_t hash = XXH64(bytes.data(), bytes.size(), 0);
  bytes.resize(bytes.size() + kHashBytes);
  base::store(std::as_writable_bytes(std::span(bytes)).last<kHashBytes>().data(), hash);
  base::write_file(path, std::as_bytes(std::span(bytes)));
}

std::optional<Checkpoint> load_checkpoint(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  const std::vector<std::uint8_t> bytes((std::istreambuf_iterator<char>(in)),
                                        std::istreambuf_iterator<char>());
  try {
    const auto content = checked_content(bytes);
    return checkpoint_of(json::from_cbor(content.begin(), content.end()));
  } catch (const json::exception&) {
    throw base::Error(base::Fault::bad_file, "not a checkpoint of this program")
        .at("file", path.string())
        .hint("delete it to begin again");
  } catch (base::Error& e) {
    e.at("file", path.string()).hint("delete it to begin again");
    throw;
  }
}

}  // namespace calibrate
