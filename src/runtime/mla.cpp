// Latent attention over one cache row a token: [c (kv_rank) | k_pe (n_rot)]. Source:
// docs/spec/models.md 2.15 and 3.2; sites of the observers: docs/spec/imatrix.md 5.
#include <algorithm>

#include "runtime/attention.h"
#include "runtime/rope.h"

namespace runtime {
namespace {

using model::MlaPlan;
using model::Role;

struct Dims {
  std::size_t heads, nope, rot, value, rank, key, row;
  explicit Dims(const MlaPlan& p)
      : heads(p.n_head),
        nope(p.nope_dim),
        rot(p.rope.n_rot),
        value(p.value_dim),
        rank(p.kv_rank),
        key(nope + rot),
        row(rank + rot) {}
};

class Mla {
 public:
  Mla(const Pass& pass, const MlaPlan& plan)
      : pass_(pass), plan_(plan), d_(plan), w_(pass.weights) {}

  void run(const Rows& x, const Matrix& out) {
    const std::size_t n = x.n;
    q_ = take_matrix(pass_, n, d_.heads * d_.key);
    a_ = take_matrix(pass_, n, d_.row);
    mixed_ = take_matrix(pass_, n, d_.heads * d_.value);
    project(x);
    place();
    watch_new_tokens();
    const bool expanded =
        pass_.mla == MlaMode::expanded || (pass_.mla == MlaMode::automatic && n >= kExpandedTokens);
    expanded ? attend_expanded() : attend_absorbed();
    const Target output{.role = Role::attn_output,
                        .weight = &w_.at(Role::attn_output),
                        .out = out.data,
                        .stride = out.cols};
    linear(pass_, {&output, 1}, mixed_.rows());
  }

 private:
  Target target(Role role, const Matrix& out) const {
    return {.role = role, .weight = &w_.at(role), .out = out.data, .stride = out.cols};
  }

  /// q_ and a_ from the normed hidden state.
  void project(const Rows& x) {
    if (plan_.q_rank == 0) {
      const Target targets[] = {target(Role::attn_q, q_), target(Role::attn_kv_a_mqa, a_)};
      linear(pass_, targets, x);
      return;
    }
    const Stack::Frame frame(pass_.work.stack);
    const Matrix low = take_matrix(pass_, x.n, plan_.q_rank);
    const Target targets[] = {target(Role::attn_q_a, low), target(Role::attn_kv_a_mqa, a_)};
    linear(pass_, targets, x);
    norm_rows(pass_, low.rows(), w_.vector(Role::attn_q_a_norm), nullptr, low.data, low.cols);
    const Target up = target(Role::attn_q_b, q_);
    linear(pass_, {&up, 1}, low.rows());
  }

  /// Norms the latent, rotates q_pe and k_pe, writes the cache row.
  void place() {
    const float* angles = rope_rows(pass_, plan_.rope);
    const float* norm = w_.vector(Role::attn_kv_a_norm);
    const auto& kernels = pass_.runtime.kernels;
    for (const TokenRun& run : pass_.batch.runs) {
      for_rows(pass_, run.n, q_.cols + d_.row, [&](std::size_t i) {
        const std::size_t position = run.position + i;
        const float* turn = angles + position * d_.rot;
        float* a = a_.row(run.first + i);
        kernels.rms_norm(a, norm, pass_.spec.norm_eps, d_.rank, a);
        rope_rotate(plan_.rope.kind, turn, d_.rot, a + d_.rank);
        float* q = q_.row(run.first + i);
        for (std::size_t h = 0; h < d_.heads; ++h) {
          rope_rotate(plan_.rope.kind, turn, d_.rot, q + h * d_.key + d_.nope);
        }
        kernels.to_cache(pass_.cache.type(), a, d_.row,
                         pass_.cache.key(pass_.cache_slot, run.sequence, position));
      });
    }
  }

  /// The new tokens' c and q_nope, whatever arithmetic follows.
  void watch_new_tokens() const {
    const Operand latents{.x = a_.data, .stride = a_.cols, .n_rows = a_.n};
    observe(pass_, Role::attn_kv_b, {&latents, 1}, d_.rank);
    observe(pass_, Role::attn_k_b, queries(), d_.nope);
  }

  /// q_nope of every head.
  std::vector<Operand> queries() const {
    std::vector<Operand> out(d_.heads);
    for (std::size_t h = 0; h < d_.heads; ++h) {
      out[h] = {.matrix = h, .x = q_.data + h * d_.key, .stride = q_.cols, .n_rows = q_.n};
    }
    return out;
  }

  /// Visible keys [0, last) of the tokens of a run, each repeated `times`.
  void visible(const TokenRun& run, std::size_t times, std::span<std::uint32_t>& first,
               std::span<std::uint32_t>& last) const {
    first = pass_.work.stack.take<std::uint32_t>(run.n * times);
    last = pass_.work.stack.take<std::uint32_t>(run.n * times);
    std::fill(first.begin(), first.end(), 0U);
    for (std::size_t i = 0; i < last.size(); ++i) {
      last[i] = static_cast<std::uint32_t>(run.position + i / times + 1);
    }
  }

  void attend_expanded() {
    for (const TokenRun& run : pass_.batch.runs) {
      const Stack::Frame frame(pass_.work.stack);
      const std::size_t n_keys = run.position + run.n;
      const Matrix latents = take_matrix(pass_, n_keys, d_.row);
      load_latents(run.sequence, latents);
      // Heads in groups, so that the expanded keys and values stay small.
      constexpr std::size_t kFloats = std::size_t{8} << 20;
      const std::size_t per_head = n_keys * (d_.key + d_.value);
      const std::size_t step = std::clamp<std::size_t>(kFloats / per_head, 1, d_.heads);
      for (std::size_t h = 0; h < d_.heads; h += step) {
        expand_heads(run, latents, h, std::min(step, d_.heads - h));
      }
    }
  }

  void load_latents(SequenceId sequence, const Matrix& latents) const {
    const auto runs = pass_.cache.runs(pass_.cache_slot, sequence, latents.n);
    const std::size_t stride = pass_.cache.key_stride(pass_.cache_slot);
    std::size_t row = 0;
    for (const kernels::KvRun& run : runs) {
      for_rows(pass_, run.n, d_.row, [&](std::size_t i) {
        pass_.runtime.kernels.from_cache(pass_.cache.type(), run.k + i * stride, d_.row,
                                         latents.row(row + i));
      });
      row += run.n;
    }
  }

  void expand_heads(const TokenRun& run, const Matrix& latents, std::size_t h0, std::size_t n) {
    const Stack::Frame frame(pass_.work.stack);
    const std::size_t n_keys = latents.n;
    const Matrix keys = take_matrix(pass_, n * n_keys, d_.key);      // [head, key]
    const Matrix values = take_matrix(pass_, n * n_keys, d_.value);  // [head, key]
    std::vector<Operand> operands(n);
    for (std::size_t i = 0; i < n; ++i) {
      operands[i] = {.matrix = h0 + i, .x = latents.data, .stride = latents.cols, .n_rows = n_keys};
    }
    const Target targets[] = {{.role = Role::attn_kv_b,
                               .weight = &w_.kv_keys(),
                               .out = keys.data,
                               .stride = d_.key,
                               .operand_stride = n_keys * d_.key},
                              {.role = Role::attn_kv_b,
                               .weight = &w_.kv_values(),
                               .out = values.data,
                               .stride = d_.value,
                               .operand_stride = n_keys * d_.value}};
    linear(pass_, targets, operands, Watch::no);
    for_rows(pass_, keys.n, d_.rot, [&](std::size_t i) {
      std::copy_n(latents.row(i % n_keys) + d_.rank, d_.rot, keys.row(i) + d_.nope);
    });
    const QueryShape shape{.key_dim = d_.key,
                           .value_dim = d_.value,
                           .type = kernels::CacheType::f32,
                           .k_stride = d_.key * sizeof(float),
                           .v_stride = d_.value * sizeof(float),
                           .scale = plan_.scale};
    attend_heads(run, shape, keys, values, h0, n, mixed_.row(run.first), mixed_.cols);
    if (is_watched(pass_, Role::attn_v_b)) watch_mixed_latents(run, latents, keys, h0, n);
  }

  /// Heads [h0, h0 + n) of one run over expanded keys; `values` holds n heads or one for all.
  void attend_heads(const TokenRun& run, const QueryShape& shape, const Matrix& keys,
                    const Matrix& values, std::size_t h0, std::size_t n, float* out,
                    std::size_t out_stride) {
    const std::size_t n_keys = keys.n / n;
    const bool own_values = values.n == keys.n;
    std::span<std::uint32_t> first, last;
    visible(run, 1, first, last);
    std::vector<std::vector<kernels::KvRun>> kv(n);
    std::vector<QueryBlock> blocks;
    for (std::size_t i = 0; i < n; ++i) {
      kv[i].push_back({reinterpret_cast<const std::byte*>(keys.row(i * n_keys)),
                       reinterpret_cast<const std::byte*>(values.row(own_values ? i * n_keys : 0)),
                       n_keys});
      for (std::size_t t = 0; t < run.n; t += kQueryRows) {
        blocks.push_back({.q = q_.row(run.first + t) + (h0 + i) * d_.key,
                          .q_stride = q_.cols,
                          .n_q = std::min(kQueryRows, run.n - t),
                          .first = first.data() + t,
                          .last = last.data() + t,
                          .runs = &kv[i],
                          .out = out + t * out_stride + (h0 + i) * shape.value_dim,
                          .out_stride = out_stride});
      }
    }
    attend(pass_, shape, blocks);
  }

  /// u of each head, which the expanded form does not need: the same weights over the latents.
  void watch_mixed_latents(const TokenRun& run, const Matrix& latents, const Matrix& keys,
                           std::size_t h0, std::size_t n) {
    const std::size_t n_keys = latents.n;
    const QueryShape shape{.key_dim = d_.key,
                           .value_dim = d_.rank,
                           .type = kernels::CacheType::f32,
                           .k_stride = d_.key * sizeof(float),
                           .v_stride = d_.row * sizeof(float),
                           .scale = plan_.scale};
    for (std::size_t i = 0; i < n; ++i) {
      const Stack::Frame frame(pass_.work.stack);
      const Matrix u = take_matrix(pass_, run.n, d_.rank);
      const Matrix head_keys{keys.row(i * n_keys), n_keys, d_.key};
      // attend_heads places head h at h * value_dim; here every head has its own rows.
      const Matrix q = q_;
      q_.data += (h0 + i) * d_.key;
      attend_heads(run, shape, head_keys, {latents.data, n_keys, d_.row}, 0, 1, u.data, u.cols);
      q_ = q;
      const Operand operand{.matrix = h0 + i, .x = u.data, .stride = u.cols, .n_rows = u.n};
      observe(pass_, Role::attn_v_b, {&operand, 1}, d_.rank);
    }
  }

  void attend_absorbed() {
    const Stack::Frame frame(pass_.work.stack);
    const std::size_t n = q_.n;
    // Rows [token, head]: all heads read the same keys.
    const Matrix q = take_matrix(pass_, n * d_.heads, d_.row);
    const Matrix u = take_matrix(pass_, n * d_.heads, d_.rank);
    const Target absorb{.role = Role::attn_k_b,
                        .weight = &w_.k_b(),
                        .out = q.data,
                        .stride = d_.heads * d_.row,
                        .operand_stride = d_.row};
    linear(pass_, {&absorb, 1}, queries(), Watch::no);
    for_rows(pass_, q.n, d_.rot, [&](std::size_t i) {
      const float* pe = q_.row(i / d_.heads) + i % d_.heads * d_.key + d_.nope;
      std::copy_n(pe, d_.rot, q.row(i) + d_.rank);
    });
    attend_latents(q, u);
    std::vector<Operand> operands(d_.heads);
    for (std::size_t h = 0; h < d_.heads; ++h) {
      operands[h] = {.matrix = h, .x = u.row(h), .stride = d_.heads * d_.rank, .n_rows = n};
    }
    const Target mix{.role = Role::attn_v_b,
                     .weight = &w_.v_b(),
                     .out = mixed_.data,
                     .stride = mixed_.cols,
                     .operand_stride = d_.value};
    linear(pass_, {&mix, 1}, operands);
  }

  void attend_latents(const Matrix& q, const Matrix& u) {
    const std::size_t stride = pass_.cache.key_stride(pass_.cache_slot);
    const QueryShape shape{.key_dim = d_.row,
                           .value_dim = d_.rank,
                           .type = pass_.cache.type(),
                           .k_stride = stride,
                           .v_stride = stride,
                           .scale = plan_.scale};
    std::vector<std::vector<kernels::KvRun>> kv(pass_.batch.runs.size());
    std::vector<QueryBlock> blocks;
    for (std::size_t r = 0; r < kv.size(); ++r) {
      const TokenRun& run = pass_.batch.runs[r];
      kv[r] = pass_.cache.runs(pass_.cache_slot, run.sequence, run.position + run.n);
      std::span<std::uint32_t> first, last;
      visible(run, d_.heads, first, last);
      // One token: fewer rows a block, so that its heads spread over the team.
      const std::size_t step = run.n == 1 ? kHeadRows : kQueryRows;
      for (std::size_t i = 0; i < first.size(); i += step) {
        const std::size_t row = run.first * d_.heads + i;
        blocks.push_back({.q = q.row(row),
                          .q_stride = q.cols,
                          .n_q = std::min(step, first.size() - i),
                          .first = first.data() + i,
                          .last = last.data() + i,
                          .runs = &kv[r],
                          .out = u.row(row),
                          .out_stride = u.cols});
      }
    }
    attend(pass_, shape, blocks);
  }

  const Pass& pass_;
  const MlaPlan& plan_;
  Dims d_;
  const LayerWeights& w_;
  Matrix q_;      ///< [n, head * (nope + rot)]
  Matrix a_;      ///< [n, rank + rot]: latent and rotated key part
  Matrix mixed_;  ///< [n, head * value]
};

}  // namespace

void run_mla(const Pass& pass, const MlaPlan& plan, const Rows& x, const Matrix& out) {
  const Stack::Frame frame(pass.work.stack);
  Mla(pass, plan).run(x, out);
}

}  // namespace runtime
