// A model without some of its layers: what becomes of the layers that stay and of the keys.
#pragma once

#include <set>

#include "model/spec.h"

namespace model {

/// Layers 0 to n - 1 of a model, next-token-prediction layers included, and their numbers when some
/// are left out.
class LayerMap {
 public:
  /// Every pruned layer lies in [0, n_layers).
  LayerMap(int n_layers, std::set<int> pruned) : pruned_(std::move(pruned)), n_layers_(n_layers) {}

  int n_layers() const noexcept { return n_layers_; }
  bool keeps(int layer) const { return pruned_.count(layer) == 0; }
  /// The new number of a layer that stays.
  int renumbered(int layer) const { return layer - n_pruned(0, layer); }
  /// How many of [first, end) are left out.
  int n_pruned(int first, int end) const;

 private:
  std::set<int> pruned_;
  int n_layers_;
};

struct Pruned {
  gguf::Metadata metadata;
  base::Findings findings;  ///< what other programs will not follow
};
/// The keys of `whole` without some layers: counts (block_count, leading_dense_block_count,
/// nextn_predict_layers) and lists with one value a layer follow. What an architecture derives from
/// the numbers of layers (which ones slide, the scale of Gemma 27B) is written out where the layers
/// that stay would be computed otherwise. Throws Fault::unsupported when no key can say it, or,
/// with `allow_changes`, adds a finding. An unknown architecture, or a file that contradicts its
/// own, is only renumbered.
Pruned without_layers(const gguf::FileSet& whole, const LayerMap& map, bool allow_changes = false);

}  // namespace model
