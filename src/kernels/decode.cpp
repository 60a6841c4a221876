#include "kernels/decode.h"

namespace kernels {

void decode_group(const quant::Codec& codec, const std::byte* group, std::size_t cols,
                  float* out) noexcept {
  codec.decode({group, codec.group_rows * codec.row_bytes(cols)}, cols,
               {out, codec.group_rows * cols});
}

void decode_group(const KernelTable& table, const quant::Codec& codec, const std::byte* group,
                  std::size_t cols, float* out) noexcept {
  if (const Decode decode = table.decoder(codec)) return decode(group, cols, out);
  decode_group(codec, group, cols, out);
}

std::size_t row_bytes(const quant::Codec& codec, std::size_t cols) noexcept {
  return codec.row_bytes(cols);
}

}  // namespace kernels
