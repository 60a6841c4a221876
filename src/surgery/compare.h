// Two models side by side: keys, tensors, and the values of the tensors.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "runtime/runtime.h"
#include "surgery/value_error.h"

namespace surgery {

/// A key that A and B do not both have with the same type and value; null where it is missing.
struct KeyDifference {
  std::string key;
  const gguf::Value *a = nullptr, *b = nullptr;
};

/// One tensor name; null where the model has no such tensor.
struct TensorPair {
  std::string name;
  const gguf::TensorInfo *a = nullptr, *b = nullptr;
  /// Filled by compare_values: B against A. Empty for pairs that cannot be compared.
  std::optional<ValueError> error = {};
  bool same_bytes = false;

  bool both() const noexcept { return a != nullptr && b != nullptr; }
  bool same_type() const noexcept { return both() && a->type_name() == b->type_name(); }
  bool same_shape() const noexcept { return both() && a->shape == b->shape; }
  /// Rows of the same length and number: also the two spellings of attn_k_b.
  bool comparable() const noexcept {
    return both() && a->shape.cols() == b->shape.cols() && a->shape.rows() == b->shape.rows();
  }
  /// As far as it has been looked at.
  bool differs() const noexcept {
    return !same_type() || !same_shape() || (error && !error->equal());
  }
};

struct Comparison {
  std::vector<KeyDifference> keys;  ///< in the order of A, then what only B has
  std::vector<TensorPair> tensors;  ///< all, in the order of A, then what only B has
  std::size_t n_keys = 0;           ///< compared
  bool same_order = true;           ///< of the tensors that both have
  bool values = false;              ///< compare_values has been here

  bool same() const noexcept;
};

/// Headers only. Keys that say how a file is laid out (split.*, general.alignment, quern.room) are
/// not compared. The models must outlive the result.
Comparison compare_models(const gguf::FileSet& a, const gguf::FileSet& b);

/// The data of all comparable pairs: equal bytes of one type are not decoded. Results do not depend
/// on the number of threads. Throws Fault::io, Fault::interrupted.
void compare_values(const gguf::FileSet& a, const gguf::FileSet& b, Comparison& comparison,
                    const runtime::Runtime& runtime);

}  // namespace surgery
