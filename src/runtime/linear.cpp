#include "runtime/linear.h"

#include <algorithm>
#include <vector>

#include "base/checked.h"

namespace runtime {
namespace {

using kernels::Packing;

/// Rows of one operand in one packing.
struct Packed {
  const Operand* operand;
  Packing packing;
  std::byte* data;
  std::size_t stride;
};

/// One matrix times one packed operand.
struct Product {
  const Target* target;
  std::size_t matrix;
  std::size_t packed;  ///< index
  float* out;
};

bool same_rows(const Operand& a, const Operand& b) {
  return a.x == b.x && a.stride == b.stride && a.rows == b.rows && a.n_rows == b.n_rows;
}

/// A product split by rows of its weight.
struct Task {
  const Product* product;
  std::size_t begin, end;
};

class Door {
 public:
  Door(const Pass& pass, std::span<const Target> targets, std::span<const Operand> operands)
      : pass_(pass), targets_(targets), operands_(operands), cols_(targets[0].weight->cols) {}

  void run() {
    plan();
    pack();
    split();
    multiply();
    add_bias();
  }

 private:
  std::size_t packed_index(const Operand& operand, Packing packing) {
    // Operands with the same rows follow each other (the heads of expanded MLA).
    for (std::size_t i = packed_.size(); i-- > 0;) {
      if (!same_rows(*packed_[i].operand, operand)) break;
      if (packed_[i].packing == packing) return i;
    }
    const std::size_t stride = pass_.runtime.kernels.packed_row_bytes(packing, cols_);
    std::byte* data = pass_.work.stack.take<std::byte>(stride * operand.n_rows).data();
    packed_.push_back({&operand, packing, data, stride});
    return packed_.size() - 1;
  }

  void plan() {
    for (std::size_t o = 0; o < operands_.size(); ++o) {
      const Operand& operand = operands_[o];
      if (operand.n_rows == 0) continue;
      for (const Target& target : targets_) {
        const Weight& w = *target.weight;
        const Packing packing = pass_.runtime.kernels.packing(*w.codec, operand.n_rows);
        float* out = target.out + o * target.operand_stride + operand.first_out * target.stride;
        products_.push_back({&target, operand.matrix, packed_index(operand, packing), out});
        work_ += w.rows * cols_ * operand.n_rows;
        scratch_ = std::max(scratch_,
                            pass_.runtime.kernels.matmul_scratch(*w.codec, cols_, operand.n_rows));
      }
    }
  }

  void pack_rows(const Packed& p, std::size_t first, std::size_t n) const {
    const Operand& o = *p.operand;
    const auto& table = pass_.runtime.kernels;
    std::byte* out = p.data + first * p.stride;
    if (o.rows == nullptr) {
      table.pack(p.packing, o.x + first * o.stride, o.stride, n, cols_, out);
      return;
    }
    for (std::size_t i = 0; i < n; ++i) {
      table.pack(p.packing, o.x + o.rows[first + i] * o.stride, o.stride, 1, cols_,
                 out + i * p.stride);
    }
  }

  void pack() {
    constexpr std::size_t kRows = 16;
    std::vector<std::pair<std::size_t, std::size_t>> blocks;  // packed index, first row
    for (std::size_t i = 0; i < packed_.size(); ++i) {
      for (std::size_t r = 0; r < packed_[i].operand->n_rows; r += kRows) blocks.emplace_back(i, r);
    }
    for_rows(pass_, blocks.size(), kRows * cols_, [&](std::size_t b) {
      const Packed& p = packed_[blocks[b].first];
      const std::size_t first = blocks[b].second;
      pack_rows(p, first, std::min(kRows, p.operand->n_rows - first));
    });
  }

  void split() {
    constexpr std::size_t kMinWork = std::size_t{1} << 15;  // multiply-adds a task
    constexpr std::size_t kRowUnit = 16;  // a multiple of every row group and register tile
    const std::size_t threads = pass_.runtime.team.size();
    // A lone thread needs no balance; several get a few tasks each.
    const std::size_t share = threads == 1 ? work_ : std::max(kMinWork, work_ / (threads * 4));
    for (const Product& p : products_) {
      const Weight& w = *p.target->weight;
      const std::size_t n_rows = packed_[p.packed].operand->n_rows;
      const std::size_t rows = w.rows;
      const std::size_t balanced = base::round_up(share / (cols_ * n_rows) + 1, kRowUnit);
      const std::size_t preferred =
          base::round_up(pass_.runtime.kernels.matmul_rows(*w.codec, cols_, n_rows), kRowUnit);
      const std::size_t step = std::min(balanced, preferred);
      for (std::size_t r = 0; r < rows; r += step) {
        tasks_.push_back({&p, r, std::min(rows, r + step)});
      }
    }
  }

  void multiply() {
    Runtime& rt = pass_.runtime;
    pass_.work.reserve_scratch(rt.team.size(), scratch_);
    rt.team.run(tasks_.size(), [&](std::size_t i, std::size_t thread) {
      const Task& task = tasks_[i];
      const Product& product = *task.product;
      const Packed& packed = packed_[product.packed];
      rt.kernels.matmul({.codec = product.target->weight->codec,
                         .weights = product.target->weight->matrix(product.matrix),
                         .cols = cols_,
                         .row_begin = task.begin,
                         .row_end = task.end,
                         .packing = packed.packing,
                         .x = packed.data,
                         .x_stride = packed.stride,
                         .n_rows = packed.operand->n_rows,
                         .out = product.out + task.begin,
                         .out_stride = product.target->stride,
                         .scratch = pass_.work.thread_scratch[thread].data()});
      apply_gain(task, packed.operand->n_rows);
    });
  }

  /// What the format's products are multiplied by, on a task's part of the output.
  static void apply_gain(const Task& task, std::size_t n_rows) noexcept {
    const Product& p = *task.product;
    const float gain = p.target->weight->codec->product_gain;
    if (gain == 1.0F) return;
    for (std::size_t i = 0; i < n_rows; ++i) {
      float* out = p.out + i * p.target->stride;
      for (std::size_t r = task.begin; r < task.end; ++r) out[r] *= gain;
    }
  }

  void add_bias() {
    for (const Product& p : products_) {
      if (p.target->bias == nullptr) continue;
      const std::size_t rows = p.target->weight->rows;
      const float* bias = p.target->bias + p.matrix * p.target->bias_stride;
      for_rows(pass_, packed_[p.packed].operand->n_rows, rows, [&](std::size_t i) {
        pass_.runtime.kernels.add_scaled(p.out + i * p.target->stride, 1.0F, bias, rows);
      });
    }
  }

  const Pass& pass_;
  std::span<const Target> targets_;
  std::span<const Operand> operands_;
  std::size_t cols_;
  std::size_t work_ = 0, scratch_ = 0;
  std::vector<Packed> packed_;
  std::vector<Product> products_;
  std::vector<Task> tasks_;
};

}  // namespace

bool is_watched(const Pass& pass, model::Role role) {
  return std::any_of(pass.observers.begin(), pass.observers.end(),
                     [&](const Observer* o) { return o->wants(pass.layer, role); });
}

void observe(const Pass& pass, model::Role role, std::span<const Operand> operands,
             std::size_t cols) {
  if (!is_watched(pass, role)) return;
  for (const Operand& o : operands) {
    if (o.n_rows == 0) continue;
    const Stack::Frame frame(pass.work.stack);
    Rows rows{o.x, o.n_rows, cols, o.stride};
    if (o.rows != nullptr) {
      const Matrix gathered = take_matrix(pass, o.n_rows, cols);
      for_rows(pass, o.n_rows, cols, [&](std::size_t i) {
        std::copy_n(o.x + o.rows[i] * o.stride, cols, gathered.row(i));
      });
      rows = gathered.rows();
    }
    for (Observer* observer : pass.observers) {
      if (!observer->wants(pass.layer, role)) continue;
      observer->observe({pass.layer, role, o.matrix}, rows, pass.runtime);
    }
  }
}

void linear(const Pass& pass, std::span<const Target> targets, std::span<const Operand> operands,
            Watch watch) {
  for (std::size_t i = 0; watch == Watch::yes && i < targets.size(); ++i) {
    const bool shown =
        std::any_of(targets.begin(), targets.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const Target& t) { return t.role == targets[i].role; });
    if (!shown) observe(pass, targets[i].role, operands, targets[i].weight->cols);
  }
  const Stack::Frame frame(pass.work.stack);
  Door(pass, targets, operands).run();
}

void linear(const Pass& pass, std::span<const Target> targets, const Rows& x) {
  const Operand operand{.x = x.data, .stride = x.stride, .n_rows = x.n};
  linear(pass, targets, {&operand, 1});
}

}  // namespace runtime
