#include "cook/zeros.h"

#include <fmt/format.h>

#include "gguf/zero_runs.h"

namespace cook {

void ZeroWatch::look(std::size_t job, std::size_t offset, std::span<const std::byte> bytes) {
  const Job& j = plan_.jobs[job];
  if (j.from_codec == nullptr || j.shape.n_dims() < 2) return;
  gguf::ZeroRuns runs(bytes, offset);
  runs.finish();
  if (runs.n_long() == 0) return;
  const quant::Codec& codec = *j.from_codec;
  const std::size_t row_bytes = codec.row_bytes(j.shape.cols()) * codec.group_rows;
  const bool whole_rows = runs.is_whole_rows(0, row_bytes, codec.block_bytes);
  const std::lock_guard hold(lock_);
  Zeros& zeros = found_[job];
  zeros.n += runs.n_long();
  zeros.bytes += runs.long_bytes();
  zeros.whole_rows = zeros.whole_rows && whole_rows;
  // Of equal ones the first, whatever the order of the pieces.
  if (runs.longest() > zeros.longest ||
      (runs.longest() == zeros.longest && runs.longest_at() < zeros.longest_at)) {
    zeros.longest = runs.longest();
    zeros.longest_at = runs.longest_at();
  }
}

base::Finding ZeroWatch::finding(const Job& job, const Zeros& zeros) const {
  base::Finding out{.level = base::Finding::Level::warning, .where = job.name, .text = {}};
  if (zeros.bytes >= job.source_bytes) {
    out.text = "all weights of the source are zero";
    return out;
  }
  const bool many = zeros.n * 4 >= job.shape.rows();
  out.text = fmt::format(
      "{} bytes of zeros in the source, {} of them from byte {} of the tensor on: {}; `quern "
      "check` "
      "tells more",
      zeros.bytes, zeros.longest, zeros.longest_at,
      zeros.whole_rows ? "whole rows"
      : many           ? "padded columns?"
                       : "a hole of a broken download or copy?");
  return out;
}

base::Findings ZeroWatch::findings() const {
  base::Findings out;
  for (const auto& [index, zeros] : found_) {
    const Job& job = plan_.jobs[index];
    const bool by_token = job.id.is(model::Role::token_embd) || job.id.is(model::Role::output);
    if (!(by_token && zeros.whole_rows)) out.push_back(finding(job, zeros));
  }
  return out;
}

}  // namespace cook
