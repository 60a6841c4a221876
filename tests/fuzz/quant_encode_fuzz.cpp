// Any finite floats encode to bytes that pass the check, decode to finite floats and are not worse
// than zeros.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <vector>

#include "quant/codec.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

/// Takes floats from the input, again from its start when it ends; not finite ones become others.
class Floats {
 public:
  explicit Floats(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  float next() {
    std::uint8_t raw[4];
    for (std::uint8_t& b : raw) b = bytes_[at_++ % bytes_.size()];
    float v;
    std::memcpy(&v, raw, sizeof v);
    return std::isfinite(v) ? v : static_cast<float>(raw[0]) - 100.0F;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

/// sum v (x - y)^2, rows as long as v; v is 1 where there is none.
double error(std::span<const float> x, std::span<const float> y, std::span<const float> v) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double d = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    sum += (v.empty() ? 1.0 : static_cast<double>(v[i % v.size()])) * d * d;
  }
  return sum;
}

void check_encoding(const quant::Codec& codec, const quant::EncodeInput& in) {
  std::vector<std::byte> bytes(in.rows * codec.row_bytes(in.cols));
  codec.encode(in, bytes);
  std::vector<float> y(in.x.size());
  codec.decode(bytes, in.cols, y);
  // Plain formats keep what they are given; 16 bits turn huge values into infinity.
  if (codec.is_float() || (codec.plain != nullptr && codec.plain->is_float())) return;
  require(!codec.check(bytes, in.cols).has_value());
  for (const float v : y) require(std::isfinite(v));
  const std::vector<float> zeros(in.x.size());
  require(error(in.x, y, in.importance) <= error(in.x, zeros, in.importance) * (1 + 1e-6));
}

}  // namespace

/// Codebooks are made at their first use, slowly under sanitizers: before any input is timed.
extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  for (const quant::Codec* codec : quant::all_codecs()) {
    if (codec->encode == nullptr) continue;
    const std::size_t cols = std::lcm(codec->block_elems, std::size_t{2});
    std::vector<float> x(codec->group_rows * cols);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) - 3.0F;
    for (const quant::Effort effort : {quant::Effort::fast, quant::Effort::best}) {
      check_encoding(
          *codec,
          {.x = x, .rows = codec->group_rows, .cols = cols, .importance = {}, .effort = effort});
    }
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 8) return 0;
  const auto codecs = quant::all_codecs();
  const quant::Codec& codec = *codecs[data[0] % codecs.size()];
  if (codec.encode == nullptr) return 0;
  const std::size_t cols = std::lcm(codec.block_elems, std::size_t{2});
  Floats floats({data + 2, size - 2});
  std::vector<float> x(codec.group_rows * cols), importance;
  for (float& v : x) v = floats.next();
  if ((data[1] & 1) != 0) {
    importance.resize(cols);
    for (float& v : importance) v = std::fabs(floats.next());
  }
  check_encoding(codec, {.x = x,
                         .rows = codec.group_rows,
                         .cols = cols,
                         .importance = importance,
                         .effort = (data[1] & 2) != 0 ? quant::Effort::best : quant::Effort::fast});
  return 0;
}
