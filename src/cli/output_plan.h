// The output files of `quantize` and `convert` before the work.
#pragma once

#include <string_view>
#include <vector>

#include "base/file_lock.h"
#include "cook/plan.h"

namespace cli {

struct ReadyOutputs {
  std::vector<base::FileLock> locks;  ///< also over the folder of --resume
  bool made_earlier = false;          ///< all files are there, by a run with the same job
};

/// Every file that the plan writes can be written, and there is room for all; their locks. A set of
/// which a killed run had not given all files their names gets the rest, telling so: it is what the
/// plan would make if the inputs and options are the same, and left to --partial-requant in any
/// case. `what` names the output. Throws as check_replaceable, prepare_output, cook::check_room.
ReadyOutputs ready_outputs(std::string_view what, const cook::TensorSource& source,
                           cook::Plan& plan);

}  // namespace cli
