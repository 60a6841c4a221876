// Encodes one row of a trellis format: all entries, the scale of every 32 weights and the row scale
// are chosen together. Source: docs/spec/types/iqk.md, section 15, "A better and faster search".
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "quant/codebook/block_input.h"
#include "quant/codebook/scale_lines.h"
#include "quant/fit/stretch.h"
#include "quant/trellis/codebook_index.h"
#include "quant/trellis/row_input.h"

namespace quant {

inline constexpr int kSubBlock = 32;

/// A coded run of 32 weights. Variant: which codebook and which sign of the scale; the scale is
/// row scale * kLevels[variant][level]. `used` is false where nothing gains over zeros.
template <int Groups>
struct SubCode {
  bool used = false;
  int variant = 0;
  int level = 0;
  float q = 0, p = 0;  ///< at scale s the codes are worth 2 s q - s^2 p
  std::array<std::uint32_t, Groups> index{};
};

/// How wide the searches of a format are: the probes that find the scales, and the last search,
/// which must not be the narrower one (it could not find again what the probes promise). Runs of
/// more than `every_set` times the mean energy search all sets of probes; of three sets, the others
/// search the middle one and that on the side where the gain rises.
struct TrellisWidths {
  SearchWidth probe, last;
  float every_set = 0;
};

/// `Format`: kDim, kSigns (1 or 2 orientations), kBooks, kMagnitudes (signs are stored apart),
/// kUniform (levels are 1, 2, 3, ...), kZeroLevel (a scale of 0 exists), kLevels[variant]
/// (ascending, > 0, the same for all books), kProbes (sets of scales in units of peak / 84, each
/// ascending; a set shares its cells; one set, or three: the middle one, that below and that
/// above), kBest and kFast (TrellisWidths), kRivals (signs whose gain reaches this part of the best
/// one's are searched, too), books(). A variant is sign * kBooks + book.
template <class Format>
class RowFit {
 public:
  static constexpr int kGroups = kSubBlock / Format::kDim;
  static constexpr int kVariants = Format::kSigns * Format::kBooks;
  static constexpr int kTop = static_cast<int>(Format::kLevels[0].size());
  using Code = SubCode<kGroups>;

  /// Row scale in the units of the original row, and one code per 32 weights.
  struct Result {
    float d = 0;
    std::vector<Code> codes;
  };

  explicit RowFit(const RowInput& in, Effort effort)
      : in_(in), widths_(effort == Effort::best ? Format::kBest : Format::kFast) {
    const std::size_t blocks = in.x.size() / kSuperBlock;
    for (auto& lines : lines_) lines.resize(blocks);
    for (auto& free : free_) free.resize(blocks);
  }

  Result run() {
    const std::size_t runs = in_.x.size() / kSubBlock;
    for (std::size_t sub = 0; sub < runs; ++sub) mean_energy_ += energy_of(sub);
    mean_energy_ /= static_cast<float>(runs);
    for (std::size_t sub = 0; sub < runs; ++sub) probe(sub);
    Result best;
    best.codes.resize(runs);
    refine(scan_row_scale(), best);
    best.d *= in_.unit;
    return best;
  }

 private:
  using Index = std::remove_cvref_t<decltype(Format::books())>;
  using Target = TrellisTarget<Format::kDim>;
  using Cells = typename Index::Cells;
  static constexpr std::size_t kProbeSets = Format::kProbes.size();
  static constexpr std::size_t kProbes = Format::kProbes[0].size();
  static_assert(kProbeSets == 1 || kProbeSets == 3);

  Target target(std::size_t first, int sign) const noexcept {
    std::array<float, Format::kDim> w, wx;
    for (std::size_t k = 0; k < Format::kDim; ++k) {
      const float x = in_.x[first + k];
      const float value = Format::kMagnitudes ? std::fabs(x) : sign == 0 ? x : -x;
      w[k] = in_.w[first + k];
      wx[k] = in_.w[first + k] * value;
    }
    return {w, wx};
  }

  /// Columns of large importance decide the error of the row: their groups are searched wider.
  static SearchWidth scaled(SearchWidth width, const Target& t) noexcept {
    float weight = 0;
    for (const float w : t.w) weight += w;
    const float cells = static_cast<float>(width.cells) * std::max(weight / Format::kDim, 0.5F);
    width.cells = static_cast<std::size_t>(std::min(cells, 4096.0F));
    return width;
  }

  /// The best codes of one run of 32 at each of `S` scales.
  template <std::size_t S>
  struct Found {
    std::array<float, S> q{}, p{};
    std::array<std::array<std::uint32_t, kGroups>, S> place{};
    void take(std::size_t g, const std::array<TrellisEntry, S>& found) noexcept {
      for (std::size_t i = 0; i < S; ++i) {
        q[i] += found[i].q;
        p[i] += found[i].p;
        place[i][g] = found[i].place;
      }
    }
    float gain(std::size_t i, float scale) const noexcept {
      return scale * (2 * q[i] - scale * p[i]);
    }
  };
  template <std::size_t S>
  void keep_lines(std::size_t sub, int variant, const Found<S>& found, int slot) noexcept {
    for (std::size_t i = 0; i < S; ++i) {
      lines_[static_cast<std::size_t>(variant)][sub / kLanes].set(
          slot + static_cast<int>(i), static_cast<int>(sub % kLanes), found.q[i], found.p[i]);
    }
  }

  /// Searches one run of 32 at a few scales relative to its peak; leaves lines.
  void probe(std::size_t sub) {
    float peak = 1e-7F;
    for (std::size_t i = sub * kSubBlock; i < (sub + 1) * kSubBlock; ++i) {
      peak = std::max(peak, std::fabs(in_.x[i]));
    }
    const float unit = peak / 84, energy = energy_of(sub);
    for (int sign = 0; sign < Format::kSigns; ++sign) {
      targets_.clear();
      for (std::size_t g = 0; g < kGroups; ++g) {
        targets_.push_back(target(sub * kSubBlock + g * Format::kDim, sign));
      }
      const bool rises = probe_set(sub, sign, unit, 0, 0);
      if constexpr (kProbeSets == 3) {
        if (energy > widths_.every_set * mean_energy_) {
          probe_set(sub, sign, unit, 1, kProbes);
          probe_set(sub, sign, unit, 2, 2 * kProbes);
        } else {
          probe_set(sub, sign, unit, rises ? 2 : 1, kProbes);
        }
      }
    }
  }

  /// What rounding this run to zeros would cost.
  float energy_of(std::size_t sub) const noexcept {
    float total = 0;
    for (std::size_t i = sub * kSubBlock; i < (sub + 1) * kSubBlock; ++i) {
      total += in_.w[i] * in_.x[i] * in_.x[i];
    }
    return total;
  }

  /// Lines of one set into the slots from `slot` on. True where the gain at the last scale of the
  /// set is above that at the first.
  bool probe_set(std::size_t sub, int sign, float unit, std::size_t set, std::size_t slot) {
    std::array<float, kProbes> scales;
    float middle = 0;
    for (std::size_t i = 0; i < kProbes; ++i) {
      scales[i] = unit * Format::kProbes[set][i];
      middle += scales[i] / kProbes;
    }
    std::array<Found<kProbes>, Format::kBooks> found;
    for (std::size_t g = 0; g < kGroups; ++g) {
      const Target& t = targets_[g];
      Format::books().choose(t, middle, scaled(widths_.probe, t), cells_);
      const auto entries = Format::books().search(t, cells_, scales);
      for (std::size_t b = 0; b < Format::kBooks; ++b) found[b].take(g, entries[b]);
    }
    float first = 0, last = 0;
    for (int b = 0; b < Format::kBooks; ++b) {
      const Found<kProbes>& of_book = found[static_cast<std::size_t>(b)];
      keep_lines(sub, sign * Format::kBooks + b, of_book, static_cast<int>(slot));
      first = std::max(first, of_book.gain(0, scales[0]));
      last = std::max(last, of_book.gain(kProbes - 1, scales[kProbes - 1]));
    }
    return last > first;
  }

  LevelChoice choose(std::size_t block, int variant, float d) const noexcept {
    const ScaleLines& lines = lines_[variant][block];
    const auto& levels = Format::kLevels[static_cast<std::size_t>(variant)];
    LevelChoice best{.level = splat(0), .gain = splat(-1e30F)};
    const auto weigh = [&](I8 level, F8 factor) {
      const F8 gain = lines.gain_at(factor * d);
      const I8 better = gain > best.gain;
      best.gain = better ? gain : best.gain;
      best.level = better ? level : best.level;
    };
    if constexpr (Format::kUniform) {
      const float top = static_cast<float>(levels.size());
      const F8 ratio = min(max(free_[variant][block] / d, splat(1.0F)), splat(top));
      const I8 nearest = __builtin_convertvector(ratio + 0.5F, I8);
      for (const int step : {0, -1, 1}) {
        I8 level = nearest + step;
        level = level < 1 ? splat(1) : level;
        level = level > kTop ? splat(kTop) : level;
        weigh(level - 1, __builtin_convertvector(level, F8));
      }
    } else {
      for (std::size_t l = 0; l < levels.size(); ++l) {
        weigh(splat(static_cast<std::int32_t>(l)), splat(levels[l]));
      }
    }
    return best;
  }

  float total_gain(float d) const noexcept {
    float total = 0;
    for (std::size_t block = 0; block < lines_[0].size(); ++block) {
      F8 best = splat(0.0F);
      for (int variant = 0; variant < kVariants; ++variant) {
        best = max(best, choose(block, variant, d).gain);
      }
      total += sum(best);
    }
    return total;
  }

  /// Best row scale on the lines: a coarse ladder around the scale that lets the run of the largest
  /// scale use it with the top level, then a fine one.
  float scan_row_scale() noexcept {
    float full = 1e-20F;
    for (int variant = 0; variant < kVariants; ++variant) {
      const float top = Format::kLevels[static_cast<std::size_t>(variant)].back();
      for (std::size_t block = 0; block < lines_[variant].size(); ++block) {
        free_[variant][block] = lines_[variant][block].best_scale();
        full = std::max(full, -lowest(-free_[variant][block]) / top);
      }
    }
    float best = full, best_gain = -1e30F;
    const auto weigh = [&](float d) {
      const float gain = total_gain(d);
      if (gain > best_gain) best_gain = gain, best = d;
    };
    for (int i = 0; i < 30; ++i) weigh(full * (0.50F + 0.03F * static_cast<float>(i)));
    const float centre = best;
    for (int i = -3; i <= 3; ++i) weigh(centre * (1.0F + 0.008F * static_cast<float>(i)));
    return best;
  }

  /// Searches at the quantized scales of row scale `d`, then the least-squares d of the codes
  /// found, stretched.
  void refine(float d, Result& out) {
    double linear = 0, square = 0;
    for (std::size_t block = 0; block < lines_[0].size(); ++block) {
      LevelChoice choice[kVariants];
      for (int v = 0; v < kVariants; ++v) choice[v] = choose(block, v, d);
      for (int lane = 0; lane < kLanes; ++lane) {
        Code& code = out.codes[block * kLanes + static_cast<std::size_t>(lane)];
        search_levels(block * kLanes + static_cast<std::size_t>(lane), d, choice, code);
        const float level = level_of(code);
        linear += static_cast<double>(level * code.q);
        square += static_cast<double>(level * level * code.p);
      }
    }
    if (!(linear > 0 && square > 0)) return;
    double energy = 0;
    for (std::size_t i = 0; i < in_.x.size(); ++i) {
      energy += static_cast<double>(in_.w[i] * in_.x[i] * in_.x[i]);
    }
    const float stretch = fit::stretch(energy, linear * linear / square, in_.weighted);
    out.d = static_cast<float>(linear / square) * stretch;
  }

  static float level_of(const Code& code) noexcept {
    return code.used ? Format::kLevels[static_cast<std::size_t>(code.variant)]
                                      [static_cast<std::size_t>(code.level)]
                     : 0.0F;
  }

  /// Codes of one run at its likely level and the two beside it, of the likely sign (and the other
  /// that looks nearly as good); the best stays.
  void search_levels(std::size_t sub, float d, const LevelChoice* choice, Code& code) {
    const auto lane = static_cast<int>(sub % kLanes);
    float most = -1e30F;
    for (int v = 0; v < kVariants; ++v) most = std::max(most, choice[v].gain[lane]);
    float best = Format::kZeroLevel ? 0.0F : -1e30F;
    for (int sign = 0; sign < Format::kSigns; ++sign) {
      int likely = sign * Format::kBooks;
      for (int v = likely + 1; v < (sign + 1) * Format::kBooks; ++v) {
        if (choice[v].gain[lane] > choice[likely].gain[lane]) likely = v;
      }
      if (choice[likely].gain[lane] < most * (most > 0 ? Format::kRivals : 1.0F)) continue;
      search_three(sub, d, {.sign = sign, .level = choice[likely].level[lane]}, code, best);
    }
  }

  struct Middle {
    int sign, level;
  };
  void search_three(std::size_t sub, float d, Middle middle, Code& code, float& best) {
    const int first_variant = middle.sign * Format::kBooks;
    const auto& levels = Format::kLevels[static_cast<std::size_t>(first_variant)];
    std::array<int, 3> level;
    std::array<float, 3> scales;
    for (int i = 0; i < 3; ++i) {
      const int wanted = middle.level + i - 1;
      level[static_cast<std::size_t>(i)] = std::clamp(wanted, 0, kTop - 1);
      scales[static_cast<std::size_t>(i)] =
          d * levels[static_cast<std::size_t>(level[static_cast<std::size_t>(i)])];
    }
    std::array<Found<3>, Format::kBooks> found;
    for (std::size_t g = 0; g < kGroups; ++g) {
      const Target t = target(sub * kSubBlock + g * Format::kDim, middle.sign);
      Format::books().choose(t, scales[1], scaled(widths_.last, t), cells_);
      const auto entries = Format::books().search(t, cells_, scales);
      for (std::size_t b = 0; b < Format::kBooks; ++b) found[b].take(g, entries[b]);
    }
    for (int b = 0; b < Format::kBooks; ++b) {
      const Found<3>& of_book = found[static_cast<std::size_t>(b)];
      for (std::size_t i = 0; i < 3; ++i) {
        const float gain = of_book.gain(i, scales[i]);
        if (!(gain > best)) continue;
        best = gain;
        code = {.used = true,
                .variant = first_variant + b,
                .level = level[i],
                .q = of_book.q[i],
                .p = of_book.p[i]};
        for (std::size_t g = 0; g < kGroups; ++g) {
          code.index[g] = Format::books().index_of(of_book.place[i][g]);
        }
      }
    }
  }

  const RowInput& in_;
  float mean_energy_ = 0;
  TrellisWidths widths_;
  Cells cells_{Format::books()};
  std::vector<Target> targets_;
  std::array<std::vector<ScaleLines>, kVariants> lines_;
  std::array<std::vector<F8>, kVariants> free_;
};

}  // namespace quant
