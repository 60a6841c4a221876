// Any bytes decode; what the check lets through is finite, also woven and unwoven.
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "quant/codec.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void unweave_and_back(const quant::Codec& codec, std::span<const std::byte> group,
                      std::size_t cols) {
  std::vector<std::byte> rows(codec.group_rows * codec.plain->row_bytes(cols));
  codec.unweave(group, cols, rows);
  std::vector<std::byte> woven(group.size()), again(rows.size());
  codec.weave(rows, cols, woven);
  codec.unweave(woven, cols, again);
  require(again == rows);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const auto codecs = quant::all_codecs();
  const quant::Codec& codec = *codecs[data[0] % codecs.size()];
  const std::size_t cols = std::lcm(codec.block_elems, std::size_t{2}) * (1 + data[1] % 3);
  const std::span<const std::byte> given = std::as_bytes(std::span(data + 2, size - 2));
  std::vector<std::byte> group(codec.group_rows * codec.row_bytes(cols));
  for (std::size_t i = 0; i < group.size(); ++i) group[i] = given[i % given.size()];
  std::vector<float> out(codec.group_rows * cols);
  codec.decode(group, cols, out);
  const auto bad = codec.check(group, cols);
  if (bad) {
    require(bad->offset < group.size() && !bad->what.empty());
  } else {
    for (const float y : out) require(std::isfinite(y));
  }
  if (codec.unweave != nullptr) unweave_and_back(codec, group, cols);
  return 0;
}
