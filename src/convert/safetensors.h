// convert/: Hugging Face folders as sources of tensors and metadata. It reads containers,
// vocabularies and config.json; what names mean stands in model/arch. It must not know commands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace convert {

/// An element type of safetensors.
struct Dtype {
  std::string_view name;  ///< "BF16"
  std::size_t bytes = 0;  ///< of one element
};
/// Null if unknown.
const Dtype* find_dtype(std::string_view name) noexcept;

/// One tensor of a file, checked: its bytes lie inside the file and are as many as type and shape
/// say. `shape` is in the order of PyTorch: the last dimension is the fastest.
struct SafeTensor {
  std::string name;
  const Dtype* dtype = nullptr;
  std::vector<std::uint64_t> shape;
  std::size_t offset = 0;  ///< absolute
  std::size_t size = 0;    ///< bytes

  std::uint64_t elements() const noexcept;
};

/// Largest header that is read, as in the reference implementation.
constexpr std::size_t kMaxHeaderBytes = 100'000'000;
constexpr std::size_t kMaxDimensions = 8;

/// The tensors of a file in order of their bytes. `bytes` holds the whole file. Throws
/// Fault::bad_file with tensor, offset, found and expected for a header that is cut off, too large,
/// no JSON or of another form, for double names, unknown types, sizes that overflow or contradict
/// each other, and for tensors that overlap, leave gaps or do not end with the file.
std::vector<SafeTensor> parse_safetensors(std::span<const std::byte> bytes);

/// The same for a file, mapped for the time of reading. Throws Fault::io too.
std::vector<SafeTensor> read_safetensors(const std::filesystem::path& path);

}  // namespace convert
