#include "text/kinds/kind.h"

namespace text {
namespace {
const Kind* const kKinds[] = {
    &spm_kind, &bpe_kind, &gemma4_kind, &unigram_kind, &wordpiece_kind,
};
}  // namespace

std::span<const Kind* const> all_kinds() noexcept { return kKinds; }

}  // namespace text
