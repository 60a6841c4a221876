#include "kernels/table.h"

#include "kernels/tables.h"

namespace kernels {
namespace {

// Best last.
constexpr const KernelTable* kTables[] = {
    &reference_table,
#if defined(__x86_64__)
    &avx2_table,       &avxvnni_table,    &avx512_table,
    &avx512vnni_table, &avx512bf16_table, &amx_table,
#endif
};

}  // namespace

std::span<const KernelTable* const> all_tables() noexcept { return kTables; }

const KernelTable& best_table() noexcept {
  // Asked once: cpuid takes tens of microseconds in a virtual machine.
  static const KernelTable* const best = [] {
    const KernelTable* found = &reference_table;
    for (const KernelTable* table : kTables) {
      if (table->supported()) found = table;
    }
    return found;
  }();
  return *best;
}

const KernelTable* find_table(std::string_view name) noexcept {
  for (const KernelTable* table : kTables) {
    if (table->name == name) return table;
  }
  return nullptr;
}

}  // namespace kernels
