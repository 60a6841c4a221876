// kernels/: arithmetic on tiles, one folder an instruction set, one table a folder, chosen at start
// and passed inside Runtime. Kernels allocate nothing, start no threads and check nothing: the
// caller in runtime/ has checked shapes. reference/ is the specification and always complete.
//
// Formats times machines without the product: a format contributes one unpacker (its row to
// unsigned codes with a scale and an offset per 16 weights); micro-kernels know panels, never
// formats. A format without unpacker is decoded to f32 and multiplied, so it works at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/layout.h"
#include "quant/codec.h"

namespace kernels {

/// How rows of activations are laid out for a product. Packed once per linear input. Rows are
/// independent of each other, so packed rows may be gathered (experts).
enum class Packing : std::uint8_t {
  f32,   ///< cols floats
  bf16,  ///< cols bf16, then cols bf16 of what the first leave, padded with zeros to 64 each
  q8,    ///< a Q8Chunk for every 256 columns
};

/// out[t * out_stride + (r - row_begin)] = sum_c W[r][c] * x[t][c] for rows [row_begin, row_end) of
/// a matrix and all packed rows. Each element is summed in an order that depends on the table, the
/// format and the packing only, so any split over threads gives the same bits.
struct MatmulArgs {
  const quant::Codec* codec;
  const std::byte* weights;  ///< first byte of the matrix (row 0)
  std::size_t cols;
  std::size_t row_begin, row_end;  ///< multiples of codec->group_rows
  Packing packing;
  const std::byte* x;    ///< packed rows
  std::size_t x_stride;  ///< bytes between packed rows
  std::size_t n_rows;    ///< rows of x
  float* out;
  std::size_t out_stride;  ///< floats between output rows
  std::byte* scratch;      ///< matmul_scratch bytes, 64-aligned, of this thread alone
};

/// Number formats of cache rows.
enum class CacheType : std::uint8_t { f32, f16, bf16 };
inline std::size_t cache_bytes(CacheType t) noexcept { return t == CacheType::f32 ? 4 : 2; }

/// A run of consecutive keys and values in the cache.
struct KvRun {
  const std::byte* k;  ///< first key row
  const std::byte* v;  ///< first value row
  std::size_t n;       ///< rows
};

struct Partial;

/// Softmax attention of n_q query rows of one head over one sequence (docs/spec/models.md 1.4).
/// Key j is the j-th row over all runs; query i sees keys [first[i], last[i]), none if empty (then,
/// and without a sink, its output is 0). Rows of several heads that share keys may be queries of
/// one call. soft_cap 0 = none. Any split of queries over calls gives the same bits.
struct AttentionArgs {
  const float* q;  ///< [n_q, key_dim], rows q_stride floats apart
  std::size_t q_stride, n_q;
  std::size_t key_dim, value_dim;
  CacheType type;
  const KvRun* runs;
  std::size_t n_runs;
  std::size_t k_stride, v_stride;  ///< bytes between rows
  const std::uint32_t* first;
  const std::uint32_t* last;
  float scale, soft_cap;
  const float* sink;  ///< null or one logit that takes part in the denominator
  float* out;         ///< [n_q, value_dim], rows out_stride floats apart
  std::size_t out_stride;
  /// Null, or [n_q]: then the keys are a part of all, out holds sums that are not yet divided, and
  /// this the maximum of the logits (-infinity without keys) and the sum of exp(logit - maximum).
  Partial* partial = nullptr;
  std::byte* scratch = nullptr;  ///< attention_scratch bytes, 64-aligned
};

/// What softmax over a part of the keys leaves to be merged.
struct Partial {
  float peak, total;
};

/// Everything an instruction set offers. All functions are noexcept and pure.
struct KernelTable {
  std::string_view name;   ///< "reference", "avx2", ... (table.cpp)
  std::string_view needs;  ///< for messages: "AVX-512 F BW DQ VL VNNI"
  bool (*supported)() noexcept;

  /// The packing that matmul wants for this format and number of activation rows.
  Packing (*packing)(const quant::Codec& codec, std::size_t n_rows) noexcept;
  std::size_t (*packed_row_bytes)(Packing packing, std::size_t cols) noexcept;
  /// Packs n rows of x (x_stride floats apart) to out, packed_row_bytes apart.
  void (*pack)(Packing packing, const float* x, std::size_t x_stride, std::size_t n,
               std::size_t cols, std::byte* out) noexcept;
  std::size_t (*matmul_scratch)(const quant::Codec& codec, std::size_t cols,
                                std::size_t n_rows) noexcept;
  /// Rows of W that one call should get at best (a multiple of codec.group_rows): more share the
  /// preparation of x, fewer spread better over threads. Any number works.
  std::size_t (*matmul_rows)(const quant::Codec& codec, std::size_t cols,
                             std::size_t n_rows) noexcept;
  void (*matmul)(const MatmulArgs& args) noexcept;

  std::size_t (*attention_scratch)(const AttentionArgs& args) noexcept;
  void (*attention)(const AttentionArgs& args) noexcept;

  /// out[i] = x[i] * (1 / sqrt(mean(x^2) + eps)) * w[i]; sum in f64. w null = 1. May alias.
  void (*rms_norm)(const float* x, const float* w, float eps, std::size_t n, float* out) noexcept;
  void (*layer_norm)(const float* x, const float* w, const float* b, float eps, std::size_t n,
                     float* out) noexcept;
  /// gate[i] = silu(gate[i]) * up[i].
  void (*silu_mul)(float* gate, const float* up, std::size_t n) noexcept;
  /// gate[i] = gelu_tanh(gate[i]) * up[i].
  void (*gelu_mul)(float* gate, const float* up, std::size_t n) noexcept;
  /// y[i] += a * x[i].
  void (*add_scaled)(float* y, float a, const float* x, std::size_t n) noexcept;
  /// sums[i] += x[i]^2 in f64 (exact products).
  void (*add_squares)(double* sums, const float* x, std::size_t n) noexcept;
  /// The largest of x[i]; n > 0. Which one of NaNs and numbers comes out is left open.
  float (*largest)(const float* x, std::size_t n) noexcept;
  /// Sum of (f64) expf(x[i] - m) in a fixed order.
  double (*sum_exp)(const float* x, float m, std::size_t n) noexcept;
  /// f32 to cache format and back.
  void (*to_cache)(CacheType type, const float* x, std::size_t n, std::byte* out) noexcept;
  void (*from_cache)(CacheType type, const std::byte* x, std::size_t n, float* out) noexcept;

  /// The unpacker of a format, null if it has none (then rows are decoded to f32).
  Unpack (*unpacker)(const quant::Codec& codec) noexcept;
  /// The decoder of a format, null if the codec's own is as good. Same bits; see decode_group.
  Decode (*decoder)(const quant::Codec& codec) noexcept;
};

/// All tables linked in, best last; reference first.
std::span<const KernelTable* const> all_tables() noexcept;
/// The best one this machine supports.
const KernelTable& best_table() noexcept;
/// By name. Null if unknown (or not built); the caller checks `supported`.
const KernelTable* find_table(std::string_view name) noexcept;

}  // namespace kernels
