// Numbers of the container that reader and writer share. Source: docs/spec/gguf.md, section 1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "gguf/value.h"

namespace gguf {

constexpr std::array<std::byte, 4> kMagic{std::byte{0x47}, std::byte{0x47}, std::byte{0x55},
                                          std::byte{0x46}};
constexpr std::uint32_t kVersion = 3;
constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kDefaultAlignment = 32;
constexpr std::size_t kBlockBytes = 4096;  ///< of file systems; blocks can be shared between files
constexpr std::size_t kMaxAlignment = std::size_t{1} << 20;
constexpr std::size_t kMaxNameBytes = 63;
constexpr std::size_t kMaxKeyBytes = 65535;
constexpr std::uint64_t kMaxStringBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxArrayElements = std::uint64_t{1} << 30;
/// What metadata and tensor list may take in memory: 25 times that of the largest vocabularies.
constexpr std::uint64_t kMaxHeaderMemory = std::uint64_t{1} << 30;
constexpr std::uint64_t kMaxEntries = (std::uint64_t{1} << 31) - 1;
constexpr std::size_t kMinPairBytes = 14;  ///< key length, 1 byte of key, type, 1 byte of value
constexpr std::size_t kMinInfoBytes = 33;  ///< length, 1 byte, n_dims, one dimension, type, offset
constexpr std::string_view kAlignmentKey = "general.alignment";
constexpr std::string_view kSplitNo = "split.no";
constexpr std::string_view kSplitCount = "split.count";
constexpr std::string_view kSplitTensors = "split.tensors.count";
/// Our own key: blanks that make a header as long as it should be. It says nothing.
constexpr std::string_view kRoomKey = "quern.room";

/// Bytes of a value of this type; 0 for strings and arrays.
std::size_t fixed_size(ValueType type) noexcept;

}  // namespace gguf
