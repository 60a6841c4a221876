#include <regex>

#include "report/format_table.h"
#include "support/support.h"

namespace {

struct Text {
  double left, right, base;
};

/// Formats that lie on one another: every name is readable, and those away from the point are led
/// to it.
TEST(FormatPlot, NamesDoNotOverlap) {
  std::vector<report::FormatRow> rows;
  for (const char* name : {"iq3_k", "iq3_s", "q3_K", "iq3_ks", "iq3_kt", "iq2_kl", "iq4_kss"}) {
    rows.push_back({quant::find_codec(std::string_view(name)), 0.12, 0.12});
  }
  const std::string svg = report::format_plot(rows);
  const std::regex text("class='n' x='([0-9.]+)' y='([0-9.]+)' text-anchor='(start|end)'>([^<]+)<");
  std::vector<Text> names;
  for (std::sregex_iterator i(svg.begin(), svg.end(), text), end; i != end; ++i) {
    const double x = std::stod((*i)[1]), width = 5.6 * static_cast<double>((*i)[4].length());
    const bool start = (*i)[3] == "start";
    names.push_back({start ? x : x - width, start ? x + width : x, std::stod((*i)[2])});
  }
  ASSERT_EQ(names.size(), rows.size());
  for (std::size_t a = 0; a < names.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      const bool beside = names[a].right <= names[b].left || names[b].right <= names[a].left;
      EXPECT_TRUE(beside || std::abs(names[a].base - names[b].base) >= 9.9) << a << " and " << b;
    }
  }
  EXPECT_THAT(svg, testing::HasSubstr("<path class='l' d='M"));
  EXPECT_THAT(svg, testing::HasSubstr(">trellis</text>"));
  EXPECT_THAT(svg, testing::Not(testing::HasSubstr(">legacy</text>")));
}

}  // namespace
