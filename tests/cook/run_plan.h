// Carries a plan out with kernels of choice.
#pragma once

#include "cook/run.h"

namespace test {

inline cook::RunResult run_plan(const cook::TensorSource& source, const cook::Plan& plan,
                                runtime::Team& team, base::Progress& progress,
                                const base::StopFlag& stop,
                                const cook::TensorCache* cache = nullptr,
                                const kernels::KernelTable& table = kernels::best_table()) {
  runtime::Runtime runtime{.team = team, .kernels = table, .progress = progress, .stop = stop};
  return cook::run_plan(source, plan, runtime, cache);
}

}  // namespace test
