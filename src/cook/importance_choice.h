// Which importance vector weighs which rows of a tensor (docs/spec/recipes.md 8, imatrix.md 5.2
// and 6).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "calibrate/importance.h"
#include "recipe/model_facts.h"

namespace cook {

/// Where the data of one tensor come from. Refers to entries of the Importance it was made from.
struct ImportanceChoice {
  enum class Kind : std::uint8_t {
    none,
    by_matrix,     ///< vector m for matrix m (experts, heads, or the only one)
    shared,        ///< one vector for all rows
    by_head_rows,  ///< a matrix of heads below each other: vector h for the rows of head h
    pooled,        ///< the mean over all vectors of the entry, for all rows
    one_of_stack,  ///< a single expert: vector `expert` of the stack's entry
    kv_rows,       ///< attn_kv_b: K rows by its own entry, V rows by attn_v_b's vector of the head
  };
  Kind kind = Kind::none;
  const calibrate::Entry* entry = nullptr;
  const calibrate::Entry* value_entry = nullptr;  ///< kv_rows: of attn_v_b
  std::size_t n_heads = 1;                        ///< by_head_rows, kv_rows
  std::size_t expert = 0;                         ///< one_of_stack
  std::size_t key_rows = 0;                       ///< kv_rows: K rows of a head
  std::string origin;                             ///< name of the entry, for the log
  base::Findings findings;
};

/// Looks the tensor's name up, then the roles that stand in for its own. Throws Fault::bad_input
/// when an entry has another size than the tensor, naming both; for token_embd and output that is a
/// finding and no data. `group_rows` of the target type: rows of one group share their weights.
ImportanceChoice choose_importance(const calibrate::Importance& importance,
                                   const recipe::InputTensor& tensor, std::size_t group_rows);

/// Vectors ready for an encoder and the rows that they belong to.
struct RowWeights {
  struct Run {
    std::size_t first_row = 0, n_rows = 0;
    std::size_t vector = 0;
  };
  std::size_t n_cols = 0;
  std::vector<float> values;  ///< [n_vectors, n_cols]; positive, zeros raised to a tiny floor
  std::vector<bool> known;    ///< [n_vectors]; false: no data, encode without
  std::vector<Run> runs;      ///< cover all rows in order; empty: no data for the whole tensor

  /// Vector for a row and how many rows from there on share it. Empty span: none.
  struct At {
    std::span<const float> vector;
    std::size_t n_rows = 0;
  };
  At at(std::size_t row) const noexcept;
};
/// Vectors without data (experts that never ran) get the mean over those that have.
RowWeights row_weights(const ImportanceChoice& choice, const tensor::Shape& shape);
/// Bytes that row_weights will take, temporaries included, not less.
std::size_t row_weights_bytes(const ImportanceChoice& choice, const tensor::Shape& shape) noexcept;

}  // namespace cook
