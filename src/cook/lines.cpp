// Log lines that scripts of the public programs read.
#include <fmt/format.h>

#include <algorithm>

#include "cook/run.h"

namespace cook {
namespace {
double mib(std::size_t bytes) { return static_cast<double>(bytes) / 1048576.0; }
}  // namespace

std::vector<std::string> tensor_lines(const Job& job, std::size_t index, std::size_t n) {
  std::vector<std::string> lines;
  if (job.custom_rule) {
    lines.push_back(fmt::format("Using custom type {} for tensor {}", job.to->name, job.name));
  }
  if (job.wants_importance) {
    lines.push_back(
        fmt::format("====== llama_model_quantize_internal: did not find weights for {}", job.name));
  }
  const auto& ne = job.shape.ne;
  std::string line =
      fmt::format("[{:4d}/{:4d}] {:>36s} - [{:5d}, {:5d}, {:5d}, {:5d}], type = {:>6s}, ",
                  index + 1, n, job.name, ne[0], ne[1], ne[2], ne[3], job.from->name);
  if (job.action == recipe::Action::copy) {
    line += fmt::format("size = {:8.3f} MB", mib(job.bytes));
  } else {
    line += fmt::format("{} {} .. size = {:8.2f} MiB -> {:8.2f} MiB",
                        job.action == recipe::Action::repack ? "repacking to" : "converting to",
                        job.to->name, mib(job.source_bytes), mib(job.bytes));
  }
  lines.push_back(std::move(line));
  return lines;
}

std::string short_tensor_line(const Job& job, std::size_t index, std::size_t n, std::size_t width) {
  const std::string number = std::to_string(n);
  const std::string head = fmt::format("[{:>{}}/{}] ", index + 1, number.size(), number);
  const bool same = job.action == recipe::Action::copy;
  const std::string tail =
      same ? fmt::format(" {} {:.2f} MiB", job.to->name, mib(job.bytes))
           : fmt::format(" {} -> {} {:.2f} -> {:.2f} MiB{}", job.from->name, job.to->name,
                         mib(job.source_bytes), mib(job.bytes), job.wants_importance ? " *" : "");
  const std::size_t taken = head.size() + tail.size();
  const std::size_t room = std::max<std::size_t>(width > taken ? width - taken : 0, 8);
  std::string name = job.name;
  if (name.size() > room) name.replace(0, name.size() - room + 3, "...");
  return head + name + std::string(room - name.size(), ' ') + tail;
}

std::string total_line(std::string_view what, std::size_t bytes, const Plan& plan) {
  std::uint64_t elements = 0;
  for (const Job& job : plan.jobs) elements += job.shape.elements();
  const double bpw =
      elements == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(elements);
  return fmt::format("llama_model_quantize_internal: {:<11} = {:8.2f} MB ({:.2f} BPW)", what,
                     mib(bytes), bpw);
}

}  // namespace cook
