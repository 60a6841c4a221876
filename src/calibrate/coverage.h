// What an importance matrix covers, with or without the model at hand, and what is known to be
// wrong with files in circulation. Source: docs/spec/imatrix.md, section 8.
#pragma once

#include "calibrate/importance.h"
#include "model/spec.h"

namespace calibrate {

/// All entries of one kind, e.g. "ffn_up_exps" over the layers.
struct KindCoverage {
  std::string kind;  ///< name without layer and ".weight"
  std::size_t n_entries = 0;
  std::size_t n_missing = 0;     ///< tensors of the model (or inner layers) without entry
  std::size_t n_wrong_size = 0;  ///< only with a model
  std::size_t n_vectors = 0;
  std::size_t n_empty = 0;  ///< vectors without data
  std::size_t n_flat = 0;   ///< vectors whose values are all equal
  double max_to_mean = 0;   ///< largest of all vectors
  double flatness = 0;      ///< mean over the entries, 0 to 1
};

struct Coverage {
  std::vector<KindCoverage> kinds;  ///< by name
  base::Findings findings;
};

/// "blk.12.ffn_up.weight" -> layer 12, kind "ffn_up"; layer -1 if there is none.
struct EntryKind {
  int layer = -1;
  std::string kind;
};
EntryKind kind_of(std::string_view name);

/// Without the model, an entry is missing where other layers on both sides have it.
Coverage coverage(const Importance& importance);

/// With the model: an entry is expected for every matrix of its forward pass that is in the file.
Coverage coverage(const Importance& importance, const model::ModelSpec& spec,
                  const gguf::FileSet& files);

}  // namespace calibrate
