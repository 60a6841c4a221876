// One output file cut into pieces of work.
#pragma once

#include <vector>

#include "cook/plan.h"

namespace cook {

/// A piece of one tensor: whole rows when something is computed, bytes when it is copied.
struct Unit {
  std::size_t place = 0;  ///< index into OutputPlan::jobs, also the writer's tensor index
  std::size_t first = 0;  ///< row, or byte for copies
  std::size_t count = 0;  ///< rows, or bytes of whole row groups for copies
  bool copy = false;      ///< finished bytes are taken over
};

/// How a tensor is cut: all units but the last have `step`.
struct Cut {
  std::size_t total = 0, step = 0;  ///< rows, or bytes for copies
  bool copy = false;
};
/// `finished`: the bytes of the output are there, in the source or in a cache.
Cut cut_of(const Job& job, bool finished) noexcept;

/// All units of a file in file order, computed when asked for: a list of millions is never held.
class UnitList {
 public:
  /// `cached[place]`: finished bytes of this tensor lie in a cache.
  UnitList(const Plan& plan, const OutputPlan& output, const std::vector<bool>& cached);

  std::size_t size() const noexcept { return ends_.empty() ? 0 : ends_.back(); }
  Unit operator[](std::size_t index) const noexcept;
  std::size_t units_of(std::size_t place) const noexcept {
    return ends_[place] - (place == 0 ? 0 : ends_[place - 1]);
  }

 private:
  std::vector<Cut> cuts_;
  std::vector<std::size_t> ends_;  // running number of units behind each tensor
};

/// Source bytes of a unit.
struct SourceRange {
  std::size_t offset = 0, size = 0;
};
SourceRange source_range(const Job& job, const Unit& unit) noexcept;

}  // namespace cook
