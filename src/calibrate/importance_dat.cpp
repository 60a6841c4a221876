// The legacy dialect. Source: docs/spec/imatrix.md, section 3.
#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/printable.h"
#include "calibrate/importance_file.h"

namespace calibrate {
namespace {

constexpr std::int32_t kMaxEntries = 1 << 20;
constexpr std::int32_t kMaxNameBytes = 1024;

base::Error bad(std::string message, std::size_t offset) {
  return base::Error(base::Fault::bad_file, std::move(message)).at("offset", offset);
}

class DatReader {
 public:
  DatReader(std::span<const std::byte> bytes, std::uint32_t chunk_size) : in_(bytes) {
    out_.chunk_size = chunk_size;
  }

  Importance read() {
    const std::size_t offset = in_.position();
    const auto n = in_.read<std::int32_t>("number of entries");
    if (n < 1 || n > kMaxEntries) {
      throw bad("number of entries cannot be right", offset)
          .at("found", n)
          .expected(fmt::format("1 to {}", kMaxEntries))
          .hint("is this an importance matrix? neither a GGUF nor a .dat file begins so");
    }
    for (std::int32_t i = 0; i < n; ++i) {
      const std::string name = read_name(i, n);
      try {
        read_entry(name);
      } catch (base::Error& e) {
        e.at("entry", base::printable(name));
        throw;
      }
    }
    read_trailer();
    if (out_.chunk_count == 0) {
      out_.chunk_count = static_cast<std::uint32_t>(max_calls_);
      note("file", "number of chunks not stored; the largest number of calls is taken");
    }
    return std::move(out_);
  }

 private:
  void note(std::string where, std::string text,
            base::Finding::Level level = base::Finding::Level::note) {
    out_.findings.push_back({level, std::move(where), std::move(text)});
  }

  std::string read_name(std::int32_t i, std::int32_t n) {
    const std::size_t offset = in_.position();
    try {
      const auto length = in_.read<std::int32_t>("length of entry name");
      if (length < 1 || length > kMaxNameBytes) throw bad_length(length, offset);
      const auto bytes = in_.take(static_cast<std::size_t>(length), "entry name");
      return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    } catch (base::Error& e) {
      e.at("entry", fmt::format("number {} of {}", i + 1, n));
      throw;
    }
  }

  /// A converter in circulation writes the number of experts where the number of values belongs;
  /// what follows such an entry is read as a name of absurd length.
  base::Error bad_length(std::int32_t length, std::size_t offset) const {
    base::Error e = bad("length of entry name cannot be right", offset);
    e.at("found", length).expected(fmt::format("1 to {}", kMaxNameBytes));
    if (!last_.empty()) {
      e.at("previous entry", fmt::format("{} with {} values", base::printable(last_), last_size_))
          .hint(
              "the file is damaged, or was made by a defective GGUF to .dat converter that "
              "miscounts the values of expert stacks: use the GGUF file instead");
    } else {
      e.hint("the file is damaged, or not an importance matrix");
    }
    return e;
  }

  void read_entry(const std::string& raw_name) {
    const std::string name(clean_name(raw_name));
    if (name != raw_name) note(name, "was named \"" + base::printable(raw_name) + "\"");
    if (name.empty() || out_.find(name) != nullptr) {
      throw bad(name.empty() ? "entry name is empty" : "two entries for one tensor",
                in_.position());
    }
    const std::size_t calls_offset = in_.position();
    const auto calls = in_.read<std::int32_t>("number of calls");
    if (calls < 0) {
      throw bad("number of calls is negative", calls_offset).at("found", calls).expected(">= 0");
    }
    const std::size_t n = read_size();
    max_calls_ = std::max(max_calls_, calls);
    out_.entries.emplace(name, read_values(name, n, calls));
    last_ = name;
    last_size_ = n;
  }

  std::size_t read_size() {
    const std::size_t offset = in_.position();
    const auto n = in_.read<std::int32_t>("number of values");
    if (n < 1 || static_cast<std::size_t>(n) > in_.left() / sizeof(float)) {
      throw bad("number of values cannot be right", offset)
          .at("found", n)
          .expected(fmt::format("1 to {} ({} bytes left)", in_.left() / sizeof(float), in_.left()))
          .hint("the file is truncated or damaged");
    }
    return static_cast<std::size_t>(n);
  }

  /// values = mean * calls; without calls they are the means themselves.
  Entry read_values(const std::string& name, std::size_t n, std::int32_t calls) {
    Entry entry;
    entry.n_cols = n;
    entry.counts = {calls == 0 ? 1 : std::int64_t{calls} * out_.chunk_size};
    if (calls == 0) {
      note(name, "number of calls is 0; values taken as means", base::Finding::Level::warning);
    }
    const double scale = calls == 0 ? 1.0 : static_cast<double>(out_.chunk_size);
    const std::size_t start = in_.position();
    const auto bytes = in_.take(n * sizeof(float), "values");
    entry.sums.resize(n);
    for (std::size_t j = 0; j < n; ++j) {
      const float value = base::load_f32(bytes.data() + j * sizeof(float));
      if (!(std::isfinite(value) && value >= 0)) {
        throw bad("importance value cannot be used", start + j * sizeof(float))
            .at("column", j)
            .at("found", fmt::format("{}", value))
            .expected("finite and >= 0")
            .hint("the program that collected it overflowed: collect again");
      }
      entry.sums[j] = static_cast<double>(value) * scale;
    }
    return entry;
  }

  void read_trailer() {
    if (in_.left() == 0) return;
    if (in_.left() < 4) return odd_trailer("bytes behind the entries are no trailer");
    const auto chunks = in_.read<std::int32_t>("number of chunks");
    if (chunks < 0) return odd_trailer(fmt::format("number of chunks is {}; ignored", chunks));
    out_.chunk_count = static_cast<std::uint32_t>(chunks);
    if (in_.left() == 0) return;
    if (in_.left() < 4) return odd_trailer("bytes behind the number of chunks");
    const auto length = in_.read<std::int32_t>("length of data set name");
    if (length < 0 || static_cast<std::size_t>(length) > in_.left()) {
      return odd_trailer(fmt::format(
          "length of the data set name is {}, {} bytes are left; ignored", length, in_.left()));
    }
    const auto bytes = in_.take(static_cast<std::size_t>(length), "data set name");
    if (length > 0) {
      out_.datasets.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    if (in_.left() > 0) {
      odd_trailer(fmt::format("{} unused bytes behind the data set name", in_.left()));
    }
  }
  void odd_trailer(std::string text) {
    note("trailer", std::move(text), base::Finding::Level::warning);
  }

  base::Cursor in_;
  Importance out_;
  std::int32_t max_calls_ = 0;
  std::string last_;
  std::size_t last_size_ = 0;
};

}  // namespace

Importance parse_dat(std::span<const std::byte> bytes, std::uint32_t chunk_size) {
  return DatReader(bytes, chunk_size).read();
}

namespace {

void put(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void put_i32(std::vector<std::byte>& out, std::size_t v) {
  const auto n = static_cast<std::int32_t>(v);
  put(out, std::as_bytes(std::span(&n, 1)));
}
void put_string(std::vector<std::byte>& out, std::string_view s) {
  put_i32(out, s.size());
  put(out, std::as_bytes(std::span(s)));
}

/// Whether ik_llama.cpp would store an entry with that many vectors missing.
bool ik_stores(std::size_t missing, std::size_t n_vectors) {
  return missing == 0 ||
         static_cast<double>(missing) < std::round(0.05 * static_cast<double>(n_vectors));
}

/// Means of all vectors, those without data filled by the rule; empty if the entry is left out.
std::vector<float> filled_means(const Entry& e, MissingExperts rule) {
  const auto missing = static_cast<std::size_t>(std::count(e.counts.begin(), e.counts.end(), 0));
  if (!e.has_data()) return {};
  if (rule == MissingExperts::ik_rule && !ik_stores(missing, e.n_vectors)) return {};
  std::vector<float> means = e.means();
  const std::vector<float> filler =
      rule == MissingExperts::ik_rule ? std::vector<float>(e.n_cols, 1.0f) : e.pooled_mean();
  for (std::size_t v = 0; v < e.n_vectors; ++v) {
    if (e.counts[v] != 0) continue;
    std::copy(filler.begin(), filler.end(),
              means.begin() + static_cast<std::ptrdiff_t>(v * e.n_cols));
  }
  return means;
}

/// Chunks, or what comes nearest if the number is unknown; fits i32 and is at least 1.
std::size_t chunks_of(const Importance& importance) {
  constexpr std::size_t kMax = 0x7fffffff;
  if (importance.chunk_count > 0) return std::min<std::size_t>(importance.chunk_count, kMax);
  std::int64_t most = 0;
  for (const auto& [name, e] : importance.entries) {
    for (const std::int64_t c : e.counts) most = std::max(most, c);
  }
  const std::int64_t size = std::max<std::int64_t>(importance.chunk_size, 1);
  const auto chunks = static_cast<std::size_t>(most / size + (most % size != 0 ? 1 : 0));
  return std::clamp<std::size_t>(chunks, 1, kMax);
}

void put_entry(std::vector<std::byte>& out, const std::string& name, std::vector<float> means,
               std::size_t chunks) {
  constexpr std::size_t kMax = 0x7fffffff;
  if (name.size() > static_cast<std::size_t>(kMaxNameBytes) || means.size() > kMax) {
    throw base::Error(base::Fault::bad_input, "entry does not fit the .dat dialect")
        .at("entry", base::printable(name));
  }
  for (float& m : means) {
    m *= static_cast<float>(chunks);
    if (std::isfinite(m)) continue;
    throw base::Error(base::Fault::bad_input, "importance value does not fit f32")
        .at("entry", base::printable(name));
  }
  put_string(out, name);
  put_i32(out, chunks);
  put_i32(out, means.size());
  put(out, std::as_bytes(std::span(means)));
}

}  // namespace

std::vector<std::byte> dat_bytes(const Importance& importance, MissingExperts rule) {
  const std::size_t chunks = chunks_of(importance);
  std::vector<std::byte> body;
  std::size_t n = 0;
  for (const auto& [name, entry] : importance.entries) {
    std::vector<float> means = filled_means(entry, rule);
    if (means.empty()) continue;
    put_entry(body, name, std::move(means), chunks);
    ++n;
  }
  if (n == 0) {
    throw base::Error(base::Fault::bad_input, "importance matrix has no data to write");
  }
  std::vector<std::byte> out;
  put_i32(out, n);
  put(out, body);
  put_i32(out, chunks);
  std::string datasets;
  for (const std::string& d : importance.datasets) datasets += (datasets.empty() ? "" : ",") + d;
  put_string(out, datasets);
  return out;
}

}  // namespace calibrate
