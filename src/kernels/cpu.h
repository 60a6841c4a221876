// What this machine and its system allow. Built for the baseline, so safe to call anywhere.
#pragma once

namespace kernels {

bool always() noexcept;

/// AVX2, FMA, F16C, and the system saves the registers.
bool cpu_has_avx2() noexcept;

/// AVX-512 F, BW, DQ, VL and VNNI, and the system saves the registers.
bool cpu_has_avx512() noexcept;

/// The above, AVX-512 BF16, AMX tiles with bf16, and the system lets this process use them (asks
/// for it: Linux wants a request once per process, and can refuse).
bool cpu_has_amx() noexcept;

}  // namespace kernels
