#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "convert/folder.h"

namespace convert {

// Names of the two halves of an MXFP4 tensor.
inline constexpr std::string_view kBlocks = "_blocks", kScales = "_scales";

/// Index of the scales of an FP8 tensor: NAME_scale_inv, or NAME_scale; both multiply.
std::optional<std::size_t> find_fp8_scales(const ModelFolder& folder, const std::string& name);

/// Whether a tensor only tells how another one of the folder is packed: scales of FP8 or MXFP4, or
/// the scale that activations beside an FP8 weight had, which is of no use here. Source:
/// docs/spec/models.md 5.4.
bool is_of_packing(const ModelFolder& folder, std::string_view name);

}  // namespace convert
