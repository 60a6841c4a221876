// Owners of memory: aligned heap buffers and read-only file mappings.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace tensor {

/// Heap bytes aligned to 64, move-only, contents undefined after construction.
class Buffer {
 public:
  Buffer() noexcept = default;
  /// Throws Fault::io when memory cannot be had.
  explicit Buffer(std::size_t size);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  std::byte* data() noexcept { return data_; }
  const std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  std::span<std::byte> bytes() noexcept { return {data_, size_}; }
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  /// The buffer as `n` floats; n * 4 <= size().
  std::span<float> floats() noexcept { return {reinterpret_cast<float*>(data_), size_ / 4}; }
  std::span<const float> floats() const noexcept {
    return {reinterpret_cast<const float*>(data_), size_ / 4};
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A whole file, read-only, mapped. Move-only. An empty file gives an empty span.
class Mapping {
 public:
  Mapping() noexcept = default;
  /// Throws Fault::io with file and reason; a folder, a device, a pipe is refused at once.
  explicit Mapping(const std::filesystem::path& path);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  /// Tells the system that a part will be needed soon, or will not be needed again.
  void will_need(std::size_t offset, std::size_t size) const noexcept;
  void dont_need(std::size_t offset, std::size_t size) const noexcept;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace tensor
