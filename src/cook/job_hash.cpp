#include "cook/job_hash.h"

#include <fmt/format.h>

#include "gguf/header.h"

namespace cook {
namespace {

void hash_weights(Hash& hash, const RowWeights& weights) {
  hash.add(std::as_bytes(std::span(weights.values)));
  for (const bool known : weights.known) hash.add_value(known);
  for (const RowWeights::Run& run : weights.runs) {
    hash.add_value(std::array<std::uint64_t, 3>{run.first_row, run.n_rows, run.vector});
  }
}

void hash_output(Hash& hash, const OutputPlan& output, const Plan& plan) {
  hash.add_text(output.path.filename().string());
  std::vector<gguf::TensorPlan> tensors;
  for (const std::size_t index : output.jobs) {
    const Job& job = plan.jobs[index];
    tensors.push_back({.name = job.name, .codec = job.to_codec, .shape = job.shape});
    hash.add_value(
        std::array<std::uint64_t, 2>{job.source, static_cast<std::uint64_t>(job.action)});
    if (job.action == recipe::Action::encode) hash_job(hash, job, plan.effort);
  }
  hash.add(gguf::plan_layout(output.metadata, tensors).header);
}

}  // namespace

std::string hash_text(const HashValue& hash) {
  return fmt::format("{:016x}{:016x}", hash[1], hash[0]);
}

void hash_job(Hash& hash, const Job& job, quant::Effort effort) {
  hash.add_value(
      std::array<std::uint64_t, 3>{job.from->id, job.to->id, static_cast<std::uint64_t>(effort)});
  // Another encoder of the same type.
  if (job.to_codec != quant::find_codec(job.to->id)) hash.add_value(std::uint64_t{1});
  if (job.looked_up) hash.add_value(std::uint64_t{2});
  hash.add_value(job.shape.ne);
  hash_weights(hash, row_weights(job.importance, job.shape));
}

std::string job_text(const TensorSource& source, const Plan& plan, std::string_view version) {
  Hash hash;
  for (const OutputPlan& output : plan.outputs) hash_output(hash, output, plan);
  std::string text = fmt::format("quantize {} {}", version, hash_text(hash.digest()));
  for (const std::filesystem::path& path : source.paths()) {
    text += fmt::format("\n{} {} {}", std::filesystem::absolute(path).string(),
                        std::filesystem::file_size(path),
                        std::filesystem::last_write_time(path).time_since_epoch().count());
  }
  return text;
}

}  // namespace cook
