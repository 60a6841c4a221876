// Every subcommand. Adding one: its file here, its line below and in commands.cpp.
#pragma once

#include "cli/options.h"

namespace cli {

extern const Command imatrix_command;
extern const Command perplexity_command;
extern const Command tokenize_command;
extern const Command quantize_command;
extern const Command survey_command;
extern const Command cache_command;
extern const Command types_command;
extern const Command encode_command;
extern const Command decode_command;
extern const Command quantize_stats_command;
extern const Command info_command;
extern const Command check_command;
extern const Command edit_command;
extern const Command diff_command;
extern const Command split_command;
extern const Command merge_command;
extern const Command hash_command;
extern const Command convert_command;
extern const Command logits_command;
extern const Command run_command;
extern const Command chat_command;

std::span<const Command* const> all_commands() noexcept;
/// By name or by the name of the public program. Null if unknown.
const Command* find_command(std::string_view name) noexcept;

}  // namespace cli
