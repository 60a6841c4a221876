// A tensor of i2_s, made by the formula of docs/spec/types/basic.md.
#pragma once

#include <cstring>
#include <random>

#include "support/matrices.h"
#include "support/support.h"

namespace test {

struct FlatTensor {
  std::vector<std::byte> bytes;
  std::vector<float> values;
};

/// n random weights of -scale, 0, scale; n a multiple of 128.
inline FlatTensor random_i2_s(std::size_t n, float scale, unsigned seed) {
  FlatTensor t{.bytes = std::vector<std::byte>(n / 4 + 32), .values = std::vector<float>(n)};
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < n; ++i) {
    const auto code = static_cast<unsigned>(random() % 3);
    const std::size_t b = i / 128, g = i % 128 / 32, j = i % 32;
    t.bytes[32 * b + j] |= static_cast<std::byte>(code << (6 - 2 * g));
    t.values[i] = scale * static_cast<float>(static_cast<int>(code) - 1);
  }
  std::memcpy(t.bytes.data() + n / 4, &scale, sizeof scale);
  return t;
}

}  // namespace test
