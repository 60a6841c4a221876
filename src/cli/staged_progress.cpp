#include "cli/staged_progress.h"

#include <algorithm>

namespace cli {
namespace {
constexpr double kSteps = 1000;  // resolution of the outer bar
}

void StagedProgress::begin(std::string detail, double cost) {
  before_ += cost_;
  cost_ = cost;
  detail_ = std::move(detail);
  show(0);
}

void StagedProgress::update(std::string_view, std::uint64_t done, std::uint64_t total,
                            std::string_view, std::string_view) {
  if (total > 0) show(static_cast<double>(done) / static_cast<double>(total));
}

void StagedProgress::show(double inside) {
  // A stage may be made of several inner passes; the bar never runs back.
  shown_ = std::max(shown_, std::min(0.999, (before_ + inside * cost_) / total_));
  outer_.update(what_, static_cast<std::uint64_t>(shown_ * kSteps),
                static_cast<std::uint64_t>(kSteps), "", detail_);
}

}  // namespace cli
