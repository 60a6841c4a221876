#include "cli/output_plan.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/rename_list.h"
#include "cli/encoder_cache.h"
#include "cli/files.h"
#include "cook/forecast.h"
#include "cook/job_hash.h"

namespace cli {
namespace {

/// What the run was to do that left the set half named; empty if there is none.
std::string complete_set(const std::filesystem::path& first) {
  try {
    return finish_earlier(first.string());
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_input && e.fault() != base::Fault::bad_file) throw;
    fmt::print(stderr, "warning: {}\nwarning: the set is made anew\n", e.what());
    return "";
  }
}

}  // namespace

ReadyOutputs ready_outputs(std::string_view what, const cook::TensorSource& source,
                           cook::Plan& plan) {
  ReadyOutputs out;
  for (const cook::OutputPlan& output : plan.outputs) {
    if (output.skipped) continue;
    check_replaceable(what, output.path.string(), Product::model);
    prepare_output(what, output.path.string());
  }
  const bool is_set = plan.outputs.size() > 1;
  std::error_code unknown;
  const bool half_named =
      is_set && std::filesystem::exists(base::rename_list_path(plan.outputs.front().path), unknown);
  // Lock files take room, too. A set that is completed first may leave nothing to do.
  if (!half_named) cook::check_room(plan);
  for (const cook::OutputPlan& output : plan.outputs) {
    const bool stands_for_set = is_set && &output == &plan.outputs.front();
    if (!output.skipped || stands_for_set) {
      out.locks.push_back(base::FileLock::beside(output.path));
    }
  }
  if (is_set) {
    plan.job = cook::job_text(source, plan, encoder_version());
    const std::string earlier = complete_set(plan.outputs.front().path);
    out.made_earlier = earlier == plan.job;
    if (!earlier.empty() && plan.partial) {
      for (cook::OutputPlan& output : plan.outputs) output.skipped = true;
      plan.file_bytes = 0;
    }
  }
  if (half_named && !out.made_earlier) cook::check_room(plan);
  return out;
}

}  // namespace cli
