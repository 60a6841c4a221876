// The list of unpackers: format number to function. A new unpacker: its struct, its line here.
#pragma once

#include "kernels/shared/unpack_kquant_inl.h"
#include "kernels/shared/unpack_legacy_inl.h"
#include "quant/codec.h"

namespace kernels {
namespace {

struct UnpackEntry {
  std::uint32_t id;
  Unpack unpack;
};

constexpr UnpackEntry kUnpackers[] = {
    {2, unpack_row<UnpackQ4_0>},   {3, unpack_row<UnpackQ4_1>},   {6, unpack_row<UnpackQ5_0>},
    {7, unpack_row<UnpackQ5_1>},   {8, unpack_row<UnpackQ8_0>},   {10, unpack_row<UnpackQ2K>},
    {11, unpack_row<UnpackQ3K>},   {12, unpack_row<UnpackQ4K>},   {13, unpack_row<UnpackQ5K>},
    {14, unpack_row<UnpackQ6K>},   {20, unpack_row<UnpackIq4Nl>}, {23, unpack_row<UnpackIq4Xs>},
    {35, unpack_row<UnpackTq2_0>}, {39, unpack_row<UnpackMxfp4>}, {133, unpack_row<UnpackQ6_0>},
};

inline Unpack find_unpacker(const quant::Codec& codec) noexcept {
  for (const UnpackEntry& entry : kUnpackers) {
    if (entry.id == codec.id) return entry.unpack;
  }
  return nullptr;
}

}  // namespace
}  // namespace kernels
