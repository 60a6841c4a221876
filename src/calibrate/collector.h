// Collects importance while a model runs: one entry for every weight matrix that the spec knows,
// one vector per expert and per head, for MLA always attn_kv_b, attn_k_b and attn_v_b. Sums in f64.
// Source: docs/spec/imatrix.md, sections 1, 2.2 and 5.
#pragma once

#include <vector>

#include "calibrate/importance.h"
#include "runtime/observe.h"

namespace calibrate {

class Collector final : public runtime::Observer {
 public:
  /// `with_output`: also the output matrix. Keeps no reference to the spec.
  Collector(const model::ModelSpec& spec, bool with_output);

  bool wants(int layer, model::Role role) const override;
  /// Throws Fault::bad_input naming the tensor when an activation is not finite.
  void observe(const runtime::Site& site, const runtime::Rows& rows,
               runtime::Runtime& runtime) override;

  /// Entries collected so far, those without any count left out.
  std::map<std::string, Entry, std::less<>> entries() const;
  /// All entries, collected or not: the sizes that data of this model have.
  std::map<std::string, Entry, std::less<>> all_entries() const;
  /// Continues from entries collected before (a checkpoint). Throws Fault::bad_input on other
  /// shapes.
  void restore(const std::map<std::string, Entry, std::less<>>& entries);

 private:
  struct Slot {
    std::string name;
    Entry entry;
  };
  Slot* slot(int layer, model::Role role) noexcept;
  const Slot* slot(int layer, model::Role role) const noexcept;

  std::size_t n_layer_;
  std::vector<Slot> slots_;  ///< [n_layer + 1, n_roles]; layer -1 last; unused ones have no name
};

/// Whether importance applies to this tensor: a matrix that activations are multiplied with.
bool is_weight_matrix(const model::TensorRow& row) noexcept;

}  // namespace calibrate
