// A fixture over every table that is linked in; skips those that this machine cannot run.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "kernels/table.h"

namespace kernels_test {

class EveryTable : public testing::TestWithParam<const kernels::KernelTable*> {
 protected:
  void SetUp() override {
    if (!GetParam()->supported()) GTEST_SKIP() << "needs " << GetParam()->needs;
  }
  const kernels::KernelTable& table() const { return *GetParam(); }
};

inline auto every_table() {
  return testing::ValuesIn(kernels::all_tables().begin(), kernels::all_tables().end());
}
inline std::string table_name(const testing::TestParamInfo<const kernels::KernelTable*>& info) {
  return std::string(info.param->name);
}

/// Floats between output rows that must stay as they are.
inline constexpr std::size_t kGap = 3;

}  // namespace kernels_test
