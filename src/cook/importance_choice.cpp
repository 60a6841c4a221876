#include "cook/importance_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace cook {
namespace {

using calibrate::Entry;
using calibrate::Importance;
using Kind = ImportanceChoice::Kind;

using model::Role;

/// Tensors that see the same input, and those the public programs treat so. Tried in order when a
/// tensor has no entry of its own; of the same layer.
struct Substitute {
  Role wanted, instead;
};
constexpr Substitute kSubstitutes[] = {
    {Role::ffn_up_exps, Role::ffn_gate_up_exps},
    {Role::ffn_gate_exps, Role::ffn_gate_up_exps},
    {Role::ffn_gate_exps, Role::ffn_up_exps},
    {Role::ffn_up_exps, Role::ffn_gate_exps},
    {Role::ffn_gate_up_exps, Role::ffn_up_exps},
    {Role::ffn_gate, Role::ffn_up},
    {Role::ffn_up, Role::ffn_gate},
    {Role::ffn_gate_shexp, Role::ffn_up_shexp},
    {Role::ffn_up_shexp, Role::ffn_gate_shexp},
    {Role::attn_v_b, Role::attn_kv_b},
    {Role::attn_kv_b, Role::attn_v_b},
    {Role::attn_q, Role::attn_k},
    {Role::attn_q, Role::attn_v},
    {Role::attn_k, Role::attn_q},
    {Role::attn_k, Role::attn_v},
    {Role::attn_v, Role::attn_q},
    {Role::attn_v, Role::attn_k},
};

/// A column that was never active would let its weights grow without bound in the fits.
constexpr double kFloor = 1e-6;

std::size_t n_values(const Entry& entry) { return entry.n_cols * entry.n_vectors; }

const Entry* find_with_data(const Importance& importance, std::string_view name) {
  const Entry* entry = importance.find(name);
  return entry != nullptr && entry->has_data() ? entry : nullptr;
}

struct Found {
  const Entry* entry = nullptr;
  std::string name;
};

/// The entry of another tensor of the same layer.
Found find_role(const Importance& importance, Role role, int layer) {
  Found found{.name = model::tensor_name(role, layer)};
  found.entry = find_with_data(importance, found.name);
  return found;
}

/// One expert of a one-tensor-per-expert file: its entry is part of a stack.
Found look_up(const Importance& importance, const recipe::InputTensor& tensor) {
  if (const Entry* own = find_with_data(importance, tensor.name); own != nullptr) {
    return {own, tensor.name};
  }
  if (tensor.id.piece >= 0) {
    Found own = find_role(importance, tensor.id.role, tensor.id.layer);
    if (own.entry != nullptr) return own;
  }
  for (const Substitute& s : kSubstitutes) {
    if (tensor.id.role != s.wanted) continue;
    Found other = find_role(importance, s.instead, tensor.id.layer);
    if (other.entry != nullptr) return other;
  }
  return {};
}

base::Error size_error(const recipe::InputTensor& tensor, const Found& found) {
  const std::string& name = tensor.name;
  const tensor::Shape& shape = tensor.shape;
  const std::size_t expected = shape.ne[0] * shape.ne[2];
  base::Error e(base::Fault::bad_input,
                fmt::format("imatrix size {} is different from tensor size {} for {}",
                            n_values(*found.entry), expected, name));
  if (found.name != name) e.at("entry", found.name);
  e.at("tensor", fmt::format("{} {}", name, shape.to_string()));
  const bool by_head = tensor.id.role == Role::attn_k_b || tensor.id.role == Role::attn_v_b;
  e.hint(by_head ? "importance data of another model, or collected by a program that averaged over "
                   "heads"
                 : "importance data of another model");
  return e;
}

void warn(ImportanceChoice& choice, const std::string& name, std::string text) {
  choice.findings.push_back({.where = name, .text = std::move(text)});
}

/// attn_kv_b when its own vector, attn_k_b's and attn_v_b's are all there: K rows see the latent,
/// V rows the attention-weighted latent of their head.
bool choose_kv_rows(const Importance& importance, const recipe::InputTensor& tensor,
                    std::size_t group_rows, ImportanceChoice& choice) {
  const std::size_t rank = tensor.shape.ne[0];
  const std::size_t rows = tensor.shape.rows();
  const Entry* own = find_with_data(importance, tensor.name);
  const Entry* keys = find_role(importance, Role::attn_k_b, tensor.id.layer).entry;
  const Entry* values = find_role(importance, Role::attn_v_b, tensor.id.layer).entry;
  if (own == nullptr || keys == nullptr || values == nullptr) return false;
  if (n_values(*own) != rank || n_values(*values) % rank != 0) return false;
  const std::size_t heads = n_values(*values) / rank;
  if (rows % heads != 0 || n_values(*keys) % heads != 0) return false;
  const std::size_t head_rows = rows / heads;
  const std::size_t key_rows = n_values(*keys) / heads;
  if (key_rows >= head_rows || key_rows % group_rows != 0 || head_rows % group_rows != 0) {
    return false;
  }
  choice.kind = Kind::kv_rows;
  choice.entry = own;
  choice.value_entry = values;
  choice.n_heads = heads;
  choice.key_rows = key_rows;
  choice.origin = fmt::format("{} for K rows, attn_v_b for V rows", tensor.name);
  return true;
}

/// Latent attention tensors with another number of values than a plain tensor would have. False:
/// the general rule applies.
bool choose_mla(const recipe::InputTensor& tensor, const Found& found, std::size_t group_rows,
                ImportanceChoice& choice) {
  const std::string& name = tensor.name;
  const tensor::Shape& shape = tensor.shape;
  const Role role = tensor.id.role;
  const std::size_t cols = shape.ne[0];
  const std::size_t n = n_values(*found.entry);
  const bool stacked = shape.ne[2] > 1;
  if (role == Role::attn_k_b && stacked && n == cols) {
    warn(choice, name,
         fmt::format("not used: {} values for {} heads come from a faulty or head-averaging "
                     "collection; encoded without importance",
                     n, shape.ne[2]));
    return true;
  }
  if (role == Role::attn_v_b && stacked && n == cols) {
    choice.kind = Kind::shared;
    warn(choice, name, fmt::format("the {} values of {} are used for every head", n, found.name));
    return true;
  }
  if (role == Role::attn_kv_b && n != cols && n % cols == 0) {
    choice.kind = Kind::pooled;
    warn(choice, name, fmt::format("the mean over the heads of {} is used", found.name));
    return true;
  }
  const bool per_head = role == Role::attn_k_b || role == Role::attn_v_b;
  if (!per_head || stacked || n == cols || n % cols != 0) return false;
  const std::size_t heads = n / cols;
  if (shape.ne[1] % heads != 0 || (shape.ne[1] / heads) % group_rows != 0) return false;
  choice.kind = Kind::by_head_rows;
  choice.n_heads = heads;
  return true;
}

/// A single expert takes its vector out of the stack.
bool choose_expert(const recipe::InputTensor& tensor, const Found& found,
                   ImportanceChoice& choice) {
  if (tensor.id.piece < 0 || found.name == tensor.name) return false;
  const std::size_t cols = tensor.shape.ne[0];
  const auto expert = static_cast<std::size_t>(tensor.id.piece);
  if (n_values(*found.entry) % cols != 0) return false;
  const std::size_t n_vectors = n_values(*found.entry) / cols;
  if (expert >= n_vectors && !calibrate::can_grow(*found.entry, expert + 1)) return false;
  choice.kind = Kind::one_of_stack;
  choice.expert = expert;
  return true;
}

void append_vectors(RowWeights& weights, const Entry& entry, std::size_t n_vectors) {
  const Entry split = calibrate::with_vectors(entry, n_vectors);
  const std::vector<float> means = split.means();
  const std::vector<float> pooled = split.pooled_mean();
  for (std::size_t v = 0; v < n_vectors; ++v) {
    const bool has = split.counts[v] > 0;
    const float* from = has ? means.data() + v * split.n_cols : pooled.data();
    weights.values.insert(weights.values.end(), from, from + split.n_cols);
  }
}

/// Raises zeros to a floor and marks vectors that are zero throughout.
void finish_vectors(RowWeights& weights) {
  const std::size_t n = weights.values.size() / weights.n_cols;
  weights.known.assign(n, true);
  for (std::size_t v = 0; v < n; ++v) {
    float* values = weights.values.data() + v * weights.n_cols;
    double sum = 0;
    for (std::size_t j = 0; j < weights.n_cols; ++j) sum += values[j];
    weights.known[v] = sum > 0;
    const auto floor = static_cast<float>(kFloor * sum / static_cast<double>(weights.n_cols));
    for (std::size_t j = 0; j < weights.n_cols; ++j) values[j] = std::max(values[j], floor);
  }
}

}  // namespace

ImportanceChoice choose_importance(const Importance& importance, const recipe::InputTensor& tensor,
                                   std::size_t group_rows) {
  ImportanceChoice choice;
  const tensor::Shape& shape = tensor.shape;
  if (tensor.id.role == Role::attn_kv_b && choose_kv_rows(importance, tensor, group_rows, choice)) {
    return choice;
  }
  const Found found = look_up(importance, tensor);
  if (found.entry == nullptr) return choice;
  choice.entry = found.entry;
  choice.origin = found.name;
  if (choose_mla(tensor, found, group_rows, choice)) return choice;
  if (choose_expert(tensor, found, choice)) return choice;
  const bool lacks_last =
      found.entry->n_cols == shape.ne[0] && calibrate::can_grow(*found.entry, shape.ne[2]);
  if (lacks_last) {
    warn(choice, tensor.name,
         fmt::format("the last {} of {} experts have no data; the mean of the others is used",
                     shape.ne[2] - found.entry->n_vectors, shape.ne[2]));
  }
  if (lacks_last || n_values(*found.entry) == shape.ne[0] * shape.ne[2]) {
    choice.kind = Kind::by_matrix;
    return choice;
  }
  if (!tensor.id.is(Role::token_embd) && !tensor.id.is(Role::output)) {
    throw size_error(tensor, found);
  }
  warn(choice, tensor.name,
       fmt::format("imatrix size {} is different from tensor size {}; encoded without importance",
                   n_values(*found.entry), shape.ne[0] * shape.ne[2]));
  return choice;
}

RowWeights row_weights(const ImportanceChoice& choice, const tensor::Shape& shape) {
  RowWeights weights;
  weights.n_cols = shape.ne[0];
  const std::size_t rows = shape.rows();
  switch (choice.kind) {
    case Kind::none:
      return weights;
    case Kind::by_matrix:
      append_vectors(weights, *choice.entry, shape.ne[2]);
      for (std::size_t m = 0; m < shape.matrices(); ++m) {
        weights.runs.push_back({m * shape.ne[1], shape.ne[1], m % shape.ne[2]});
      }
      break;
    case Kind::one_of_stack:
      append_vectors(weights, *choice.entry,
                     std::max(n_values(*choice.entry) / shape.ne[0], choice.expert + 1));
      weights.runs.push_back({0, rows, choice.expert});
      break;
    case Kind::shared:
      append_vectors(weights, *choice.entry, 1);
      weights.runs.push_back({0, rows, 0});
      break;
    case Kind::by_head_rows:
      append_vectors(weights, *choice.entry, choice.n_heads);
      for (std::size_t h = 0; h < choice.n_heads; ++h) {
        weights.runs.push_back({h * (rows / choice.n_heads), rows / choice.n_heads, h});
      }
      break;
    case Kind::pooled:
      weights.values =
          calibrate::with_vectors(*choice.entry,
                                  choice.entry->n_cols * choice.entry->n_vectors / shape.ne[0])
              .pooled_mean();
      weights.runs.push_back({0, rows, 0});
      break;
    case Kind::kv_rows: {
      append_vectors(weights, *choice.entry, 1);
      append_vectors(weights, *choice.value_entry, choice.n_heads);
      const std::size_t head_rows = rows / choice.n_heads;
      for (std::size_t h = 0; h < choice.n_heads; ++h) {
        const std::size_t first = h * head_rows;
        weights.runs.push_back({first, choice.key_rows, 0});
        weights.runs.push_back({first + choice.key_rows, head_rows - choice.key_rows, 1 + h});
      }
      break;
    }
  }
  finish_vectors(weights);
  return weights;
}

std::size_t row_weights_bytes(const ImportanceChoice& choice, const tensor::Shape& shape) noexcept {
  std::size_t values = 0;
  for (const Entry* e : {choice.entry, choice.value_entry}) {
    if (e != nullptr && choice.kind != Kind::none) values += n_values(*e);
  }
  // The vectors, the same again as means, and the entry cut into vectors (f64 sums).
  const std::size_t temporary = values * (sizeof(float) + sizeof(double));
  const std::size_t runs = shape.matrices() * choice.n_heads * 2 * sizeof(RowWeights::Run);
  return values * sizeof(float) + temporary + runs;
}

RowWeights::At RowWeights::at(std::size_t row) const noexcept {
  if (runs.empty()) return {{}, std::numeric_limits<std::size_t>::max()};
  const auto after =
      std::upper_bound(runs.begin(), runs.end(), row,
                       [](std::size_t wanted, const Run& run) { return wanted < run.first_row; });
  const Run& run = *std::prev(after);
  const std::size_t left = run.first_row + run.n_rows - row;
  if (!known[run.vector]) return {{}, left};
  return {std::span(values).subspan(run.vector * n_cols, n_cols), left};
}

}  // namespace cook
