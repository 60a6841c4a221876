#include "cli/importance_room.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/output_file.h"
#include "calibrate/collector.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

struct Sizes {
  std::uint64_t result = 0;  ///< f32, in files of either kind
  std::uint64_t state = 0;   ///< f64 and counts
};

Sizes sizes_of(const model::ModelSpec& spec, bool with_output) {
  Sizes out;
  for (const auto& [name, e] : calibrate::Collector(spec, with_output).all_entries()) {
    const std::uint64_t n = e.n_cols * e.n_vectors;
    out.result += n * sizeof(float);
    out.state += n * sizeof(double) + e.n_vectors * sizeof(std::int64_t);
  }
  return out;
}

}  // namespace

void check_importance_room(const model::ModelSpec& spec, const calibrate::CollectOptions& options,
                           std::size_t n_windows, std::size_t n_copies, const fs::path& out) {
  const Sizes sizes = sizes_of(spec, options.with_output);
  const std::size_t n_saves = options.evaluate.loop == runtime::Loop::layer
                                  ? spec.n_layer
                                  : n_windows / std::max<std::size_t>(1, options.save_every);
  const std::uint64_t saving = std::min<std::size_t>(n_saves, 2) * sizes.state;
  const std::uint64_t ending = (n_saves > 0 ? sizes.state : 0) + sizes.result;
  std::uint64_t needed = n_copies * sizes.result + std::max(saving, ending);
  std::error_code unknown;
  const std::uintmax_t there = fs::file_size(options.checkpoint, unknown);
  if (!unknown) needed -= std::min<std::uint64_t>(needed, there);
  const fs::path folder = base::link_target(out).parent_path();
  const fs::space_info space = fs::space(folder.empty() ? "." : folder, unknown);
  if (unknown || space.available >= needed) return;
  throw base::Error(base::Fault::io, "not enough room on the file system")
      .at("file", out.string())
      .at("found", fmt::format("{} bytes free", space.available))
      .expected(fmt::format("{} bytes, {} of them for the state that is saved on the way", needed,
                            needed - std::min(needed, (n_copies + 1) * sizes.result)))
      .hint("free some space or write to another disk");
}

}  // namespace cli
