// Softmax attention in blocks of keys with a running maximum (online softmax), in f32. Blocks start
// at multiples of 64 keys of the sequence, so a query's result does not depend on its neighbours.
#pragma once

#include "kernels/shared/ops_inl.h"

namespace kernels {
namespace {

constexpr std::size_t kKeys = 64;    // keys a block
constexpr std::size_t kQueries = 4;  // queries whose sums share registers

/// Where the parts of the scratch memory start, in floats.
struct AttentionParts {
  std::size_t key_rows;  ///< [64][key_dim], a block of keys
  std::size_t keys;      ///< the same turned: four times [key_dim][16]
  std::size_t values;    ///< [64][value_dim]
  std::size_t scores;    ///< [4][64]
  std::size_t peaks;     ///< [n_q], running maximum
  std::size_t totals;    ///< [n_q], running sum
  std::size_t end;

  explicit AttentionParts(const AttentionArgs& args) noexcept {
    const std::size_t key_dim = (args.key_dim + 15) / 16 * 16;
    const std::size_t value_dim = (args.value_dim + 15) / 16 * 16;
    const std::size_t n_q = (args.n_q + 15) / 16 * 16;
    key_rows = 0;
    keys = key_rows + kKeys * key_dim;
    values = keys + kKeys * key_dim;
    scores = values + kKeys * value_dim;
    peaks = scores + kQueries * kKeys;
    totals = peaks + n_q;
    end = totals + n_q;
  }
};

struct AttentionMemory {
  float *key_row, *keys, *values, *scores, *peaks, *totals;

  explicit AttentionMemory(const AttentionArgs& args) noexcept {
    const AttentionParts parts(args);
    float* base = reinterpret_cast<float*>(args.scratch);
    key_row = base + parts.key_rows;
    keys = base + parts.keys;
    values = base + parts.values;
    scores = base + parts.scores;
    peaks = base + parts.peaks;
    totals = base + parts.totals;
  }
};

inline std::size_t attention_scratch(const AttentionArgs& args) noexcept {
  return AttentionParts(args).end * sizeof(float);
}

class Attention {
 public:
  explicit Attention(const AttentionArgs& args) noexcept
      : args_(args),
        memory_(args),
        key_dim_((args.key_dim + 15) / 16 * 16),
        value_dim_((args.value_dim + 15) / 16 * 16),
        shared_(values_are_keys(args)) {}

  void run() noexcept {
    std::size_t first = static_cast<std::size_t>(-1);
    std::size_t last = 0;
    for (std::size_t i = 0; i < args_.n_q; ++i) {
      memory_.peaks[i] = args_.sink != nullptr ? *args_.sink : kNone;
      memory_.totals[i] = args_.sink != nullptr ? 1.0F : 0.0F;
      std::memset(args_.out + i * args_.out_stride, 0, args_.value_dim * sizeof(float));
      if (args_.first[i] < args_.last[i]) {
        first = args_.first[i] < first ? args_.first[i] : first;
        last = args_.last[i] > last ? args_.last[i] : last;
      }
    }
    for (std::size_t key = first / kKeys * kKeys; key < last; key += kKeys) {
      load_block(key, last - key < kKeys ? last - key : kKeys);
      for (std::size_t i = 0; i < args_.n_q; i += kQueries) {
        attend(key, i, args_.n_q - i < kQueries ? args_.n_q - i : kQueries);
      }
    }
    for (std::size_t i = 0; i < args_.n_q; ++i) finish(i);
  }

 private:
  static constexpr float kNone = -__builtin_inff();

  static bool values_are_keys(const AttentionArgs& args) noexcept {
    bool same = args.k_stride == args.v_stride && args.value_dim <= args.key_dim;
    for (std::size_t r = 0; r < args.n_runs; ++r) same = same && args.runs[r].k == args.runs[r].v;
    return same;
  }

  /// The turned keys of a block of 16 keys: [dim][16]; block k16 of the four at k16 * key_dim * 16.
  float* keys_of(std::size_t k16) noexcept { return memory_.keys + k16 * key_dim_ * 16; }

  void load_block(std::size_t key, std::size_t n) noexcept {
    std::size_t at = 0;  // key number of the first row of the run
    std::size_t filled = 0;
    for (std::size_t r = 0; r < args_.n_runs && filled < n; at += args_.runs[r].n, ++r) {
      const KvRun& run = args_.runs[r];
      for (; filled < n && key + filled < at + run.n; ++filled) {
        const std::size_t i = key + filled - at;
        float* k = memory_.key_row + filled * key_dim_;
        from_cache(args_.type, run.k + i * args_.k_stride, args_.key_dim, k);
        for (std::size_t d = args_.key_dim; d < key_dim_; ++d) k[d] = 0;
        if (shared_) continue;
        from_cache(args_.type, run.v + i * args_.v_stride, args_.value_dim,
                   memory_.values + filled * value_dim_);
      }
    }
    for (std::size_t k16 = 0; k16 * 16 < n; ++k16) {
      const std::size_t rows = n - k16 * 16 < 16 ? n - k16 * 16 : 16;
      for (std::size_t d = 0; d < key_dim_; d += 16) {
        transpose(reinterpret_cast<const std::byte*>(memory_.key_row + k16 * 16 * key_dim_ + d),
                  key_dim_ * sizeof(float), rows,
                  reinterpret_cast<std::byte*>(keys_of(k16) + d * 16));
      }
    }
    keys_in_block_ = n;
  }

  /// Scores of rows [0, kRows) of q against kBlocks times 16 keys: each is one chain over the
  /// dimensions, and eight chains at least keep the machine busy.
  template <std::size_t kRows, std::size_t kBlocks>
  void score(const float* q, std::size_t k16) noexcept {
    constexpr std::size_t kVecs = 16 / kLanes * kBlocks;
    Vec sum[kRows][kVecs];
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t v = 0; v < kVecs; ++v) sum[r][v] = fill(0);
    }
    const float* keys = keys_of(k16);
    const std::size_t block = key_dim_ * 16;  // from 16 keys to the next
    const auto part = [&](std::size_t v) {
      return keys + v * kLanes / 16 * block + v * kLanes % 16;
    };
    for (std::size_t d = 0; d < args_.key_dim; ++d) {
      Vec k[kVecs];
      for (std::size_t v = 0; v < kVecs; ++v) k[v] = load(part(v) + d * 16);
      for (std::size_t r = 0; r < kRows; ++r) {
        const Vec x = fill(q[r * args_.q_stride + d]);
        for (std::size_t v = 0; v < kVecs; ++v) sum[r][v] = fma(x, k[v], sum[r][v]);
      }
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t v = 0; v < kVecs; ++v) {
        store(memory_.scores + r * kKeys + k16 * 16 + v * kLanes, sum[r][v]);
      }
    }
  }

  /// Scale, cap and mask of one query's scores; exponentials in place. Returns the factor for what
  /// was summed before.
  float soften(std::size_t key, std::size_t query, float* scores) noexcept {
    const std::size_t first = args_.first[query] > key ? args_.first[query] - key : 0;
    const std::size_t end = args_.last[query] > key ? args_.last[query] - key : 0;
    const std::size_t last = end < keys_in_block_ ? end : keys_in_block_;
    Vec top = fill(kNone);
    for (std::size_t k = 0; k < kKeys; k += kLanes) {
      Vec z = mul(load(scores + k), fill(args_.scale));
      if (args_.soft_cap > 0) {
        z = mul(fill(args_.soft_cap), tanh(div(z, fill(args_.soft_cap))));
      }
      store(scores + k, z);
      for (std::size_t i = k; i < first && i < k + kLanes; ++i) scores[i] = kNone;
      for (std::size_t i = last > k ? last : k; i < k + kLanes; ++i) scores[i] = kNone;
      top = larger(top, load(scores + k));
    }
    const float old = memory_.peaks[query];
    const float block = largest_lane(top);
    const float peak = block > old ? block : old;
    if (peak == kNone) {
      for (std::size_t k = 0; k < kKeys; ++k) scores[k] = 0;
      return 1;
    }
    Vec sum = fill(0);
    for (std::size_t k = 0; k < kKeys; k += kLanes) {
      const Vec weight = exp(sub(load(scores + k), fill(peak)));
      store(scores + k, weight);
      sum = add(sum, weight);
    }
    float shrink[kLanes];
    store(shrink, exp(fill(old - peak)));
    memory_.peaks[query] = peak;
    memory_.totals[query] = memory_.totals[query] * shrink[0] + sum_lanes(sum);
    return shrink[0];
  }

  /// out = out * shrink + weights * values, for kRows queries.
  template <std::size_t kRows>
  void gather(const float* shrink, float* out) noexcept {
    std::size_t d = 0;
    for (; d + 2 * kLanes <= args_.value_dim; d += 2 * kLanes) {
      gather_lanes<kRows, 2>(shrink, d, kLanes, out + d);
    }
    for (; d < args_.value_dim; d += kLanes) {
      const std::size_t left = args_.value_dim - d;
      gather_lanes<kRows, 1>(shrink, d, left < kLanes ? left : kLanes, out + d);
    }
  }
  template <std::size_t kRows, std::size_t kVecs>
  void gather_lanes(const float* shrink, std::size_t d, std::size_t lanes, float* out) noexcept {
    Vec sum[kRows][kVecs];
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t v = 0; v < kVecs; ++v) {
        sum[r][v] = mul(take(out + r * args_.out_stride + v * kLanes, lanes), fill(shrink[r]));
      }
    }
    const float* values = shared_ ? memory_.key_row : memory_.values;
    const std::size_t stride = shared_ ? key_dim_ : value_dim_;
    for (std::size_t k = 0; k < keys_in_block_; ++k) {
      const float* value = values + k * stride + d;
      for (std::size_t r = 0; r < kRows; ++r) {
        const Vec weight = fill(memory_.scores[r * kKeys + k]);
        for (std::size_t v = 0; v < kVecs; ++v) {
          sum[r][v] = fma(weight, load(value + v * kLanes), sum[r][v]);
        }
      }
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t v = 0; v < kVecs; ++v) {
        put(out + r * args_.out_stride + v * kLanes, lanes, sum[r][v]);
      }
    }
  }

  template <std::size_t kRows>
  void attend_rows(std::size_t key, std::size_t query) noexcept {
    const float* q = args_.q + query * args_.q_stride;
    constexpr std::size_t kBlocks = kLanes / 8;
    std::size_t k16 = 0;
    for (; (k16 + kBlocks - 1) * 16 < keys_in_block_; k16 += kBlocks) score<kRows, kBlocks>(q, k16);
    for (; k16 * 16 < keys_in_block_; ++k16) score<kRows, 1>(q, k16);
    float shrink[kRows];
    for (std::size_t r = 0; r < kRows; ++r) {
      shrink[r] = soften(key, query + r, memory_.scores + r * kKeys);
    }
    gather<kRows>(shrink, args_.out + query * args_.out_stride);
  }

  bool sees(std::size_t key, std::size_t query) const noexcept {
    return args_.first[query] < key + keys_in_block_ && args_.last[query] > key &&
           args_.first[query] < args_.last[query];
  }

  void attend(std::size_t key, std::size_t query, std::size_t n) noexcept {
    bool any = false;
    for (std::size_t r = 0; r < n; ++r) any = any || sees(key, query + r);
    if (!any) return;
    switch (n) {
      case 1:
        return attend_rows<1>(key, query);
      case 2:
        return attend_rows<2>(key, query);
      case 3:
        return attend_rows<3>(key, query);
      default:
        return attend_rows<kQueries>(key, query);
    }
  }

  void finish(std::size_t query) noexcept {
    const float total = memory_.totals[query];
    if (args_.partial != nullptr) {
      args_.partial[query] = {memory_.peaks[query], total};
      return;
    }
    const Vec factor = fill(total > 0 ? 1 / total : 0.0F);
    float* out = args_.out + query * args_.out_stride;
    for_lanes(args_.value_dim, [&](std::size_t i, std::size_t m) {
      put(out + i, m, mul(take(out + i, m), factor));
    });
  }

  const AttentionArgs& args_;
  AttentionMemory memory_;
  const std::size_t key_dim_, value_dim_;  // rounded to 16
  const bool shared_;                      // values are the first columns of keys (MLA)
  std::size_t keys_in_block_ = 0;
};

inline void attention(const AttentionArgs& args) noexcept { Attention(args).run(); }

}  // namespace
}  // namespace kernels
