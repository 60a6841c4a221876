// The command line of `quantize` as a request to cook/ (docs/spec/recipes.md 7, 8, 9, 11).
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "calibrate/importance.h"
#include "cli/options.h"
#include "cook/plan.h"

namespace cli {

/// Everything the command was asked to do. `importance` owns what `request` refers to.
struct QuantizeArguments {
  std::filesystem::path input;
  std::string type_word;      ///< as in the list of recipes: "Q4_K_M", "COPY"
  std::size_t n_threads = 0;  ///< 0: all cores
  std::size_t memory = 0;     ///< bytes the run may take; 0: no bound
  bool allow_broken = false;  ///< take models that contradict their architecture
  std::set<int> pruned_layers;
  std::unique_ptr<const calibrate::Importance> importance;
  cook::Request request;
};

/// Throws Fault::bad_usage, and what loading the importance file throws.
QuantizeArguments parse_quantize(const Args& args);

/// Every option of the command.
std::span<const Option> quantize_options() noexcept;

}  // namespace cli
