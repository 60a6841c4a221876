#include "cook/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "base/checked.h"
#include "base/error.h"
#include "base/output_file.h"
#include "base/thread_time.h"
#include "cook/tensor_cache.h"
#include "cook/units.h"

namespace cook {
namespace {

/// Stack, what encoders take for a row, and what the allocator keeps.
constexpr std::size_t kThreadSlack = std::size_t{3} << 20;

/// Bytes of Scratch for the largest unit of a job.
std::size_t scratch_bytes(const Job& job) noexcept {
  const Cut cut = cut_of(job, job.action == recipe::Action::copy);
  const std::size_t n = std::min(cut.step, cut.total);
  if (cut.copy) return n;
  const std::size_t cols = job.shape.cols();
  const std::size_t floats = job.action == recipe::Action::repack ? 0 : n * cols * sizeof(float);
  return n * (job.from->row_bytes(cols) + job.to->row_bytes(cols)) + floats;
}

std::size_t largest_scratch(const Plan& plan) noexcept {
  std::size_t most = 0;
  for (const Job& job : plan.jobs) most = std::max(most, scratch_bytes(job));
  return most;
}

/// Sum over the `n` tensors with the largest importance vectors: no more are in work at once.
std::size_t weights_in_work(const Plan& plan, std::size_t n) {
  std::vector<std::size_t> sizes;
  for (const Job& job : plan.jobs) {
    sizes.push_back(row_weights_bytes(job.importance, job.shape));
  }
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  std::size_t sum = 0;
  for (std::size_t i = 0; i < std::min(n, sizes.size()); ++i) sum += sizes[i];
  return sum;
}

std::filesystem::path existing_folder(std::filesystem::path folder) {
  std::error_code ignored;
  while (!folder.empty() && !std::filesystem::is_directory(folder, ignored)) {
    if (folder == folder.parent_path()) break;
    folder = folder.parent_path();
  }
  return folder.empty() ? std::filesystem::path(".") : folder;
}

Room room_in(const std::filesystem::path& folder, std::size_t needed) {
  Room room{.folder = existing_folder(folder), .needed = needed, .free = SIZE_MAX};
  std::error_code unknown;
  const std::filesystem::space_info space = std::filesystem::space(room.folder, unknown);
  if (!unknown) room.free = space.available;
  return room;
}

/// What decides how long a row takes.
using TrialKey = std::tuple<const quant::Codec*, const quant::Codec*, std::size_t, bool>;

/// Seconds a weight, from repeated conversions of one group of rows.
double seconds_per_weight(const TrialKey& key, quant::Effort effort) {
  constexpr double kEnough = 0.008;  // seconds
  const quant::Codec* from = std::get<0>(key);
  const quant::Codec* to = std::get<1>(key);
  const std::size_t cols = std::get<2>(key);
  const bool weighted = std::get<3>(key);
  const std::size_t rows = std::max(from->group_rows, to->group_rows);
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 0.02F);
  std::vector<float> x(rows * cols), importance(weighted ? cols : 0);
  for (float& v : x) v = normal(random);
  for (float& v : importance) v = std::abs(normal(random)) + 1e-3F;
  const std::size_t source_bytes = from->group_rows * from->row_bytes(cols);
  const std::vector<std::byte> source(source_bytes, std::byte{0});
  std::vector<float> decoded(from->group_rows * cols);
  std::vector<std::byte> encoded(rows * to->row_bytes(cols));
  const auto convert = [&] {
    for (std::size_t g = 0; g < rows; g += from->group_rows) from->decode(source, cols, decoded);
    to->encode({.x = x, .rows = rows, .cols = cols, .importance = importance, .effort = effort},
               encoded);
  };
  convert();  // some formats build their tables at the first use
  const double start = base::thread_seconds();
  double spent = 0;
  std::size_t weights = 0;
  while (spent < kEnough) {
    convert();
    weights += rows * cols;
    spent = base::thread_seconds() - start;
  }
  return spent / static_cast<double>(weights);
}

}  // namespace

Room room_for(const Plan& plan) {
  return room_in(base::link_target(plan.outputs.front().path).parent_path(), plan.file_bytes);
}

Room room_for_cache(const Plan& plan, const std::filesystem::path& folder) {
  std::size_t bytes = 0;
  for (const OutputPlan& output : plan.outputs) {
    for (const std::size_t index : output.jobs) {
      const Job& job = plan.jobs[index];
      if (output.skipped || job.action != recipe::Action::encode) continue;
      bytes = base::checked_add(bytes, TensorCache::kHeaderBytes + job.bytes);
    }
  }
  return room_in(folder, bytes);
}

void check_room(const Plan& plan) {
  const Room room = room_for(plan);
  if (room.suffices()) return;
  throw base::Error(base::Fault::io, "not enough room on the file system")
      .at("folder", room.folder.string())
      .at("found", fmt::format("{} bytes free", room.free))
      .expected(fmt::format("{} bytes", room.needed))
      .hint("free some space or write to another disk");
}

std::size_t working_memory(const Plan& plan, std::size_t n_threads) {
  return n_threads * (largest_scratch(plan) + kThreadSlack) + weights_in_work(plan, n_threads + 1);
}

std::size_t threads_within(const Plan& plan, std::size_t n_threads, std::size_t budget,
                           std::size_t held) {
  for (std::size_t n = n_threads; n > 0; --n) {
    if (working_memory(plan, n) <= budget && held <= budget - working_memory(plan, n)) return n;
  }
  base::Error e(base::Fault::bad_input, "the job does not fit the memory it was given");
  e.at("found", fmt::format("{} bytes", budget));
  e.expected(
      fmt::format("{} bytes: {} held for metadata and importance, {} to work with one thread",
                  held + working_memory(plan, 1), held, working_memory(plan, 1)));
  const auto largest =
      std::max_element(plan.jobs.begin(), plan.jobs.end(), [](const Job& a, const Job& b) {
        return scratch_bytes(a) + row_weights_bytes(a.importance, a.shape) <
               scratch_bytes(b) + row_weights_bytes(b.importance, b.shape);
      });
  if (largest != plan.jobs.end()) e.at("tensor", largest->name);
  e.hint("give more with --memory");
  throw e;
}

double encode_seconds(const Plan& plan, std::size_t n_threads) {
  std::map<TrialKey, double> trials;
  double seconds = 0;
  for (const Job& job : plan.jobs) {
    const bool known = job.from_codec != nullptr && job.from_codec->decode != nullptr &&
                       job.to_codec != nullptr && job.to_codec->encode != nullptr;
    if (job.action != recipe::Action::encode || !known) continue;
    // Short rows stand for long ones of the same kind.
    constexpr std::size_t kTrialCols = 2048;
    const std::size_t cols = job.shape.cols() % kTrialCols == 0 ? kTrialCols : job.shape.cols();
    const TrialKey key{job.from_codec, job.to_codec, cols,
                       job.importance.kind != ImportanceChoice::Kind::none};
    const auto [it, fresh] = trials.try_emplace(key);
    if (fresh) it->second = seconds_per_weight(key, plan.effort);
    seconds += it->second * static_cast<double>(job.shape.elements());
  }
  return seconds / static_cast<double>(n_threads);
}

}  // namespace cook
