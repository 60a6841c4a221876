#include "base/digest.h"

#include <gtest/gtest.h>

namespace {

using base::DigestKind;

std::string hash_of(DigestKind kind, std::string_view text, std::size_t piece = 1000) {
  base::Digest digest(kind);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    digest.update(std::as_bytes(std::span(text.substr(at, piece))));
  }
  return base::hex(digest.finish());
}

// Published test vectors.
TEST(Digest, KnownValues) {
  EXPECT_EQ(hash_of(DigestKind::xxh64, ""), "ef46db3751d8e999");
  EXPECT_EQ(hash_of(DigestKind::xxh64, "abc"), "44bc2cf5ad770999");
  EXPECT_EQ(hash_of(DigestKind::sha1, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hash_of(DigestKind::sha256, "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, PiecesDoNotMatter) {
  const std::string text(777, 'x');
  for (const DigestKind kind : {DigestKind::xxh64, DigestKind::sha1, DigestKind::sha256}) {
    EXPECT_EQ(hash_of(kind, text, 13), hash_of(kind, text)) << base::digest_name(kind);
  }
}

}  // namespace
