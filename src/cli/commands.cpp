#include "cli/commands.h"

#include <algorithm>

namespace cli {
namespace {
const Command* const kCommands[] = {
    &imatrix_command, &quantize_command,       &convert_command, &perplexity_command,
    &survey_command,  &quantize_stats_command, &run_command,     &chat_command,
    &logits_command,  &tokenize_command,       &info_command,    &check_command,
    &edit_command,    &diff_command,           &types_command,   &encode_command,
    &decode_command,  &split_command,          &merge_command,   &hash_command,
    &cache_command,
};
}  // namespace

std::span<const Command* const> all_commands() noexcept { return kCommands; }

const Command* find_command(std::string_view name) noexcept {
  const auto* it =
      std::find_if(std::begin(kCommands), std::end(kCommands), [name](const Command* c) {
        return c->name == name || (!c->alias.empty() && c->alias == name);
      });
  return it == std::end(kCommands) ? nullptr : *it;
}

}  // namespace cli
