// attn_k_b and attn_v_b against attn_kv_b of the same layer.
#include <fmt/format.h>

#include <map>

#include "cook/readable_file.h"
#include "surgery/check.h"
#include "surgery/mla.h"
#include "surgery/value_error.h"

namespace surgery {
namespace {

using Level = base::Finding::Level;

/// Importance moves the errors of an encoder about; a wrong order of heads or a missing
/// transposition gives 1.4.
constexpr double kSlack = 3.0, kMost = 0.9;

/// Errors of formats, measured when first asked for.
class TypicalErrors {
 public:
  double of(const quant::Codec& codec) {
    const auto at = errors_.find(codec.name);
    if (at != errors_.end()) return at->second;
    return errors_.emplace(codec.name, typical_error(codec)).first->second;
  }
  /// Within which two forms of one matrix must agree. What is stored in the same plain type is
  /// copied, so it must be equal.
  double tolerance(const quant::Codec& a, const quant::Codec& b) {
    if (&a == &b && a.is_float()) return 0;
    return std::min(kMost, kSlack * std::hypot(of(a), of(b)));
  }

 private:
  std::map<std::string_view, double> errors_;
};

struct Comparison {
  const gguf::TensorInfo *whole = nullptr, *part = nullptr;
  MlaSizes sizes = {};
  bool keys = false;
  ValueError error = {};
  std::string unsupported = {};
};

/// Not through the mapping: places that the disk cannot read would end the process.
std::vector<std::byte> read(const gguf::FileSet& files, const gguf::TensorInfo& t) {
  std::vector<std::byte> out(t.size);
  cook::ReadableFile(files.shards()[t.shard].path()).read(t.offset, out);
  return out;
}

void compare(const gguf::FileSet& files, const base::StopFlag& stop, Comparison& c) {
  if (c.whole->flat != nullptr || c.part->flat != nullptr) {
    c.unsupported = "a tensor without rows";
    return;
  }
  try {
    const std::vector<std::byte> whole_bytes = read(files, *c.whole);
    const std::vector<std::byte> part_bytes = read(files, *c.part);
    const tensor::TensorView whole{c.whole->codec, c.whole->shape, whole_bytes};
    const tensor::TensorView part{c.part->codec, c.part->shape, part_bytes};
    for (std::size_t head = 0; head < c.sizes.heads; ++head) {
      stop.check();
      if (c.keys) {
        c.error.add(keys_of_kv_b(whole, c.sizes, head), keys_of_k_b(part, c.sizes, head));
      } else {
        c.error.add(values_of_kv_b(whole, c.sizes, head), values_of_v_b(part, c.sizes, head));
      }
    }
  } catch (const base::Error& e) {
    // What cannot be read has been told by check_data.
    if (e.fault() != base::Fault::unsupported && e.fault() != base::Fault::io) throw;
    c.unsupported = e.message();
  }
}

bool has_shape(const gguf::TensorInfo& t, const tensor::Shape& a, const tensor::Shape& b) {
  return t.shape == a || t.shape == b;
}

}  // namespace

void check_mla(const gguf::FileSet& files, const model::ModelSpec& spec,
               const runtime::Runtime& runtime, FoundList& found) {
  std::vector<Comparison> work;
  for (const MlaTensors& layer : mla_layers(files, spec)) {
    const MlaSizes& s = layer.sizes;
    // Wrong shapes are told by check_architecture.
    if (layer.kv_b == nullptr || layer.kv_b->shape != s.kv_b()) continue;
    if (layer.k_b != nullptr && has_shape(*layer.k_b, s.k_b(), s.k_b_2d())) {
      work.push_back({.whole = layer.kv_b, .part = layer.k_b, .sizes = s, .keys = true});
    }
    if (layer.v_b != nullptr && has_shape(*layer.v_b, s.v_b(), s.v_b_2d())) {
      work.push_back({.whole = layer.kv_b, .part = layer.v_b, .sizes = s, .keys = false});
    }
  }
  runtime.team.run(work.size(),
                   [&](std::size_t i, std::size_t) { compare(files, runtime.stop, work[i]); });
  TypicalErrors typical;
  for (const Comparison& c : work) {
    const auto add = [&](Level level, std::string text) {
      found.push_back({.part = Part::mla,
                       .finding = {level, c.part->name, std::move(text)},
                       .file = files.shards()[c.part->shard].path().string(),
                       .offset = c.part->offset});
    };
    if (!c.unsupported.empty()) {
      add(Level::note, "is not compared with " + c.whole->name + ": " + c.unsupported);
      continue;
    }
    const double tolerance = typical.tolerance(*c.whole->codec, *c.part->codec);
    const double error = c.error.relative_rmse();
    if (error <= tolerance) continue;
    add(error > kMost ? Level::error : Level::warning,
        fmt::format("is not what {} says: relative error {:.4f}, at most {:.4f} explained by {} "
                    "and {}",
                    c.whole->name, error, tolerance, c.part->codec->name, c.whole->codec->name));
  }
}

}  // namespace surgery
