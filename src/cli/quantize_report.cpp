#include "cli/quantize_report.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "cli/text_table.h"
#include "cook/forecast.h"
#include "cook/run.h"
#include "runtime/peak_memory.h"

namespace cli {
namespace {

struct RoleSum {
  std::size_t tensors = 0, bytes = 0;
  std::uint64_t elements = 0;
  std::map<std::string_view, std::size_t> types;
};

std::string types_text(const RoleSum& sum) {
  std::string out;
  for (const auto& [type, n] : sum.types) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", type);
    if (sum.types.size() > 1) out += fmt::format(" x{}", n);
  }
  return out;
}

double bpw(const RoleSum& sum) {
  return sum.elements == 0
             ? 0
             : 8.0 * static_cast<double>(sum.bytes) / static_cast<double>(sum.elements);
}

/// What a dry run shows beside the lines by tensor: types and bits by role, the exact size.
void print_roles(const cook::Plan& plan) {
  std::map<std::string, RoleSum> roles;
  RoleSum all;
  for (const cook::Job& job : plan.jobs) {
    for (RoleSum* sum : {&roles[model::kind_name(job.name)], &all}) {
      ++sum->tensors;
      sum->bytes += job.bytes;
      sum->elements += job.shape.elements();
      ++sum->types[job.to->name];
    }
  }
  fmt::print("{:<22} {:>7} {:>16} {:>14} {:>9}  {}\n", "role", "tensors", "weights", "bytes", "bpw",
             "types");
  for (const auto& [role, sum] : roles) {
    fmt::print("{:<22} {:>7} {:>16} {:>14} {:>9.4f}  {}\n", role, sum.tensors, sum.elements,
               sum.bytes, bpw(sum), types_text(sum));
  }
  fmt::print("{:<22} {:>7} {:>16} {:>14} {:>9.4f}\n", "all", all.tensors, all.elements, all.bytes,
             bpw(all));
  for (const cook::OutputPlan& output : plan.outputs) {
    fmt::print("{}: {} bytes{}\n", output.path.string(), output.file_bytes,
               output.skipped ? ", exists already" : "");
  }
}

std::string duration_text(double seconds) {
  if (seconds < 1) return "less than a second";
  if (seconds < 100) return fmt::format("about {:.0f} s", seconds);
  if (seconds < 6000) return fmt::format("about {:.0f} min", seconds / 60);
  return fmt::format("about {:.1f} h", seconds / 3600);
}

void print_room(std::string_view what, const cook::Room& room, std::size_t also_taken = 0) {
  fmt::print(
      "{} needed, {} free in {}{}\n", what,
      room.free == SIZE_MAX ? "unknown" : bytes_text(room.free), room.folder.string(),
      room.needed <= room.free && also_taken <= room.free - room.needed ? "" : ": NOT ENOUGH");
}

bool same_disk(const std::filesystem::path& a, const std::filesystem::path& b) {
  struct stat sa {
  }, sb{};
  return ::stat(a.c_str(), &sa) == 0 && ::stat(b.c_str(), &sb) == 0 && sa.st_dev == sb.st_dev;
}

void print_forecast(const cook::Plan& plan, std::size_t n_threads,
                    const std::filesystem::path& cache) {
  const cook::Room room = cook::room_for(plan);
  print_room(fmt::format("disk: {}", bytes_text(room.needed)), room);
  if (!cache.empty()) {
    const cook::Room kept = cook::room_for_cache(plan, cache);
    print_room(fmt::format("cache: at most {}", bytes_text(kept.needed)), kept,
               same_disk(room.folder, kept.folder) ? room.needed : 0);
  }
  fmt::print("memory: about {}\n",
             bytes_text(runtime::peak_resident_bytes() + cook::working_memory(plan, n_threads)));
  fmt::print("time: {} of encoding on {} thread{}, reading and writing not counted\n",
             duration_text(cook::encode_seconds(plan, n_threads)), n_threads,
             n_threads == 1 ? "" : "s");
}

}  // namespace

std::size_t log_columns() {
  constexpr std::size_t kLineOfPublicPrograms = 150;
  winsize size{};
  if (::isatty(STDERR_FILENO) == 0 || ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col < 40 || size.ws_col >= kLineOfPublicPrograms ? 0 : size.ws_col;
}

void print_totals(const cook::Plan& plan) {
  fmt::print(stderr, "{}\n{}\n", cook::total_line("model size", plan.source_bytes, plan),
             cook::total_line("quant size", plan.bytes, plan));
  if (plan.n_fallbacks > 0) {
    fmt::print(stderr,
               "llama_model_quantize_internal: WARNING: {} of {} tensor(s) required fallback "
               "quantization\n",
               plan.n_fallbacks, plan.n_encoded);
  }
}

void print_dry_run(const cook::Plan& plan, std::size_t n_threads,
                   const std::filesystem::path& cache) {
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    std::vector<std::string> lines = cook::tensor_lines(plan.jobs[i], i, plan.jobs.size());
    const std::string reason = fmt::format("  # {}", plan.jobs[i].reason);
    if (plan.line_width > 0) {
      lines = {cook::short_tensor_line(plan.jobs[i], i, plan.jobs.size(), plan.line_width), reason};
    } else {
      lines.back() += reason;
    }
    for (const std::string& line : lines) fmt::print(stderr, "{}\n", line);
  }
  print_totals(plan);
  print_roles(plan);
  print_forecast(plan, n_threads, cache);
}

}  // namespace cli
