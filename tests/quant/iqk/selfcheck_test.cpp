// Decoders against docs/spec/tables/iqk_selfcheck.txt: pseudo-random rows with checksums, so that
// every bit of a block counts, also those that no encoder would write.
#include <cstring>
#include <fstream>
#include <sstream>

#include "quant/codec.h"
#include "support/support.h"

namespace {

struct Line {
  std::string type;
  std::size_t row_bytes = 0;
  std::uint32_t crc_in = 0, crc_out = 0;
};

std::vector<Line> lines() {
  std::istringstream text(test::read_text(test::source_path("docs/spec/tables/iqk_selfcheck.txt")));
  std::vector<Line> out;
  for (std::string line; std::getline(text, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    Line l;
    fields >> l.type >> l.row_bytes >> std::hex >> l.crc_in >> l.crc_out;
    if (quant::find_codec(std::string_view(l.type)) != nullptr) out.push_back(l);
  }
  return out;
}

std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xffffffffu;
  for (const std::byte b : bytes) {
    crc ^= std::to_integer<std::uint32_t>(b);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1u) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

constexpr std::size_t kCols = 1024;

/// The row of the file's header comment.
std::vector<std::byte> row_of(const quant::Codec& codec) {
  std::vector<std::byte> row(codec.row_bytes(kCols));
  for (std::size_t p = 0; p < row.size(); ++p) {
    row[p] = static_cast<std::byte>(((73 * p + 41) % 256) ^ ((29 * (p >> 8)) % 256));
  }
  const auto put = [&](std::size_t at, std::initializer_list<int> bytes) {
    for (const int b : bytes) row[at++] = static_cast<std::byte>(b);
  };
  if (codec.row_meta_bytes >= 4) {
    put(0, {0x7b, 0x14, 0xae, 0xba});
  } else if (codec.row_meta_bytes == 2) {
    put(0, {0x5a, 0x93});
  } else {
    for (std::size_t at = 0; at < row.size(); at += codec.block_bytes) put(at, {0x5a, 0x93});
  }
  return row;
}

class SelfCheck : public testing::TestWithParam<Line> {};

TEST_P(SelfCheck, DecodesThePseudoRandomRow) {
  const quant::Codec& codec = *quant::find_codec(std::string_view(GetParam().type));
  const auto row = row_of(codec);
  ASSERT_EQ(row.size(), GetParam().row_bytes);
  ASSERT_EQ(crc32(row), GetParam().crc_in);
  std::vector<float> y(kCols);
  codec.decode(row, kCols, y);
  EXPECT_EQ(crc32(std::as_bytes(std::span(y))), GetParam().crc_out) << y[0] << ' ' << y[1];
}

INSTANTIATE_TEST_SUITE_P(Types, SelfCheck, testing::ValuesIn(lines()),
                         [](const auto& tested) { return tested.param.type; });

}  // namespace
