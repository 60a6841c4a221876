// The GGUF dialect. Source: docs/spec/imatrix.md, section 4.
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/printable.h"
#include "calibrate/importance_file.h"
#include "gguf/file.h"
#include "gguf/writer.h"

namespace calibrate {
namespace {

constexpr std::string_view kSums = ".in_sum2";
constexpr std::string_view kCounts = ".counts";
constexpr double kMaxCount = 0x1p53;

/// Reads the pairs of tensors of a checked container.
class GgufReader {
 public:
  explicit GgufReader(const gguf::File& file) : file_(file) {
    out_.findings = file.findings();
    for (const gguf::TensorInfo& t : file.tensors()) by_name_.emplace(t.name, &t);
  }

  Importance read() {
    read_keys();
    for (const gguf::TensorInfo& t : file_.tensors()) {
      if (std::string_view(t.name).ends_with(kSums)) read_pair(t);
      if (std::string_view(t.name).ends_with(kCounts)) check_partner(t);
    }
    if (out_.entries.empty()) {
      const auto type = file_.metadata().find("general.type");
      throw base::Error(base::Fault::bad_file, "file holds no importance entries")
          .at("found", fmt::format("{} tensors, general.type {}", file_.tensors().size(),
                                   type == nullptr ? "absent" : gguf::to_text(*type)))
          .expected("pairs of NAME.in_sum2 and NAME.counts")
          .hint("is this a model?");
    }
    return std::move(out_);
  }

 private:
  void warn(std::string where, std::string text) {
    out_.findings.push_back({base::Finding::Level::warning, std::move(where), std::move(text)});
  }

  void read_keys() {
    const gguf::Metadata& m = file_.metadata();
    if (m.string("general.type").value_or("") != "imatrix") {
      warn("general.type", "is not \"imatrix\"");
    }
    if (const gguf::Array* a = m.array("imatrix.datasets")) {
      if (a->type != gguf::ValueType::str) {
        throw base::Error(base::Fault::bad_file, "data sets are not strings")
            .at("key", "imatrix.datasets")
            .at("found", fmt::format("array of {}", gguf::type_name(a->type)))
            .expected("array of str");
      }
      out_.datasets = a->strings;
    } else {
      warn("imatrix.datasets", "is missing; llama.cpp refuses the file");
    }
    out_.chunk_count = read_count("imatrix.chunk_count", 0);
    out_.chunk_size = read_count("imatrix.chunk_size", 512);
    if (out_.chunk_size == 0) {
      warn("imatrix.chunk_size", "is 0; 512 assumed");
      out_.chunk_size = 512;
    }
  }

  std::uint32_t read_count(std::string_view key, std::uint32_t otherwise) {
    const std::optional<std::int64_t> v = file_.metadata().integer(key);
    if (!v) {
      warn(std::string(key),
           fmt::format("is missing; {} assumed; llama.cpp refuses the file", otherwise));
      return otherwise;
    }
    if (*v < 0 || *v > 0xffffffff) {
      throw base::Error(base::Fault::bad_file, "metadata value is out of range")
          .at("key", key)
          .at("found", *v)
          .expected("0 to 4294967295");
    }
    return static_cast<std::uint32_t>(*v);
  }

  const gguf::TensorInfo& partner(const gguf::TensorInfo& t, std::string_view own,
                                  std::string_view other) const {
    const std::string name = t.name.substr(0, t.name.size() - own.size()) + std::string(other);
    const auto it = by_name_.find(name);
    if (it != by_name_.end()) return *it->second;
    throw base::Error(base::Fault::bad_file, "one half of an importance entry is missing")
        .at("tensor", base::printable(name))
        .at("found", "only " + base::printable(t.name))
        .expected("both tensors of the pair");
  }
  void check_partner(const gguf::TensorInfo& counts) const { partner(counts, kCounts, kSums); }

  std::span<const std::byte> floats_of(const gguf::TensorInfo& t) const {
    if (t.codec->name != "f32") {
      throw base::Error(base::Fault::bad_file, "importance data has the wrong type")
          .at("tensor", base::printable(t.name))
          .at("offset", t.offset)
          .at("found", t.codec->name)
          .expected("f32");
    }
    return file_.bytes().subspan(t.offset, t.size);
  }

  void read_pair(const gguf::TensorInfo& sums) {
    const gguf::TensorInfo& counts = partner(sums, kSums, kCounts);
    const std::string raw = sums.name.substr(0, sums.name.size() - kSums.size());
    const std::string name(clean_name(raw));
    if (name.empty() || out_.find(name) != nullptr) {
      throw base::Error(base::Fault::bad_file,
                        name.empty() ? "entry name is empty" : "two entries for one tensor")
          .at("tensor", base::printable(sums.name));
    }
    if (name != raw) warn(name, "was named \"" + base::printable(raw) + "\"");
    Entry entry = shaped(sums, counts);
    read_counts(counts, entry);
    read_sums(sums, entry);
    out_.entries.emplace(name, std::move(entry));
  }

  /// N sums and C counts: value i belongs to count i / (N / C). One count for several vectors
  /// stands for each of them.
  Entry shaped(const gguf::TensorInfo& sums, const gguf::TensorInfo& counts) const {
    const std::size_t n = sums.shape.elements();
    const std::size_t n_counts = counts.shape.elements();
    if (n % n_counts != 0) {
      throw base::Error(base::Fault::bad_file, "sums and counts do not fit together")
          .at("tensor", base::printable(sums.name))
          .at("found", fmt::format("{} sums, {} counts", n, n_counts))
          .expected("a multiple of the counts");
    }
    Entry entry;
    entry.n_vectors = n_counts == 1 ? sums.shape.rows() : n_counts;
    entry.n_cols = n / entry.n_vectors;
    entry.sums.resize(n);
    entry.counts.resize(entry.n_vectors);
    return entry;
  }

  base::Error bad_value(const gguf::TensorInfo& t, std::size_t i, float value) const {
    return base::Error(base::Fault::bad_file, "importance value cannot be used")
        .at("tensor", base::printable(t.name))
        .at("offset", t.offset + i * sizeof(float))
        .at("found", fmt::format("{}", value));
  }

  void read_counts(const gguf::TensorInfo& t, Entry& entry) const {
    const auto bytes = floats_of(t);
    const std::size_t n = bytes.size() / sizeof(float);
    for (std::size_t v = 0; v < entry.n_vectors; ++v) {
      const std::size_t i = n == 1 ? 0 : v;
      const float value = base::load_f32(bytes.data() + i * sizeof(float));
      if (!(value >= 0 && static_cast<double>(value) <= kMaxCount)) {
        throw bad_value(t, i, value).expected("a count from 0 to 2^53");
      }
      entry.counts[v] = static_cast<std::int64_t>(std::nearbyint(static_cast<double>(value)));
    }
  }

  void read_sums(const gguf::TensorInfo& t, Entry& entry) {
    const auto bytes = floats_of(t);
    bool lost = false;
    for (std::size_t i = 0; i < entry.sums.size(); ++i) {
      const float value = base::load_f32(bytes.data() + i * sizeof(float));
      if (!(std::isfinite(value) && value >= 0)) {
        throw bad_value(t, i, value)
            .expected("finite and >= 0")
            .hint("the program that collected it overflowed: collect again");
      }
      const bool counted = entry.counts[i / entry.n_cols] != 0;
      lost = lost || (!counted && value != 0);
      entry.sums[i] = counted ? static_cast<double>(value) : 0.0;
    }
    if (lost) warn(base::printable(t.name), "has sums where the count is 0; ignored");
  }

  const gguf::File& file_;
  Importance out_;
  std::unordered_map<std::string_view, const gguf::TensorInfo*> by_name_;
};

gguf::Metadata keys_of(const Importance& importance) {
  gguf::Metadata m;
  m.set("general.type", std::string("imatrix"));
  m.set("imatrix.datasets", gguf::Array::of_strings(importance.datasets));
  m.set("imatrix.chunk_count", importance.chunk_count);
  m.set("imatrix.chunk_size", importance.chunk_size);
  return m;
}

template <class T>
std::vector<float> to_floats(std::span<const T> values, const std::string& name) {
  std::vector<float> out(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    out[i] = static_cast<float>(values[i]);
    if (std::isfinite(out[i])) continue;
    throw base::Error(base::Fault::bad_input, "importance value does not fit f32")
        .at("entry", base::printable(name));
  }
  return out;
}

}  // namespace

Importance parse_gguf(std::span<const std::byte> bytes, const std::string& name) {
  const gguf::File file = gguf::File::parse(bytes, name);
  return GgufReader(file).read();
}

void save_gguf(const Importance& importance, const std::filesystem::path& path) {
  const quant::Codec* f32 = quant::find_codec("f32");
  std::vector<gguf::TensorPlan> plan;
  std::vector<std::vector<float>> data;
  for (const auto& [name, e] : importance.entries) {
    if (!e.has_data()) continue;
    plan.push_back({name + std::string(kSums), f32, {{e.n_cols, e.n_vectors, 1, 1}}});
    data.push_back(to_floats(std::span(e.sums), name));
    plan.push_back({name + std::string(kCounts), f32, {{1, e.n_vectors, 1, 1}}});
    data.push_back(to_floats(std::span(e.counts), name));
  }
  if (plan.empty()) {
    throw base::Error(base::Fault::bad_input, "importance matrix has no data to write");
  }
  gguf::Writer writer(path, keys_of(importance), plan);
  for (std::size_t i = 0; i < data.size(); ++i)
    writer.write(i, 0, std::as_bytes(std::span(data[i])));
  writer.finish();
}

}  // namespace calibrate
