// Hashes of long runs of bytes, fed piece by piece. xxHash and OpenSSL's libcrypto stand behind
// this file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace base {

enum class DigestKind : std::uint8_t { xxh64, sha1, sha256 };
std::string_view digest_name(DigestKind kind) noexcept;  ///< "xxh64", "sha1", "sha256"

/// One running hash. Move-only.
class Digest {
 public:
  /// xxh64 has seed 0. Throws Fault::unsupported if the library refuses the kind.
  explicit Digest(DigestKind kind);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  void update(std::span<const std::byte> bytes);
  /// The value in its printed byte order (xxh64: big-endian); ends the hash.
  std::vector<std::byte> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Lower-case hex.
std::string hex(std::span<const std::byte> bytes);

}  // namespace base
