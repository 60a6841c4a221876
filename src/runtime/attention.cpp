#include "runtime/attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "runtime/rope.h"

namespace runtime {
namespace {

using model::AttentionPlan;
using model::Role;

kernels::AttentionArgs kernel_args(const QueryShape& shape, const QueryBlock& b) {
  return {.q = b.q,
          .q_stride = b.q_stride,
          .n_q = b.n_q,
          .key_dim = shape.key_dim,
          .value_dim = shape.value_dim,
          .type = shape.type,
          .runs = b.runs->data(),
          .n_runs = b.runs->size(),
          .k_stride = shape.k_stride,
          .v_stride = shape.v_stride,
          .first = b.first,
          .last = b.last,
          .scale = shape.scale,
          .soft_cap = shape.soft_cap,
          .sink = b.sink,
          .out = b.out,
          .out_stride = b.out_stride,
          .scratch = nullptr};
}

/// Position-wise steps between the projections and the cache.
class HeadSteps {
 public:
  HeadSteps(const Pass& pass, const AttentionPlan& plan)
      : pass_(pass),
        plan_(plan),
        angles_(rope_rows(pass, plan.rope)),
        q_norm_(pass.weights.vector(Role::attn_q_norm)),
        k_norm_(pass.weights.vector(Role::attn_k_norm)) {}

  void query(float* row, std::size_t position) const {
    const float factor = temperature(position);
    for (std::size_t h = 0; h < plan_.n_head; ++h) {
      float* head = row + h * plan_.key_dim;
      turn(head, h, q_norm_, position);
      if (factor != 1.0F) {
        for (std::size_t i = 0; i < plan_.key_dim; ++i) head[i] *= factor;
      }
    }
  }
  void key(float* row, std::size_t position) const {
    for (std::size_t h = 0; h < plan_.n_kv_head; ++h) {
      turn(row + h * plan_.key_dim, h, k_norm_, position);
    }
  }

 private:
  void turn(float* head, std::size_t h, const float* norm, std::size_t position) const {
    const auto& kernels = pass_.runtime.kernels;
    const float eps = pass_.spec.norm_eps;
    if (plan_.qk_norm_rms) kernels.rms_norm(head, norm, eps, plan_.key_dim, head);
    if (plan_.qk_norm_layer) {
      kernels.layer_norm(head, norm + h * plan_.key_dim, nullptr, eps, plan_.key_dim, head);
    }
    if (angles_ != nullptr) {
      rope_rotate(plan_.rope.kind, angles_ + position * plan_.rope.n_rot, plan_.rope.n_rot, head);
    }
  }
  float temperature(std::size_t position) const {
    if (plan_.temperature_scale == 0.0F) return 1.0F;
    const std::size_t steps = position / std::max(1U, plan_.rope.n_ctx_orig);
    return 1.0F + plan_.temperature_scale * std::log(1.0F + static_cast<float>(steps));
  }

  const Pass& pass_;
  const AttentionPlan& plan_;
  const float* angles_;
  const float* q_norm_;
  const float* k_norm_;
};

/// Positions, keys into the cache, rotated queries.
void place_heads(const Pass& pass, const AttentionPlan& plan, const Matrix& q, const Matrix& k,
                 const Matrix& v) {
  const HeadSteps steps(pass, plan);
  const kernels::CacheType type = pass.cache.type();
  for (const TokenRun& run : pass.batch.runs) {
    for_rows(pass, run.n, q.cols + k.cols + v.cols, [&](std::size_t i) {
      const std::size_t t = run.first + i;
      const std::size_t position = run.position + i;
      steps.query(q.row(t), position);
      steps.key(k.row(t), position);
      pass.runtime.kernels.to_cache(type, k.row(t), k.cols,
                                    pass.cache.key(pass.cache_slot, run.sequence, position));
      pass.runtime.kernels.to_cache(type, v.row(t), v.cols,
                                    pass.cache.value(pass.cache_slot, run.sequence, position));
    });
  }
}

/// Query blocks of one run of tokens.
void add_blocks(const Pass& pass, const AttentionPlan& plan, const TokenRun& run, const Matrix& q,
                const Matrix& out, const std::vector<kernels::KvRun>& runs,
                std::span<const std::uint32_t> first, std::span<const std::uint32_t> last,
                std::vector<QueryBlock>& blocks) {
  const std::size_t unit = kernels::cache_bytes(pass.cache.type());
  const std::size_t group = plan.n_head / plan.n_kv_head;
  const float* sinks = plan.has_sinks ? pass.weights.vector(Role::attn_sinks) : nullptr;
  // One token: heads of a group are rows of one block and read the keys once.
  const bool together = run.n == 1 && sinks == nullptr;
  std::size_t n_heads = 1;
  for (std::size_t h = 0; h < plan.n_head; h += n_heads) {
    if (together) n_heads = std::min(kHeadRows, group - h % group);
    for (std::size_t i = 0; i < run.n; i += kQueryRows) {
      QueryBlock b{.q = q.row(run.first + i) + h * plan.key_dim,
                   .q_stride = together ? plan.key_dim : q.cols,
                   .n_q = together ? n_heads : std::min(kQueryRows, run.n - i),
                   .first = first.data() + i,
                   .last = last.data() + i,
                   .runs = &runs};
      b.head_key_offset = h / group * plan.key_dim * unit;
      b.head_value_offset = h / group * plan.value_dim * unit;
      b.sink = sinks == nullptr ? nullptr : sinks + h;
      b.out = out.row(run.first + i) + h * plan.value_dim;
      b.out_stride = together ? plan.value_dim : out.cols;
      blocks.push_back(b);
    }
  }
}

void attend_cache(const Pass& pass, const AttentionPlan& plan, const Matrix& q, const Matrix& out) {
  const QueryShape shape{.key_dim = plan.key_dim,
                         .value_dim = plan.value_dim,
                         .type = pass.cache.type(),
                         .k_stride = pass.cache.key_stride(pass.cache_slot),
                         .v_stride = pass.cache.value_stride(pass.cache_slot),
                         .scale = plan.scale,
                         .soft_cap = plan.soft_cap};
  std::vector<std::vector<kernels::KvRun>> runs(pass.batch.runs.size());
  std::vector<QueryBlock> blocks;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    const TokenRun& run = pass.batch.runs[r];
    runs[r] = pass.cache.runs(pass.cache_slot, run.sequence, run.position + run.n);
    // A block of one token's heads reads up to kHeadRows entries.
    const std::size_t n = std::max<std::size_t>(run.n, kHeadRows);
    const auto first = pass.work.stack.take<std::uint32_t>(n);
    const auto last = pass.work.stack.take<std::uint32_t>(n);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t end = run.position + std::min(i, run.n - 1) + 1;
      last[i] = static_cast<std::uint32_t>(end);
      first[i] = plan.window == 0 || end <= plan.window
                     ? 0
                     : static_cast<std::uint32_t>(end - plan.window);
    }
    add_blocks(pass, plan, run, q, out, runs[r], first, last, blocks);
  }
  attend(pass, shape, blocks);
}

}  // namespace

const float* rope_rows(const Pass& pass, const model::RopePlan& plan) {
  if (plan.kind == model::RopeKind::none) return nullptr;
  std::size_t end = 0;
  for (const TokenRun& run : pass.batch.runs) end = std::max(end, run.position + run.n);
  const bool is_long = plan.long_divisors && pass.context > plan.n_ctx_orig;
  const std::optional<Role>& role = is_long ? plan.long_divisors : plan.divisors;
  const float* divisors = role ? pass.ends.vector(*role) : nullptr;
  return pass.work.rope.rows(plan, divisors, end);
}

namespace {

/// Keys a part: a long cache is cut at multiples of this, whatever the team, so that every part and
/// the merge give the same bits.
constexpr std::size_t kPartKeys = 1024;
/// Blocks of so few queries (one token's heads) are cut; more queries are enough work each.
constexpr std::size_t kPartQueries = kHeadRows;

/// A block of queries, or what it sees of one part of the keys.
struct Task {
  const QueryBlock* block = nullptr;
  std::size_t key = 0, n_keys = 0;      ///< part [key, key + n_keys); n_keys 0 = all
  float* out = nullptr;                 ///< [n_q, value_dim] without gaps, if a part
  kernels::Partial* partial = nullptr;  ///< [n_q], if a part
  bool counts_sink = true;              ///< one part of a block does, its first
};

class Attend {
 public:
  Attend(const Pass& pass, const QueryShape& shape) : pass_(pass), shape_(shape) {}

  void run(std::span<const QueryBlock> blocks) {
    const Stack::Frame frame(pass_.work.stack);
    std::size_t scratch = 0;
    for (const QueryBlock& b : blocks) {
      add(b);
      scratch = std::max(scratch, pass_.runtime.kernels.attention_scratch(kernel_args(shape_, b)));
    }
    pass_.work.reserve_scratch(pass_.runtime.team.size(), scratch);
    pass_.runtime.team.run(tasks_.size(), [&](std::size_t i, std::size_t thread) {
      compute(tasks_[i], pass_.work.thread_scratch[thread].data());
    });
    for (std::size_t i = 0; i < tasks_.size();) i = merge(i);
  }

 private:
  void add(const QueryBlock& b) {
    const std::size_t end = *std::max_element(b.last, b.last + b.n_q);
    if (b.n_q > kPartQueries || end <= kPartKeys) {
      tasks_.push_back({.block = &b});
      return;
    }
    const std::size_t begin = *std::min_element(b.first, b.first + b.n_q) / kPartKeys * kPartKeys;
    for (std::size_t key = begin; key < end; key += kPartKeys) {
      tasks_.push_back({.block = &b,
                        .key = key,
                        .n_keys = kPartKeys,
                        .out = take_matrix(pass_, b.n_q, shape_.value_dim).data,
                        .partial = pass_.work.stack.take<kernels::Partial>(b.n_q).data(),
                        .counts_sink = key == begin});
    }
  }

  void compute(const Task& task, std::byte* scratch) const {
    const QueryBlock& b = *task.block;
    kernels::AttentionArgs args = kernel_args(shape_, b);
    args.scratch = scratch;
    std::vector<kernels::KvRun> shifted;
    if (b.head_key_offset != 0 || b.head_value_offset != 0) {
      shifted = *b.runs;
      for (kernels::KvRun& run : shifted) {
        run.k += b.head_key_offset;
        run.v += b.head_value_offset;
      }
      args.runs = shifted.data();
    }
    std::array<std::uint32_t, 2 * kPartQueries> bounds{};
    if (task.n_keys != 0) {
      const auto key = static_cast<std::uint32_t>(task.key);
      const auto end = static_cast<std::uint32_t>(task.key + task.n_keys);
      for (std::size_t i = 0; i < b.n_q; ++i) {
        bounds[i] = std::max(b.first[i], key);
        bounds[kPartQueries + i] = std::min(b.last[i], end);
      }
      args.first = bounds.data();
      args.last = bounds.data() + kPartQueries;
      args.out = task.out;
      args.out_stride = shape_.value_dim;
      args.partial = task.partial;
      if (!task.counts_sink) args.sink = nullptr;
    }
    pass_.runtime.kernels.attention(args);
  }

  /// Puts the parts of the block of task i together, in their order. Returns the next block's task.
  std::size_t merge(std::size_t i) const {
    const QueryBlock& b = *tasks_[i].block;
    std::size_t end = i + 1;
    while (end < tasks_.size() && tasks_[end].block == &b) ++end;
    if (tasks_[i].n_keys == 0) return end;
    for (std::size_t q = 0; q < b.n_q; ++q) {
      float peak = -std::numeric_limits<float>::infinity();
      for (std::size_t t = i; t < end; ++t) peak = std::max(peak, tasks_[t].partial[q].peak);
      float* out = b.out + q * b.out_stride;
      std::fill_n(out, shape_.value_dim, 0.0F);
      float total = 0;
      for (std::size_t t = i; t < end; ++t) {
        const kernels::Partial& part = tasks_[t].partial[q];
        if (part.total == 0.0F) continue;
        const float weight = std::exp(part.peak - peak);
        total += weight * part.total;
        pass_.runtime.kernels.add_scaled(out, weight, tasks_[t].out + q * shape_.value_dim,
                                         shape_.value_dim);
      }
      const float factor = total > 0 ? 1 / total : 0.0F;
      for (std::size_t d = 0; d < shape_.value_dim; ++d) out[d] *= factor;
    }
    return end;
  }

  const Pass& pass_;
  const QueryShape& shape_;
  std::vector<Task> tasks_;
};

}  // namespace

void attend(const Pass& pass, const QueryShape& shape, std::span<const QueryBlock> blocks) {
  Attend(pass, shape).run(blocks);
}

void run_attention(const Pass& pass, const AttentionPlan& plan, const Rows& x, const Matrix& out) {
  const Stack::Frame frame(pass.work.stack);
  const LayerWeights& w = pass.weights;
  const Matrix q = take_matrix(pass, x.n, std::size_t{plan.n_head} * plan.key_dim);
  const Matrix k = take_matrix(pass, x.n, std::size_t{plan.n_kv_head} * plan.key_dim);
  const Matrix v = take_matrix(pass, x.n, std::size_t{plan.n_kv_head} * plan.value_dim);
  const auto target = [&](Role role, Role bias, const Matrix& to) {
    return Target{.role = plan.merged_qkv ? Role::attn_qkv : role,
                  .weight = &w.at(role),
                  .out = to.data,
                  .stride = to.cols,
                  .bias = w.vector(bias)};
  };
  const Target targets[] = {target(Role::attn_q, Role::attn_q_bias, q),
                            target(Role::attn_k, Role::attn_k_bias, k),
                            target(Role::attn_v, Role::attn_v_bias, v)};
  linear(pass, targets, x);
  place_heads(pass, plan, q, k, v);
  const Matrix mixed = take_matrix(pass, x.n, std::size_t{plan.n_head} * plan.value_dim);
  attend_cache(pass, plan, q, mixed);
  const Target output{.role = Role::attn_output,
                      .weight = &w.at(Role::attn_output),
                      .out = out.data,
                      .stride = out.cols,
                      .bias = w.vector(Role::attn_output_bias)};
  linear(pass, {&output, 1}, mixed.rows());
}

}  // namespace runtime
