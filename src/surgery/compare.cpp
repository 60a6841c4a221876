#include "surgery/compare.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "cook/readable_file.h"
#include "gguf/layout.h"
#include "gguf/rows.h"
#include "kernels/decode.h"
#include "quant/gain.h"

namespace surgery {
namespace {

constexpr std::size_t kPieceWeights = std::size_t{1} << 19;

bool is_of_container(std::string_view key) noexcept {
  return key == gguf::kSplitNo || key == gguf::kSplitCount || key == gguf::kSplitTensors ||
         key == gguf::kAlignmentKey || key == gguf::kRoomKey;
}

void compare_keys(const gguf::Metadata& a, const gguf::Metadata& b, Comparison& out) {
  std::unordered_map<std::string_view, const gguf::Value*> of_b;
  for (const auto& [key, value] : b.pairs()) of_b.emplace(key, &value);
  for (const auto& [key, value] : a.pairs()) {
    if (is_of_container(key)) continue;
    ++out.n_keys;
    const auto at = of_b.find(key);
    const gguf::Value* other = at == of_b.end() ? nullptr : at->second;
    if (other == nullptr || *other != value) out.keys.push_back({key, &value, other});
  }
  for (const auto& [key, value] : b.pairs()) {
    if (is_of_container(key) || a.has(key)) continue;
    ++out.n_keys;
    out.keys.push_back({key, nullptr, &value});
  }
}

/// One side of a comparison: files read at offsets.
class Side {
 public:
  explicit Side(const gguf::FileSet& files) {
    for (const gguf::File& f : files.shards()) readable_.emplace_back(f.path());
  }
  void read(const gguf::TensorInfo& t, std::size_t first, std::size_t rows,
            std::vector<std::byte>& out) const {
    const std::size_t row_bytes = t.codec->row_bytes(t.shape.cols());
    out.resize(rows * row_bytes);
    try {
      gguf::read_rows(t, first, out, [&](std::size_t at, std::span<std::byte> piece) {
        readable_[t.shard].read(t.offset + at, piece);
      });
    } catch (base::Error& e) {
      e.at("tensor", t.name);
      throw;
    }
  }

 private:
  std::vector<cook::ReadableFile> readable_;
};

/// As matrix products see the weights.
void decode(const kernels::KernelTable& kernels, const gguf::TensorInfo& t,
            std::span<const std::byte> bytes, std::size_t rows, std::vector<float>& out) {
  const std::size_t cols = t.shape.cols();
  const std::size_t group = t.codec->group_rows;
  const std::size_t group_bytes = group * t.codec->row_bytes(cols);
  out.resize(rows * cols);
  for (std::size_t g = 0; g < rows / group; ++g) {
    kernels::decode_group(kernels, *t.codec, bytes.data() + g * group_bytes, cols,
                          out.data() + g * group * cols);
  }
  quant::apply_product_gain(*t.codec, out);
}

struct Piece {
  std::size_t pair = 0, first = 0, rows = 0;
};

struct Scratch {
  std::vector<std::byte> bytes_a, bytes_b;
  std::vector<float> a, b;
};

class ValueComparison {
 public:
  ValueComparison(const gguf::FileSet& a, const gguf::FileSet& b, Comparison& comparison,
                  const kernels::KernelTable& kernels)
      : kernels_(kernels), a_(a), b_(b), pairs_(comparison.tensors) {
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (pairs_[i].comparable()) cut(i);
    }
    errors_.resize(pieces_.size());
    differs_.resize(pieces_.size());
  }

  void run(const runtime::Runtime& runtime) {
    std::vector<Scratch> scratch(runtime.team.size());
    std::mutex lock;
    std::uint64_t done = 0;
    runtime.team.run(pieces_.size(), [&](std::size_t i, std::size_t thread) {
      runtime.stop.check();
      compare(i, scratch[thread]);
      const std::lock_guard hold(lock);
      const gguf::TensorInfo& t = *pairs_[pieces_[i].pair].a;
      done += pieces_[i].rows * t.shape.cols();
      runtime.progress.update("diff", done, total_, "weights", t.name);
    });
    // Added in the order of the pieces, whoever has computed them.
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      TensorPair& pair = pairs_[pieces_[i].pair];
      if (!pair.error) {
        pair.error.emplace();
        pair.same_bytes = true;
      }
      *pair.error += errors_[i];
      pair.same_bytes = pair.same_bytes && differs_[i] == 0;
    }
  }

 private:
  void cut(std::size_t i) {
    const TensorPair& pair = pairs_[i];
    // Groups are powers of two, so the larger one is a multiple of the other.
    const std::size_t group = std::max(pair.a->codec->group_rows, pair.b->codec->group_rows);
    const std::size_t cols = pair.a->shape.cols();
    const std::size_t rows = pair.a->shape.rows();
    const std::size_t step = std::max<std::size_t>(1, kPieceWeights / cols / group) * group;
    for (std::size_t row = 0; row < rows; row += step) {
      pieces_.push_back({i, row, std::min(step, rows - row)});
    }
    total_ += rows * cols;
  }

  void compare(std::size_t i, Scratch& s) {
    const Piece& piece = pieces_[i];
    const TensorPair& pair = pairs_[piece.pair];
    a_.read(*pair.a, piece.first, piece.rows, s.bytes_a);
    b_.read(*pair.b, piece.first, piece.rows, s.bytes_b);
    differs_[i] = !pair.same_type() || s.bytes_a != s.bytes_b ? 1 : 0;
    decode(kernels_, *pair.a, s.bytes_a, piece.rows, s.a);
    if (differs_[i] == 0) {
      errors_[i].add_equal(s.a);
      return;
    }
    decode(kernels_, *pair.b, s.bytes_b, piece.rows, s.b);
    errors_[i].add(s.a, s.b);
  }

  const kernels::KernelTable& kernels_;
  Side a_, b_;
  std::vector<TensorPair>& pairs_;
  std::vector<Piece> pieces_;
  std::vector<ValueError> errors_;     // one a piece
  std::vector<std::uint8_t> differs_;  // one a piece
  std::uint64_t total_ = 0;
};

}  // namespace

bool Comparison::same() const noexcept {
  return keys.empty() && std::none_of(tensors.begin(), tensors.end(),
                                      [](const TensorPair& t) { return t.differs(); });
}

Comparison compare_models(const gguf::FileSet& a, const gguf::FileSet& b) {
  Comparison out;
  compare_keys(a.metadata(), b.metadata(), out);
  std::size_t last = 0;
  for (const gguf::TensorInfo& t : a.tensors()) {
    const gguf::TensorInfo* other = b.find(t.name);
    out.tensors.push_back({.name = t.name, .a = &t, .b = other});
    if (other == nullptr) continue;
    const auto place = static_cast<std::size_t>(other - b.tensors().data());
    out.same_order = out.same_order && place >= last;
    last = place;
  }
  for (const gguf::TensorInfo& t : b.tensors()) {
    if (a.find(t.name) == nullptr) out.tensors.push_back({.name = t.name, .b = &t});
  }
  return out;
}

void compare_values(const gguf::FileSet& a, const gguf::FileSet& b, Comparison& comparison,
                    const runtime::Runtime& runtime) {
  ValueComparison(a, b, comparison, runtime.kernels).run(runtime);
  comparison.values = true;
}

}  // namespace surgery
