#pragma once

#include <functional>

#include "gguf/file.h"

namespace gguf {

/// Copies the bytes [offset, offset + out.size()) of a tensor.
using ReadBytes = std::function<void(std::size_t offset, std::span<std::byte> out)>;

/// Rows [first, first + out.size() / row bytes) of a tensor as bytes of info.codec, also where the
/// file holds it in a format without rows. Throws what `read` throws.
void read_rows(const TensorInfo& info, std::size_t first, std::span<std::byte> out,
               const ReadBytes& read);

/// The same from the mapped file.
void read_rows(const FileSet& files, const TensorInfo& info, std::size_t first,
               std::span<std::byte> out);

}  // namespace gguf
