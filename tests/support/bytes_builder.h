// Builds container bytes by hand, right or wrong, independent of the writer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace test {

class Bytes {
 public:
  template <class T>
  Bytes& add(T v) {
    const auto* p = reinterpret_cast<const std::byte*>(&v);
    data_.insert(data_.end(), p, p + sizeof v);
    return *this;
  }
  Bytes& u8(unsigned v) { return add(static_cast<std::uint8_t>(v)); }
  Bytes& u16(unsigned v) { return add(static_cast<std::uint16_t>(v)); }
  Bytes& u32(std::uint32_t v) { return add(v); }
  Bytes& i32(std::int32_t v) { return add(v); }
  Bytes& u64(std::uint64_t v) { return add(v); }
  Bytes& f32(float v) { return add(v); }
  Bytes& raw(std::string_view s) {
    const auto* p = reinterpret_cast<const std::byte*>(s.data());
    data_.insert(data_.end(), p, p + s.size());
    return *this;
  }
  /// STRING: u64 length and bytes.
  Bytes& str(std::string_view s) { return u64(s.size()).raw(s); }
  Bytes& zeros(std::size_t n) {
    data_.resize(data_.size() + n);
    return *this;
  }
  Bytes& pad(std::size_t alignment = 32) {
    return zeros((alignment - data_.size() % alignment) % alignment);
  }
  Bytes& cut(std::size_t size) {
    data_.resize(size);
    return *this;
  }

  // Pieces of a container.
  Bytes& header(std::uint64_t n_tensors, std::uint64_t n_pairs, std::uint32_t version = 3) {
    return raw("GGUF").u32(version).u64(n_tensors).u64(n_pairs);
  }
  Bytes& pair_u32(std::string_view key, std::uint32_t v) { return str(key).u32(4).u32(v); }
  Bytes& pair_str(std::string_view key, std::string_view v) { return str(key).u32(8).str(v); }
  Bytes& info(std::string_view name, const std::vector<std::uint64_t>& ne, std::uint32_t type,
              std::uint64_t offset) {
    str(name).u32(static_cast<std::uint32_t>(ne.size()));
    for (const std::uint64_t n : ne) u64(n);
    return u32(type).u64(offset);
  }

  std::size_t size() const { return data_.size(); }
  const std::vector<std::byte>& data() const { return data_; }

 private:
  std::vector<std::byte> data_;
};

/// What base::Error says when `f` throws it; "no error" if it does not.
template <class F>
std::string error_text(F f) {
  try {
    f();
  } catch (const base::Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace test
