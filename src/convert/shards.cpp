#include "convert/shards.h"

#include "base/checked.h"
#include "gguf/layout.h"
#include "gguf/split.h"

namespace convert {

Shards plan_shards(const cook::Plan& plan, std::uint64_t max_bytes) {
  Shards out;
  out.of_tensor.resize(plan.jobs.size());
  std::uint64_t bytes = 0;
  for (const cook::Job& job : plan.jobs) {
    const std::uint64_t size = base::round_up(job.bytes, gguf::kDefaultAlignment);
    if (bytes > 0 && bytes + size > max_bytes) {
      ++out.count;
      bytes = 0;
    }
    bytes += size;
    out.of_tensor[job.source] = out.count - 1;
  }
  if (out.count > gguf::kMaxShards) {
    throw base::Error(base::Fault::bad_usage, "the output would have too many files")
        .at("found", out.count)
        .at("expected", gguf::kMaxShards);
  }
  return out;
}

}  // namespace convert
