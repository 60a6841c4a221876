#include "gguf/zero_runs.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <vector>

#include "quant/codec.h"

namespace {

using gguf::RowGrid;
using gguf::ZeroKind;
using gguf::ZeroRuns;

/// A tensor of f32, 1024 columns: rows of 4096 bytes.
constexpr std::size_t kRowBytes = 4096, kRows = 64;
const RowGrid kGrid(*quant::find_codec("f32"), {{kRowBytes / 4, kRows, 1, 1}}, 100);

std::vector<std::byte> with_zeros(const std::vector<std::pair<std::size_t, std::size_t>>& holes) {
  std::vector<std::byte> bytes(kRows * kRowBytes, std::byte{1});
  for (const auto& [at, size] : holes) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, std::byte{0});
  }
  return bytes;
}

ZeroRuns runs_of(const std::vector<std::byte>& bytes, std::size_t step) {
  ZeroRuns all;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const std::size_t n = std::min(step, bytes.size() - at);
    all.append(ZeroRuns(std::span(bytes).subspan(at, n), 100 + at, kGrid));
  }
  return all;
}

TEST(ZeroRuns, VerdictsWhateverThePieces) {
  struct Case {
    std::vector<std::pair<std::size_t, std::size_t>> holes;
    ZeroKind kind;
    std::size_t n, bytes, longest_at;
  };
  std::vector<std::pair<std::size_t, std::size_t>> tails;
  for (std::size_t row = 0; row < 20; ++row) tails.emplace_back(2 * row * kRowBytes + 1024, 6144);
  const std::size_t end = kRows * kRowBytes;
  const Case cases[] = {
      {{}, ZeroKind::none, 0, 0, 0},
      {{{1024, 4032}, {end - 4032, 4032}}, ZeroKind::none, 0, 0, 0},  // too short
      {{{0, end}}, ZeroKind::rows, 1, end, 100},
      {{{0, kRowBytes}, {5 * kRowBytes, 2 * kRowBytes}, {end - kRowBytes, kRowBytes}},
       ZeroKind::rows,
       3,
       4 * kRowBytes,
       100 + 5 * kRowBytes},
      {{{0, 5120}, {20480 + 64, 5120}, {end - 5120, 5120}}, ZeroKind::hole, 3, 3 * 5120, 100},
      // The hole counts, not the longer rows.
      {{{0, 8 * kRowBytes}, {50'048, 5120}}, ZeroKind::hole, 1, 5120, 100 + 50'048},
      {tails, ZeroKind::columns, 20, 20 * 6144, 100 + 1024}};
  for (const Case& c : cases) {
    const std::vector<std::byte> bytes = with_zeros(c.holes);
    for (const std::size_t step : {bytes.size(), std::size_t{64}, std::size_t{5120}}) {
      const gguf::ZeroVerdict v = runs_of(bytes, step).verdict();
      SCOPED_TRACE(fmt::format("case {}, step {}", &c - cases, step));
      EXPECT_EQ(v.kind, c.kind);
      EXPECT_EQ(v.stretches.n, c.n);
      EXPECT_EQ(v.stretches.bytes, c.bytes);
      EXPECT_EQ(v.stretches.longest_at, c.longest_at);
    }
  }
}

TEST(ZeroRuns, BytesTakenAsValuesEndAStretch) {
  const std::vector<std::byte> bytes(kRows * kRowBytes);
  const auto part = [&](std::size_t at, std::size_t size) {
    return ZeroRuns(std::span(bytes).subspan(at, size), 100 + at, kGrid);
  };
  ZeroRuns all = part(0, kRowBytes);
  all.append(part(kRowBytes, 7168).without_zeros());
  EXPECT_EQ(all.end(), 100 + kRowBytes + 7168);
  EXPECT_EQ(all.verdict().kind, ZeroKind::rows);
  EXPECT_EQ(all.verdict().stretches.bytes, kRowBytes);
  all.append(part(kRowBytes + 7168, 5120 + kRowBytes));
  EXPECT_EQ(all.verdict().kind, ZeroKind::hole);
  EXPECT_EQ(all.verdict().stretches.longest_at, 100 + kRowBytes + 7168);
  EXPECT_EQ(all.verdict().stretches.bytes, 5120 + kRowBytes);
}

TEST(ZeroRuns, TextsOfVerdicts) {
  EXPECT_EQ(runs_of(with_zeros({{1024, 8192}}), 4096).verdict().text("file"),
            "8192 bytes of zeros from byte 1124 of the file on: a hole of a broken download or "
            "copy?");
  EXPECT_EQ(
      runs_of(with_zeros({{0, kRowBytes}, {8192, 8192}}), 4096).verdict().text("tensor"),
      "8192 bytes of zeros from byte 8292 of the tensor on; 2 such stretches, 12288 bytes in all: "
      "whole rows");
}

}  // namespace
