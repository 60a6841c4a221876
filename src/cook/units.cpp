#include "cook/units.h"

#include <algorithm>

namespace cook {
namespace {

// Large enough that handing out costs nothing, small enough that the last units end together and
// that a stop is noticed within a second even by the slowest encoders.
constexpr std::size_t kUnitWeights = std::size_t{128} << 10;
constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

}  // namespace

Cut cut_of(const Job& job, bool finished) noexcept {
  if (finished) {
    // Whole groups of rows, so that their blocks can be checked.
    const std::size_t group = job.to->group_rows * job.to->row_bytes(job.shape.cols());
    const std::size_t n = std::max<std::size_t>(1, kCopyBytes / std::max<std::size_t>(1, group));
    return {.total = job.bytes, .step = std::max<std::size_t>(1, n * group), .copy = true};
  }
  // Groups are powers of two, so the larger one is a multiple of the other.
  const std::size_t group = std::max(job.from->group_rows, job.to->group_rows);
  const std::size_t rows = kUnitWeights / job.shape.cols() / group * group;
  return {.total = job.shape.rows(), .step = std::max(rows, group), .copy = false};
}

UnitList::UnitList(const Plan& plan, const OutputPlan& output, const std::vector<bool>& cached) {
  std::size_t end = 0;
  for (const std::size_t index : output.jobs) {
    const Job& job = plan.jobs[index];
    const Cut cut = cut_of(job, job.action == recipe::Action::copy || cached[cuts_.size()]);
    cuts_.push_back(cut);
    end += (cut.total + cut.step - 1) / cut.step;
    ends_.push_back(end);
  }
}

Unit UnitList::operator[](std::size_t index) const noexcept {
  const auto after = std::upper_bound(ends_.begin(), ends_.end(), index);
  const auto place = static_cast<std::size_t>(after - ends_.begin());
  const std::size_t within = index - (place == 0 ? 0 : ends_[place - 1]);
  const Cut& cut = cuts_[place];
  const std::size_t first = within * cut.step;
  return {.place = place,
          .first = first,
          .count = std::min(cut.step, cut.total - first),
          .copy = cut.copy};
}

SourceRange source_range(const Job& job, const Unit& unit) noexcept {
  if (unit.copy) return {.offset = unit.first, .size = unit.count};
  const std::size_t row = job.from->row_bytes(job.shape.cols());
  return {.offset = unit.first * row, .size = unit.count * row};
}

}  // namespace cook
