// What this machine and its system allow. Built for the baseline, so safe to call anywhere.
#pragma once

namespace kernels {

bool always() noexcept;

/// AVX2, FMA, F16C, and the system saves the registers.
bool cpu_has_avx2() noexcept;

/// The above and byte dot products on 256 bits (AVX-VNNI).
bool cpu_has_avx_vnni() noexcept;

/// AVX-512 F, BW, DQ and VL, and the system saves the registers.
bool cpu_has_avx512() noexcept;

/// The above and byte dot products (AVX-512 VNNI).
bool cpu_has_avx512_vnni() noexcept;

/// The above and AVX-512 BF16.
bool cpu_has_avx512_bf16() noexcept;

/// The above, AMX tiles with bf16, and the system lets this process use them (asks for it: Linux
/// wants a request once per process, and can refuse).
bool cpu_has_amx() noexcept;

}  // namespace kernels
