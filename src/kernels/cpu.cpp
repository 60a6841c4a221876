#include "kernels/cpu.h"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace kernels {

bool always() noexcept { return true; }

#if defined(__x86_64__)
namespace {

struct Leaf {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Leaf cpuid(std::uint32_t leaf, std::uint32_t subleaf) noexcept {
  Leaf r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

bool bit(std::uint32_t word, unsigned n) noexcept { return ((word >> n) & 1u) != 0; }

/// XCR0: which registers the system saves. 0 if the system does not say.
std::uint64_t saved_registers() noexcept {
  if (!bit(cpuid(1, 0).ecx, 27)) return 0;  // OSXSAVE
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (std::uint64_t{high} << 32) | low;
}

constexpr std::uint64_t kYmm = 0x6;          // SSE, AVX
constexpr std::uint64_t kZmm = 0xe6;         // and mask registers, upper halves, upper 16
constexpr std::uint64_t kTiles = 0x60000;    // tile configuration, tile data
constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM, Linux asm/prctl.h
constexpr long kTileData = 18;               // XFEATURE_XTILEDATA

/// Linux gives the tile registers only on request: 8 KiB more in every signal frame, so it refuses
/// when a thread has a small alternate signal stack. Older systems know no such call.
bool system_gives_tiles() noexcept {
#if defined(__linux__)
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

}  // namespace

bool cpu_has_avx2() noexcept {
  const Leaf one = cpuid(1, 0);
  const Leaf seven = cpuid(7, 0);
  return bit(one.ecx, 12) && bit(one.ecx, 29) && bit(seven.ebx, 5) &&  // FMA, F16C, AVX2
         (saved_registers() & kYmm) == kYmm;
}

bool cpu_has_avx_vnni() noexcept { return cpu_has_avx2() && bit(cpuid(7, 1).eax, 4); }

bool cpu_has_avx512() noexcept {
  const Leaf seven = cpuid(7, 0);
  return bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) &&
         bit(seven.ebx, 31) &&  // F, DQ, BW, VL
         (saved_registers() & kZmm) == kZmm && cpu_has_avx2();
}

bool cpu_has_avx512_vnni() noexcept { return cpu_has_avx512() && bit(cpuid(7, 0).ecx, 11); }

bool cpu_has_avx512_bf16() noexcept { return cpu_has_avx512_vnni() && bit(cpuid(7, 1).eax, 5); }

bool cpu_has_amx() noexcept {
  const Leaf seven = cpuid(7, 0);
  return cpu_has_avx512_bf16() && bit(seven.edx, 22) && bit(seven.edx, 24) &&  // AMX BF16, TILE
         (saved_registers() & kTiles) == kTiles && system_gives_tiles();
}

#else

bool cpu_has_avx2() noexcept { return false; }
bool cpu_has_avx_vnni() noexcept { return false; }
bool cpu_has_avx512() noexcept { return false; }
bool cpu_has_avx512_vnni() noexcept { return false; }
bool cpu_has_avx512_bf16() noexcept { return false; }
bool cpu_has_amx() noexcept { return false; }

#endif

}  // namespace kernels
