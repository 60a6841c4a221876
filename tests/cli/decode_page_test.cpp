// docs/formats/decode.py, which decodes as the pages of formats draw it, gives the bits of the
// codecs.
#include <cstring>
#include <fstream>
#include <random>

#include "support/matrices.h"
#include "support/support.h"

namespace {

constexpr std::size_t kRows = 4, kCols = 512;

/// Plain formats whose weights need decoding.
std::vector<const quant::Codec*> drawn_formats() {
  std::vector<const quant::Codec*> out;
  for (const quant::Codec* c : quant::all_codecs()) {
    if (c->encode != nullptr && c->group_rows == 1 && !c->is_float()) out.push_back(c);
  }
  return out;
}

TEST(FormatsPage, DecodesToTheBit) {
  const test::TempDir dir;
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 0.05F);
  std::vector<float> x(kRows * kCols);
  for (float& v : x) v = normal(random);
  std::vector<std::vector<std::byte>> encoded;
  std::string names;
  for (const quant::Codec* c : drawn_formats()) {
    encoded.push_back(test::encode(
        *c,
        {.x = x, .rows = kRows, .cols = kCols, .importance = {}, .effort = quant::Effort::fast}));
    std::ofstream(dir / (std::string(c->name) + ".bin"), std::ios::binary)
        .write(reinterpret_cast<const char*>(encoded.back().data()),
               static_cast<std::streamsize>(encoded.back().size()));
    names += std::string(c->name) + " ";
  }
  const std::string script = R"(
import sys
try:
    import numpy
except ImportError:
    sys.exit(77)
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import decode
drawn = [f.__name__ for f in decode.FORMATS]
for name in [n for n in sys.argv[3].split() if n in drawn]:
    path = sys.argv[2] + "/" + name
    decode.decode(name, 512, open(path + ".bin", "rb").read()).tofile(path + ".f32")
)";
  const auto r = test::run_program(
      "/usr/bin/env",
      {"python3", "-c", script, test::source_path("docs/formats"), dir.path().string(), names});
  if (r.exit_code == 77 || r.exit_code == 127) GTEST_SKIP() << "needs python3 with numpy";
  ASSERT_EQ(r.exit_code, 0) << r.err;
  std::size_t drawn = 0;
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    const quant::Codec& c = *drawn_formats()[i];
    const std::filesystem::path file = dir / (std::string(c.name) + ".f32");
    if (!std::filesystem::exists(file)) continue;
    ++drawn;
    const std::vector<float> page = test::read_floats(file);
    const std::vector<float> ours = test::decode(c, encoded[i], kRows, kCols);
    ASSERT_EQ(page.size(), ours.size()) << c.name;
    EXPECT_EQ(std::memcmp(page.data(), ours.data(), ours.size() * sizeof(float)), 0) << c.name;
  }
  EXPECT_GE(drawn, 44U);
}

}  // namespace
