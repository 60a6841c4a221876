// The two file dialects, used by importance.cpp only.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "calibrate/importance.h"

namespace calibrate {

/// docs/spec/imatrix.md, section 3. Entries carry ncall * chunk_size as their count.
Importance parse_dat(std::span<const std::byte> bytes, std::uint32_t chunk_size);

/// docs/spec/imatrix.md, section 4.
Importance parse_gguf(std::span<const std::byte> bytes, const std::string& name);
void save_gguf(const Importance& importance, const std::filesystem::path& path);

/// The tensor name inside an entry name: "CUDA0#blk.0.ffn_up.weight#0" and
/// "blk.0.attn_k_b.weight (reshaped)" lose their decoration (section 2.1).
std::string_view clean_name(std::string_view name) noexcept;

/// Gathers early Mixtral entries "blk.N.ffn_up.X.weight" into one stack "blk.N.ffn_up_exps.weight"
/// (section 8). Throws Fault::bad_file if their sizes differ.
void stack_experts(Importance& importance);

}  // namespace calibrate
