#include "cook/zeros.h"

namespace cook {

void ZeroWatch::look(std::size_t job, std::size_t offset, std::span<const std::byte> bytes) {
  const Job& j = plan_.jobs[job];
  if (j.from_codec == nullptr || j.shape.n_dims() < 2 || bytes.empty()) return;
  if (source_.without_rows(j.source)) return;
  const gguf::ZeroRuns runs(bytes, offset, {*j.from_codec, j.shape, 0});
  const std::lock_guard hold(lock_);
  std::map<std::size_t, gguf::ZeroRuns>& seen = seen_[job];
  auto here = seen.emplace(offset, runs).first;
  if (here != seen.begin() && std::prev(here)->second.end() == offset) {
    const auto before = std::prev(here);
    before->second.append(runs);
    seen.erase(here);
    here = before;
  }
  const auto next = std::next(here);
  if (next == seen.end() || here->second.end() != next->first) return;
  here->second.append(next->second);
  seen.erase(next);
}

base::Findings ZeroWatch::findings() const {
  base::Findings out;
  for (const auto& [index, seen] : seen_) {
    const Job& job = plan_.jobs[index];
    gguf::ZeroRuns whole;
    for (const auto& [offset, runs] : seen) whole.append(runs);
    const gguf::ZeroVerdict verdict = whole.verdict();
    if (verdict.kind == gguf::ZeroKind::none) continue;
    const bool all = verdict.stretches.bytes >= job.source_bytes;
    const bool by_token = job.id.is(model::Role::token_embd) || job.id.is(model::Role::output);
    if (by_token && verdict.kind == gguf::ZeroKind::rows && !all) continue;
    out.push_back({.level = base::Finding::Level::warning,
                   .where = job.name,
                   .text = all ? "all weights of the source are zero"
                               : "the source has " + verdict.text("tensor")});
  }
  return out;
}

}  // namespace cook
