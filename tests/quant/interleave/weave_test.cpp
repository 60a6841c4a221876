// Interleaving is a bijection on bytes: there and back again, and onto the reference's own bytes.
#include "support/matrices.h"
#include "support/support.h"

namespace {

using quant::Codec;

std::vector<const Codec*> woven_codecs() {
  std::vector<const Codec*> out;
  for (const Codec* codec : quant::all_codecs()) {
    if (codec->weave != nullptr) out.push_back(codec);
  }
  return out;
}

class Interleaved : public testing::TestWithParam<const Codec*> {
 protected:
  const Codec& codec() const { return *GetParam(); }
  const Codec& plain() const { return *GetParam()->plain; }

  std::vector<std::byte> weave(std::span<const std::byte> rows, std::size_t cols) const {
    std::vector<std::byte> group(codec().group_rows * codec().row_bytes(cols));
    codec().weave(rows, cols, group);
    return group;
  }
  std::vector<std::byte> unweave(std::span<const std::byte> group, std::size_t cols) const {
    std::vector<std::byte> rows(codec().group_rows * plain().row_bytes(cols));
    codec().unweave(group, cols, rows);
    return rows;
  }
};

std::vector<std::byte> random_bytes(std::size_t n) {
  std::vector<std::byte> bytes(n);
  std::uint32_t state = 99;
  for (std::byte& b : bytes) {
    state = state * 1664525u + 1013904223u;
    b = static_cast<std::byte>(state >> 24);
  }
  return bytes;
}

TEST_P(Interleaved, UnweavingAndWeavingGivesTheGroupBack) {
  for (const std::size_t cols : {codec().block_elems * 2, std::size_t{1024}}) {
    const auto group = random_bytes(codec().group_rows * codec().row_bytes(cols));
    EXPECT_EQ(weave(unweave(group, cols), cols), group) << cols << " columns";
  }
}

TEST_P(Interleaved, UnweavesTheReferenceToThePlainReference) {
  const auto folder = test::source_path("tests/golden/types/weights");
  const auto woven_file = folder / (std::string(codec().name) + ".importance.bin");
  const auto plain_file = folder / (std::string(plain().name) + ".importance.bin");
  if (!std::filesystem::exists(woven_file)) GTEST_SKIP() << "no reference bytes";
  constexpr std::size_t kCols = 1024;
  const auto woven = test::read_bytes(woven_file);
  std::vector<std::byte> rows;
  const std::size_t stride = codec().group_rows * codec().row_bytes(kCols);
  for (std::size_t at = 0; at < woven.size(); at += stride) {
    const auto group = unweave(std::span(woven).subspan(at, stride), kCols);
    rows.insert(rows.end(), group.begin(), group.end());
  }
  EXPECT_EQ(rows, test::read_bytes(plain_file));
}

INSTANTIATE_TEST_SUITE_P(Codecs, Interleaved, testing::ValuesIn(woven_codecs()),
                         [](const auto& tested) { return test::codec_label(tested.param); });

}  // namespace
