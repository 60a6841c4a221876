#include "tensor/zeros.h"

#include <algorithm>

namespace tensor {
namespace {

bool not_zero(std::byte b) { return b != std::byte{0}; }

}  // namespace

std::vector<ZeroRun> zero_runs(std::span<const std::byte> bytes) {
  // A run of kShortestRun holds a whole piece of half that length: only pieces are looked at.
  constexpr std::size_t kPiece = kShortestRun / 2;
  std::vector<ZeroRun> runs;
  for (std::size_t at = 0; at + kPiece <= bytes.size(); at += kPiece) {
    const auto piece = bytes.subspan(at, kPiece);
    if (std::any_of(piece.begin(), piece.end(), not_zero)) continue;
    std::size_t first = at;
    while (first > 0 && !not_zero(bytes[first - 1])) --first;
    const auto end = std::find_if(bytes.begin() + static_cast<std::ptrdiff_t>(at + kPiece),
                                  bytes.end(), not_zero);
    const auto last = static_cast<std::size_t>(end - bytes.begin());
    if (last - first >= kShortestRun) runs.push_back({first, last - first});
    at = last / kPiece * kPiece;  // the piece in which the run ends holds another byte
  }
  return runs;
}

std::uint64_t count_zero_rows(std::span<const std::byte> bytes, std::size_t row_bytes) {
  std::uint64_t n = 0;
  for (; bytes.size() >= row_bytes && row_bytes > 0; bytes = bytes.subspan(row_bytes)) {
    const auto row = bytes.first(row_bytes);
    n += std::none_of(row.begin(), row.end(), not_zero) ? 1 : 0;
  }
  return n;
}

}  // namespace tensor
