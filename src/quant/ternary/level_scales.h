// Good scales of a few integer levels, -1, 0, 1 (ternary) or -1, 0, 1, 2, for sixteen blocks side
// by side: two guesses, the better one moved to the least-squares scale of its codes. Weights that
// are not ternary lose 0.02 to 0.3 % more than at the optimum over all codes, which takes six to
// thirteen times as long to find.
#pragma once

#include <array>

#include "quant/fit/tile.h"
#include "quant/ternary/level_sweep.h"

namespace quant {

/// `Top`: largest level. Scales in the units of a tile.
template <std::size_t N, TopLevel Top>
class LevelScales {
 public:
  explicit LevelScales(const fit::Tile<N>& tile) noexcept : tile_(tile) {}

  /// One scale for each block, of either sign where the levels are lopsided; 0 where all weights
  /// are.
  fit::Lanes run() const noexcept {
    const std::array<L, 2> typical = typical_magnitudes();
    const L start = either_sign(fit::all(kGuesses[0]) * typical[0]);
    const L sign = sign_of(start);
    const Sums first = at(start), other = at(sign * fit::all(kGuesses[1]) * typical[1]);
    return sign * fit::select(other.gain() > first.gain(), other.scale(), first.scale());
  }

 private:
  using L = fit::Lanes;
  static constexpr bool kLopsided = Top == TopLevel::two;
  /// In units of the two typical magnitudes.
  static constexpr std::array<float, 2> kGuesses =
      kLopsided ? std::array{0.75F, 0.7F} : std::array{0.98F, 1.0F};

  /// sum w x q and sum w q^2 of codes q.
  struct Sums {
    L linear = fit::all(0), square = fit::all(0);

    void add(fit::Mask taken, L linear_part, L square_part) noexcept {
      linear = linear + kept(taken, linear_part);
      square = square + kept(taken, square_part);
    }
    /// With the codes of `second`, too, which go from 1 to 2.
    Sums with(const Sums& second) const noexcept {
      return {linear + second.linear, fit::fma(fit::all(3), second.square, square)};
    }
    L scale() const noexcept { return linear / fit::max(square, fit::all(1e-30F)); }
    L gain() const noexcept { return linear * scale(); }
  };

  static fit::Half kept(fit::HalfMask mask, fit::Half v) noexcept {
    return reinterpret_cast<fit::Half>(mask & reinterpret_cast<fit::HalfMask>(v));
  }
  static L kept(fit::Mask mask, L v) noexcept { return {kept(mask.lo, v.lo), kept(mask.hi, v.hi)}; }
  static L sign_of(L v) noexcept { return fit::select(v < fit::all(0), fit::all(-1), fit::all(1)); }

  /// sum w x^2 / sum w |x| and sum w |x|^3 / sum w x^2: the magnitude of ternary weights; of
  /// others, they grow with the tails.
  std::array<L, 2> typical_magnitudes() const noexcept {
    L first = fit::all(0), second = first, third = first;
    for (std::size_t i = 0; i < N; ++i) {
      const L x = fit::abs(tile_.x[i]), product = tile_.w[i] * x, next = product * x;
      first = first + product;
      second = second + next;
      third = fit::fma(next, x, third);
    }
    const L least = fit::all(1e-30F);
    return {second / fit::max(first, least), third / fit::max(second, least)};
  }

  /// The least-squares scale of the codes at scale d > 0 or -d, whichever gains more.
  L either_sign(L d) const noexcept {
    if constexpr (!kLopsided) return d;
    // One half after the other, as the sums of both do not fit into registers.
    const HalfSums lo = signed_sums(d.lo, [](const L& v) { return v.lo; });
    const HalfSums hi = signed_sums(d.hi, [](const L& v) { return v.hi; });
    const auto both = [&](std::size_t i) {
      return Sums{{lo.linear[i], hi.linear[i]}, {lo.square[i], hi.square[i]}};
    };
    const Sums first = both(0), positive = both(1), negative = both(2);
    const Sums up = first.with(positive), down = first.with(negative);
    return fit::select(down.gain() > up.gain(), -down.scale(), up.scale());
  }

  /// Of the codes that are not 0, of those of positive weights beyond 1, and of negative ones.
  struct HalfSums {
    std::array<fit::Half, 3> linear{}, square{};
  };
  template <class Side>
  HalfSums signed_sums(fit::Half d, Side side) const noexcept {
    const fit::Half half = 0.5F * d, second = 1.5F * d;
    HalfSums out;
    for (std::size_t i = 0; i < N; ++i) {
      const fit::Half x = side(tile_.x[i]), w = side(tile_.w[i]);
      const fit::Half magnitude = fit::detail::max(x, -x), product = w * magnitude;
      const fit::HalfMask taken[] = {magnitude > half, x > second, -x > second};
      for (std::size_t k = 0; k < 3; ++k) {
        out.linear[k] += kept(taken[k], product);
        out.square[k] += kept(taken[k], w);
      }
    }
    return out;
  }

  /// The sums of the codes at scale d, as if it were positive.
  Sums at(L d) const noexcept {
    const L half = fit::all(0.5F) * fit::abs(d), second = fit::all(1.5F) * fit::abs(d);
    const L sign = sign_of(d);
    Sums first, beyond;
    for (std::size_t i = 0; i < N; ++i) {
      const L magnitude = fit::abs(tile_.x[i]), product = tile_.w[i] * magnitude;
      first.add(magnitude > half, product, tile_.w[i]);
      if constexpr (kLopsided) beyond.add(sign * tile_.x[i] > second, product, tile_.w[i]);
    }
    return first.with(beyond);
  }

  const fit::Tile<N>& tile_;
};

}  // namespace quant
