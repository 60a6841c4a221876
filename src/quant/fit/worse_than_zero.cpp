#include "quant/fit/worse_than_zero.h"

#include <cstring>

namespace quant {
namespace {

using Floats [[gnu::vector_size(16)]] = float;
using Doubles [[gnu::vector_size(32)]] = double;
constexpr std::size_t kLanes = 4;

Doubles load(const float* p) noexcept {
  Floats v;
  std::memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, Doubles);
}

double sum(Doubles v) noexcept { return (v[0] + v[1]) + (v[2] + v[3]); }

}  // namespace

bool worse_than_zero(const float* x, const float* y, const float* importance,
                     std::size_t n) noexcept {
  Doubles errors{}, energies{};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Doubles a = load(x + i), off = a - load(y + i);
    const Doubles v = importance == nullptr ? Doubles{1, 1, 1, 1} : load(importance + i);
    errors += v * off * off;
    energies += v * a * a;
  }
  double error = sum(errors), energy = sum(energies);
  for (; i < n; ++i) {
    const double v = importance == nullptr ? 1.0 : static_cast<double>(importance[i]);
    const double a = static_cast<double>(x[i]), off = a - static_cast<double>(y[i]);
    error += v * off * off;
    energy += v * a * a;
  }
  return error > energy;
}

}  // namespace quant
