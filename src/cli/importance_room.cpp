#include "cli/importance_room.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/error.h"
#include "base/output_file.h"
#include "calibrate/collector.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

/// In bytes.
struct Sizes {
  std::uint64_t result = 0;  ///< f32, in files of either kind
  std::uint64_t state = 0;   ///< f64 and counts
  std::uint64_t hidden = 0;  ///< f32, of all tokens: layer loop
};

Sizes sizes_of(const model::ModelSpec& spec, const eval::Windows& windows,
               const calibrate::CollectOptions& options) {
  Sizes out;
  for (const auto& [name, e] : calibrate::Collector(spec, options.with_output).all_entries()) {
    const std::uint64_t n = e.n_cols * e.n_vectors;
    out.result += n * sizeof(float);
    out.state += n * sizeof(double) + e.n_vectors * sizeof(std::int64_t);
  }
  if (options.evaluate.loop == runtime::Loop::layer) {
    out.hidden = std::uint64_t{windows.n_windows} * windows.window * spec.n_embd * sizeof(float);
  }
  return out;
}

fs::path folder_of(const fs::path& file) {
  const fs::path folder = base::link_target(file).parent_path();
  return folder.empty() ? "." : folder;
}

bool on_one_disk(const fs::path& a, const fs::path& b) {
  struct stat of_a {};
  struct stat of_b {};
  return ::stat(a.c_str(), &of_a) == 0 && ::stat(b.c_str(), &of_b) == 0 &&
         of_a.st_dev == of_b.st_dev;
}

/// The largest sum of what stands on the disk at one moment, and how much of it is the state.
struct Peak {
  std::uint64_t all = 0, state = 0;

  void at(std::uint64_t state_, std::uint64_t rest) {
    if (state_ + rest <= all) return;
    all = state_ + rest;
    state = state_;
  }
};

/// Save by save; the files of the output are two while a new one is written.
Peak peak_of(const Sizes& sizes, std::uint64_t spilled, std::size_t n_saves,
             std::size_t n_outputs) {
  Peak peak;
  const std::uint64_t save = sizes.state + sizes.hidden;
  for (std::size_t i = 0; i < std::min<std::size_t>(n_saves, 3); ++i) {
    const std::uint64_t outputs = std::min(i, n_outputs) > 0 ? sizes.result : 0;
    peak.at(std::min<std::size_t>(i + 1, 2) * save + spilled, outputs);
    if (i < n_outputs) peak.at(sizes.state, outputs + sizes.result);
  }
  // The loop is done: hidden states are gone, the state goes last.
  peak.at(n_saves > 0 ? sizes.state : 0, (n_outputs > 0 ? 2 : 1) * sizes.result);
  if (spilled > peak.all) peak.at(spilled, 0);
  return peak;
}

std::uint64_t size_of(const fs::path& path) {
  std::error_code absent;
  const std::uintmax_t size = fs::file_size(path, absent);
  return absent ? 0 : size;
}

/// Of the state that an earlier run left, hidden states and all.
std::uint64_t saved_bytes(const fs::path& checkpoint) {
  std::uint64_t out = size_of(checkpoint);
  const std::string front = checkpoint.filename().string() + ".hidden-";
  const fs::path folder = checkpoint.parent_path();
  std::error_code unreadable;
  for (fs::directory_iterator i(folder.empty() ? "." : folder, unreadable), end;
       !unreadable && i != end; i.increment(unreadable)) {
    if (i->path().filename().string().starts_with(front)) out += size_of(i->path());
  }
  return out;
}

struct Needed {
  std::uint64_t all = 0, state = 0;
};

Needed needed_for(const model::ModelSpec& spec, const eval::Windows& windows,
                  const calibrate::CollectOptions& options, const ImportanceFiles& files) {
  const Sizes sizes = sizes_of(spec, windows, options);
  const std::size_t n_saves = calibrate::count_saves(spec, windows, options);
  const bool by_chunks = options.evaluate.loop == runtime::Loop::token && windows.n_windows > 0;
  const auto n_of = [&](std::size_t every) {  // results on the way: the layer loop has none
    return every > 0 && by_chunks ? std::min(n_saves, (windows.n_windows - 1) / every) : 0;
  };
  const bool spills = !options.evaluate.spill.empty() && sizes.hidden > 0;
  const bool same_disk =
      spills && on_one_disk(folder_of(options.evaluate.spill), folder_of(files.output));
  const Peak peak = peak_of(sizes, same_disk ? sizes.hidden : 0, n_saves, n_of(files.output_every));
  // What is there and will be replaced counts as the first of two.
  std::uint64_t there = saved_bytes(options.checkpoint);
  if (n_of(files.output_every) > 0) there += std::min(size_of(files.output), sizes.result);
  return {.all = n_of(files.copy_every) * sizes.result + peak.all - std::min(there, peak.all),
          .state = peak.state - std::min(there, peak.state)};
}

}  // namespace

std::uint64_t importance_room(const model::ModelSpec& spec, const eval::Windows& windows,
                              const calibrate::CollectOptions& options,
                              const ImportanceFiles& files) {
  return needed_for(spec, windows, options, files).all;
}

void check_importance_room(const model::ModelSpec& spec, const eval::Windows& windows,
                           const calibrate::CollectOptions& options, const ImportanceFiles& files) {
  const Needed needed = needed_for(spec, windows, options, files);
  std::error_code unknown;
  const fs::space_info space = fs::space(folder_of(files.output), unknown);
  if (unknown || space.available >= needed.all) return;
  throw base::Error(base::Fault::io, "not enough room on the file system")
      .at("file", files.output.string())
      .at("found", fmt::format("{} bytes free", space.available))
      .expected(fmt::format("{} bytes, {} of them for the state that is saved on the way",
                            needed.all, needed.state))
      .hint("free some space or write to another disk");
}

}  // namespace cli
