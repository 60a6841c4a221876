// The tables by name, for table.cpp and for tables that build on another.
#pragma once

#include "kernels/table.h"

namespace kernels {

extern const KernelTable reference_table;
#if defined(__x86_64__)
extern const KernelTable avx2_table, avxvnni_table, avx512_table, avx512vnni_table;
extern const KernelTable avx512bf16_table, amx_table;
#endif

}  // namespace kernels
