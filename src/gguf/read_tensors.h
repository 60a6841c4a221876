// The tensor list of a file, from bytes outside. Source: docs/spec/gguf.md, sections 1 and 1.2 (10
// to 17).
#pragma once

#include <vector>

#include "base/bytes.h"
#include "gguf/file.h"
#include "gguf/read_value.h"

namespace gguf {

/// Reads `n` tensor infos. Offsets stay relative to the data section. Checks everything but the
/// place of the data. Throws Fault::bad_file naming the tensor.
std::vector<TensorInfo> read_tensor_infos(base::Cursor& in, std::size_t n, HeaderMemory& memory);

/// Where the data section lies.
struct DataSection {
  std::size_t start = 0;      ///< absolute offset in the file
  std::size_t file_size = 0;  ///< of the whole file
  std::size_t alignment = 0;
};

/// Checks alignment, bounds and overlaps, and makes the offsets absolute. Gaps and other deviations
/// from the canonical layout that do no harm are added to `findings`.
void place_tensors(std::vector<TensorInfo>& tensors, const DataSection& data,
                   base::Findings& findings);

}  // namespace gguf
