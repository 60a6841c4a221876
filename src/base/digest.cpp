#include "base/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <xxhash.h>

#include "base/error.h"

namespace base {

struct Digest::State {
  std::unique_ptr<XXH64_state_t, decltype(&XXH64_freeState)> xxh{nullptr, XXH64_freeState};
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> evp{nullptr, EVP_MD_CTX_free};
};

namespace {
void check(bool ok, std::string_view what) {
  if (!ok) throw Error(Fault::unsupported, fmt::format("the hash library refuses {}", what));
}
}  // namespace

std::string_view digest_name(DigestKind kind) noexcept {
  constexpr std::string_view kNames[] = {"xxh64", "sha1", "sha256"};
  return kNames[static_cast<std::size_t>(kind)];
}

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>()) {
  if (kind == DigestKind::xxh64) {
    state_->xxh.reset(XXH64_createState());
    check(state_->xxh != nullptr && XXH64_reset(state_->xxh.get(), 0) == XXH_OK, "xxh64");
    return;
  }
  state_->evp.reset(EVP_MD_CTX_new());
  const EVP_MD* md = kind == DigestKind::sha1 ? EVP_sha1() : EVP_sha256();
  check(state_->evp != nullptr && EVP_DigestInit_ex(state_->evp.get(), md, nullptr) == 1,
        digest_name(kind));
}

Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::update(std::span<const std::byte> bytes) {
  const bool ok = state_->xxh != nullptr
                      ? XXH64_update(state_->xxh.get(), bytes.data(), bytes.size()) == XXH_OK
                      : EVP_DigestUpdate(state_->evp.get(), bytes.data(), bytes.size()) == 1;
  check(ok, "more data");
}

std::vector<std::byte> Digest::finish() {
  if (state_->xxh != nullptr) {
    XXH64_canonical_t canonical;
    XXH64_canonicalFromHash(&canonical, XXH64_digest(state_->xxh.get()));
    const auto raw = std::as_bytes(std::span(canonical.digest));
    return {raw.begin(), raw.end()};
  }
  std::vector<std::byte> out(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  check(EVP_DigestFinal_ex(state_->evp.get(), reinterpret_cast<unsigned char*>(out.data()),
                           &size) == 1,
        "to finish");
  out.resize(size);
  return out;
}

std::string hex(std::span<const std::byte> bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const std::byte b : bytes) {
    fmt::format_to(std::back_inserter(out), "{:02x}", std::to_integer<unsigned>(b));
  }
  return out;
}

}  // namespace base
