// What decides the bytes of a tensor beside its source, and those of a whole set of files, as
// hashes.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cook/plan.h"

namespace cook {

/// 128 bits over some data.
using HashValue = std::array<std::uint64_t, 2>;
/// 32 hexadecimal digits.
std::string hash_text(const HashValue& hash);

/// A running 128-bit hash.
class Hash {
 public:
  Hash() : state_(XXH3_createState(), XXH3_freeState) { XXH3_128bits_reset(state_.get()); }
  void add(std::span<const std::byte> bytes) {
    XXH3_128bits_update(state_.get(), bytes.data(), bytes.size());
  }
  template <class T>
  void add_value(T value) {
    add(std::as_bytes(std::span(&value, 1)));
  }
  /// With its length, so that texts in a row stay apart.
  void add_text(std::string_view text) {
    add_value(static_cast<std::uint64_t>(text.size()));
    add(std::as_bytes(std::span(text)));
  }
  HashValue digest() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
    return {hash.low64, hash.high64};
  }

 private:
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state_;
};

/// Adds both types, the shape, the encoder, the effort, the importance vectors and the rows that
/// they weigh.
void hash_job(Hash& hash, const Job& job, quant::Effort effort);

/// A plan as base::RenameList keeps it: equal texts mean that the same program makes the same files
/// of the same inputs (names, sizes and times of their last change; importance by value).
std::string job_text(const TensorSource& source, const Plan& plan, std::string_view version);

}  // namespace cook
