#include "report/format_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

namespace report {
namespace {

using quant::Family;

struct FamilyLook {
  std::string_view name, colour;
};
FamilyLook look_of(Family family) {
  constexpr std::array<FamilyLook, 10> kLooks{{{"plain", "#888888"},
                                               {"legacy", "#b8860b"},
                                               {"kquant", "#1f77b4"},
                                               {"nonlinear", "#9467bd"},
                                               {"codebook", "#d62728"},
                                               {"iqk", "#2ca02c"},
                                               {"trellis", "#e377c2"},
                                               {"ternary", "#17becf"},
                                               {"interleave", "#aaaaaa"},
                                               {"activation", "#aaaaaa"}}};
  return kLooks[static_cast<std::size_t>(family)];
}

std::string_view readers_of(quant::Readers readers) {
  constexpr std::array<std::string_view, 4> kNames{"both", "ik_llama.cpp", "llama.cpp", "neither"};
  return kNames[static_cast<std::size_t>(readers)];
}

// The plot, in its own units.
constexpr double kWidth = 1100, kHeight = 900, kLeft = 70, kRight = 20, kTop = 20, kBottom = 50;
constexpr double kMostBits = 9, kLeastBits = 1;
constexpr double kLargest = 0.8, kSmallest = 0.002;

double x_of(double bits) {
  return kLeft + (bits - kLeastBits) / (kMostBits - kLeastBits) * (kWidth - kLeft - kRight);
}
double y_of(double error) {
  const double down = std::log(kLargest / error) / std::log(kLargest / kSmallest);
  return kTop + down * (kHeight - kTop - kBottom);
}

std::string grid() {
  std::string out;
  for (int bits = static_cast<int>(kLeastBits); bits <= kMostBits; ++bits) {
    const double x = x_of(bits);
    out += fmt::format(
        "<path class='g' d='M{0:.1f} {1}V{2}'/><text x='{0:.1f}' y='{3}' "
        "text-anchor='middle'>{4}</text>\n",
        x, kTop, kHeight - kBottom, kHeight - kBottom + 18, bits);
  }
  for (const double error : {0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005}) {
    const double y = y_of(error);
    out += fmt::format(
        "<path class='g' d='M{0} {1:.1f}H{2}'/><text x='{3}' y='{4:.1f}' "
        "text-anchor='end'>{5}</text>\n",
        kLeft, y, kWidth - kRight, kLeft - 8, y + 4, error);
  }
  return out;
}

/// The least error of R bits a weight on a Gaussian source is 2^-R.
std::string bound() {
  std::string path;
  for (int i = 0; i <= 80; ++i) {
    const double bits = kLeastBits + (kMostBits - kLeastBits) * i / 80;
    const double error = std::exp2(-bits);
    if (error < kSmallest) break;
    path += fmt::format("{}{:.1f} {:.1f}", i == 0 ? 'M' : 'L', x_of(bits), y_of(error));
  }
  return fmt::format("<path class='b' d='{}'/>\n", path);
}

/// A name takes the first free place around its point, the nearest ones first.
class Names {
 public:
  struct Place {
    double x, y;  ///< where the text begins or ends, on its base line
    std::string_view anchor;
    bool away = false;  ///< so far from the point that a line leads there
  };
  Place place(double x, double y, std::size_t letters) {
    const double width = 5.6 * static_cast<double>(letters);
    const std::vector<Place> places = places_around(x, y);
    for (const Place& p : places) {
      const double left = p.anchor == "start" ? p.x : p.x - width;
      const Box box{left - 1, p.y - 8, left + width + 1, p.y + 2};
      if (std::any_of(taken_.begin(), taken_.end(), [&](const Box& t) { return t.meets(box); })) {
        continue;
      }
      taken_.push_back(box);
      return p;
    }
    return places.front();
  }
  void keep_free(double x, double y) { taken_.push_back({x - 4, y - 4, x + 4, y + 4}); }

 private:
  struct Box {
    double left, top, right, bottom;
    bool meets(const Box& o) const noexcept {
      return left < o.right && o.left < right && top < o.bottom && o.top < bottom;
    }
  };

  static std::vector<Place> places_around(double x, double y) {
    std::vector<Place> out{{x + 7, y + 3.5, "start"}, {x - 7, y + 3.5, "end"}};
    constexpr int kAngles = 16;
    for (double far = 18; far <= 90; far += 12) {
      for (int k = 0; k < kAngles; ++k) {
        // To the right and up first, where the plot is empty; then to the left and down.
        const double angle = std::numbers::pi * ((k % 2 == 0 ? 0.45 : 1.45) - k / 2 / 8.0);
        const double dx = far * std::cos(angle), dy = -far * std::sin(angle);
        out.push_back({x + dx, y + dy + 3.5, dx >= 0 ? "start" : "end", true});
      }
    }
    return out;
  }

  std::vector<Box> taken_;
};

/// Where a line from the point to a name away from it ends.
std::string leader(double x, double y, const Names::Place& at) {
  if (!at.away) return "";
  const double end = at.anchor == "start" ? at.x - 2 : at.x + 2;
  return fmt::format("<path class='l' d='M{:.1f} {:.1f}L{:.1f} {:.1f}'/>", x, y, end, at.y - 3.5);
}

std::string point(const FormatRow& row, Names& names) {
  const double x = x_of(row.codec->bpw()), y = y_of(row.weighted_error);
  const std::string_view colour = look_of(row.codec->family).colour;
  const Names::Place at = names.place(x, y, row.codec->name.size());
  return leader(x, y, at) +
         fmt::format(
             "<circle cx='{0:.1f}' cy='{1:.1f}' r='4' fill='{2}'><title>{3}: {4:.4g} bits per "
             "weight, error {5:.4g}</title></circle><text class='n' x='{6:.1f}' y='{7:.1f}' "
             "text-anchor='{8}'>{3}</text>\n",
             x, y, colour, row.codec->name, row.codec->bpw(), row.weighted_error, at.x, at.y,
             at.anchor);
}

bool is_shown(const FormatRow& row) {
  const double bits = row.codec->bpw();
  return row.weighted_error >= kSmallest && bits >= kLeastBits && bits <= kMostBits;
}

/// The families that the plot has points of.
std::string legend(std::span<const FormatRow> rows) {
  std::string out;
  double y = kTop + 20;
  for (const Family family :
       {Family::plain, Family::legacy, Family::kquant, Family::nonlinear, Family::codebook,
        Family::iqk, Family::trellis, Family::ternary, Family::interleave}) {
    const bool there = std::any_of(rows.begin(), rows.end(), [&](const FormatRow& row) {
      return is_shown(row) && row.codec->family == family;
    });
    if (!there) continue;
    const FamilyLook look = look_of(family);
    out += fmt::format(
        "<circle cx='{0}' cy='{1}' r='4' fill='{2}'/><text x='{3}' y='{4}'>{5}"
        "</text>\n",
        kWidth - 190, y, look.colour, kWidth - 178, y + 4, look.name);
    y += 18;
  }
  return out + fmt::format(
                   "<path class='b' d='M{0} {1}h14'/><text x='{2}' y='{3}'>bound, Gaussian "
                   "source</text>\n",
                   kWidth - 197, y, kWidth - 178, y + 4);
}

std::string error_text(double error) { return error < 0 ? "" : fmt::format("{:.4f}", error); }

}  // namespace

std::string format_cells(const quant::Codec& c) {
  return fmt::format("| {} | `{}` | {} | {} | {} | {} | {} | {:.4f} | {} |", c.id, c.name,
                     look_of(c.family).name, c.block_elems, c.block_bytes, c.row_meta_bytes,
                     c.group_rows, c.bpw(), readers_of(c.readers));
}

std::string format_table(std::span<const FormatRow> rows) {
  std::string out =
      "| id | name | family | block | bytes | row meta | rows | bits per weight | read by | error "
      "| "
      "weighted error |\n|---|---|---|---|---|---|---|---|---|---|---|\n";
  for (const FormatRow& row : rows) {
    out += fmt::format("{} {} | {} |\n", format_cells(*row.codec), error_text(row.error),
                       error_text(row.weighted_error));
  }
  return out;
}

std::string format_plot(std::span<const FormatRow> rows) {
  std::string out = fmt::format(
      "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {0} {1}' font-family='sans-serif' "
      "font-size='12'>\n<style>text{{fill:#222}}.n{{font-size:10px}}.g{{stroke:#8884;fill:none}}"
      ".l{{stroke:#888;stroke-width:.6;fill:none}}.b{{stroke:#888;stroke-dasharray:6 "
      "4;fill:none}}.bg{{fill:#fff}}@media"
      "(prefers-color-scheme:dark){{text{{fill:#ddd}}.bg{{fill:#161616}}}}</style>\n"
      "<rect class='bg' width='{0}' height='{1}'/>\n",
      kWidth, kHeight);
  out += grid() + bound();
  Names names;
  for (const FormatRow& row : rows) {
    if (is_shown(row)) names.keep_free(x_of(row.codec->bpw()), y_of(row.weighted_error));
  }
  for (const FormatRow& row : rows) {
    if (is_shown(row)) out += point(row, names);
  }
  out += legend(rows);
  out += fmt::format(
      "<text x='{0}' y='{1}' text-anchor='middle'>bits per weight</text>\n<text "
      "transform='translate"
      "(18 {2}) rotate(-90)' text-anchor='middle'>weighted error (relative root mean square)</text>"
      "\n</svg>\n",
      (kLeft + kWidth - kRight) / 2, kHeight - 12, kHeight / 2);
  return out;
}

}  // namespace report
