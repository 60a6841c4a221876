// Everything in front of the data section, as bytes. Source: docs/spec/gguf.md, sections 1 and 7.
#pragma once

#include <cstddef>
#include <vector>

#include "gguf/value.h"
#include "gguf/writer.h"

namespace gguf {

/// A canonical file before its data is written.
struct Layout {
  std::vector<std::byte> header;     ///< magic to the last tensor info, padded
  std::vector<std::size_t> offsets;  ///< absolute, one a tensor
  std::vector<std::size_t> sizes;    ///< bytes without padding
  std::size_t file_size = 0;
};

/// Everything from the magic to the last tensor info, without padding behind it. `offsets` are
/// relative to the data section, one a tensor. general.alignment is left out unless
/// `keep_alignment`. Throws as plan_layout.
std::vector<std::byte> header_bytes(const Metadata& metadata,
                                    const std::vector<TensorPlan>& tensors,
                                    const std::vector<std::size_t>& offsets, bool keep_alignment);

/// Adds the key kRoomKey so that the header becomes `room` bytes longer; false if the
/// key needs more than that.
bool add_room(Metadata& metadata, std::size_t room);

/// Adds room so that the data of the first tensor lies as far into a file system block as byte
/// `source_offset` of the file from which it will be copied: then blocks can be shared. No change
/// if that is impossible (another alignment) or already so.
void align_with(Metadata& metadata, const std::vector<TensorPlan>& tensors,
                std::size_t source_offset);

/// Throws Fault::bad_input naming the key or the tensor.
Layout plan_layout(const Metadata& metadata, const std::vector<TensorPlan>& tensors);

}  // namespace gguf
