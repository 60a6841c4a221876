#include "quant/iqk/kernels.h"

namespace quant {

const LevelKernel kernel_t2 = LevelRounding<LevelsT2>::kernel(5);
const LevelKernel kernel_t3 = LevelRounding<LevelsT3>::kernel(4);
const LevelKernel kernel_t4 = LevelRounding<LevelsT4>::kernel(4);
const LevelKernel kernel_t4_plain = LevelRounding<LevelsT4>::kernel(0);
const LevelKernel kernel_t5 = LevelRounding<LevelsT5>::kernel(2);
const LevelKernel kernel_t6 = LevelRounding<LevelsT6>::kernel(1);

}  // namespace quant
