// The list of unpackers: format number to function. A new unpacker: its struct, its line here.
#pragma once

#include "kernels/shared/unpack_codebook_inl.h"
#include "kernels/shared/unpack_interleave_inl.h"
#include "kernels/shared/unpack_iqk_inl.h"
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
    {2, unpack_row<UnpackQ4_0>},       {3, unpack_row<UnpackQ4_1>},
    {6, unpack_row<UnpackQ5_0>},       {7, unpack_row<UnpackQ5_1>},
    {8, unpack_row<UnpackQ8_0>},       {10, unpack_row<UnpackQ2K>},
    {11, unpack_row<UnpackQ3K>},       {12, unpack_row<UnpackQ4K>},
    {13, unpack_row<UnpackQ5K>},       {14, unpack_row<UnpackQ6K>},
    {16, unpack_row<UnpackIq2Xxs>},    {20, unpack_row<UnpackIq4Nl>},
    {21, unpack_row<UnpackIq3S>},      {23, unpack_row<UnpackIq4Xs>},
    {35, unpack_row<UnpackTq2_0>},     {39, unpack_row<UnpackMxfp4>},
    {133, unpack_row<UnpackQ6_0>},     {144, unpack_row<UnpackIq4Ks>},
    {202, unpack_row<UnpackQ4_0R8>},   {206, unpack_row<UnpackQ5_0R4>},
    {208, unpack_row<UnpackQ8_0R8>},   {210, unpack_row<UnpackQ2KR4>},
    {211, unpack_row<UnpackQ3KR4>},    {212, unpack_row<UnpackQ4KR4>},
    {213, unpack_row<UnpackQ5KR4>},    {214, unpack_row<UnpackQ6KR4>},
    {216, unpack_row<UnpackIq2XxsR4>}, {220, unpack_row<UnpackIq4NlR4>},
    {221, unpack_row<UnpackIq3SR4>},   {223, unpack_row<UnpackIq4XsR8>},
    {233, unpack_row<UnpackQ6_0R4>},   {344, unpack_row<UnpackIq4KsR4>},
};

inline Unpack find_unpacker(const quant::Codec& codec) noexcept {
  for (const UnpackEntry& entry : kUnpackers) {
    if (entry.id == codec.id) return entry.unpack;
  }
  return nullptr;
}

}  // namespace
}  // namespace kernels
