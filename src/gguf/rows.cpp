#include "gguf/rows.h"

#include <cstring>

namespace gguf {

void read_rows(const TensorInfo& info, std::size_t first, std::span<std::byte> out,
               const ReadBytes& read) {
  const std::size_t cols = info.shape.cols();
  if (info.flat == nullptr) return read(first * info.codec->row_bytes(cols), out);
  const quant::FlatFormat& flat = *info.flat;
  const std::size_t n_rows = out.size() / info.codec->row_bytes(cols);
  const std::size_t begin = first * cols, end = begin + n_rows * cols;
  const std::size_t first_block = begin / flat.block_elems;
  const std::size_t n_blocks = (end + flat.block_elems - 1) / flat.block_elems - first_block;
  std::vector<std::byte> blocks(n_blocks * flat.block_bytes), tail(flat.tail_bytes);
  read(first_block * flat.block_bytes, blocks);
  read(info.size - flat.tail_bytes, tail);
  flat.to_rows(blocks, begin - first_block * flat.block_elems, tail, cols, out);
}

void read_rows(const FileSet& files, const TensorInfo& info, std::size_t first,
               std::span<std::byte> out) {
  const std::span<const std::byte> bytes = files.bytes(info);
  read_rows(info, first, out, [bytes](std::size_t offset, std::span<std::byte> piece) {
    std::memcpy(piece.data(), bytes.data() + offset, piece.size());
  });
}

}  // namespace gguf
