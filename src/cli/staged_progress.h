#pragma once

#include <string>

#include "base/progress.h"

namespace cli {

/// Several pieces of work seen as one: the inner pieces report as usual, the outer bar shows the
/// share of the whole, weighted by expected cost.
class StagedProgress final : public base::Progress {
 public:
  StagedProgress(base::Progress& outer, std::string what, double total_cost)
      : outer_(outer), what_(std::move(what)), total_(total_cost) {}

  /// Stages that will not be needed; before the first one begins.
  void leave_out(double cost) { total_ -= cost; }
  /// Ends the present stage and begins the next one.
  void begin(std::string detail, double cost);
  void update(std::string_view what, std::uint64_t done, std::uint64_t total, std::string_view unit,
              std::string_view detail) override;
  void log(std::string_view line) override { outer_.log(line); }

 private:
  void show(double inside);

  base::Progress& outer_;
  std::string what_, detail_;
  double total_, before_ = 0, cost_ = 0, shown_ = 0;
};

}  // namespace cli
