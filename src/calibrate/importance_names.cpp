// Names of entries: decorations of the collecting programs, one entry per expert.
#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "calibrate/importance_file.h"
#include "model/spec.h"

namespace calibrate {

std::string_view clean_name(std::string_view name) noexcept {
  if (const std::size_t first = name.find('#'); first != std::string_view::npos) {
    const std::size_t second = name.find('#', first + 1);
    if (second != std::string_view::npos) name = name.substr(first + 1, second - first - 1);
  }
  while (name.ends_with(')')) {
    const std::size_t open = name.rfind(" (");
    if (open == std::string_view::npos || open == 0) break;
    name = name.substr(0, open);
  }
  return name;
}

namespace {

using Experts = std::map<std::size_t, std::string>;  // expert -> entry name

/// A stack is filled up with experts without data; few entries must not ask for a lot of memory.
bool too_sparse(std::size_t n_experts, const Experts& experts) noexcept {
  constexpr std::size_t kMaxGap = 8;
  return n_experts > 2 * experts.size() + kMaxGap;
}

/// `n_experts`: as the fullest stack of the file has.
Entry stacked(const Importance& importance, const std::string& stack, const Experts& experts,
              std::size_t n_experts) {
  const Entry& first = importance.entries.at(experts.begin()->second);
  const std::size_t n_own = experts.rbegin()->first + 1;
  if (too_sparse(n_own, experts)) {
    throw base::Error(base::Fault::bad_file, "most experts of a stack have no entry")
        .at("stack", base::printable(stack))
        .at("found", fmt::format("{} entries, the last for expert {}", experts.size(),
                                 experts.rbegin()->first));
  }
  Entry out;
  out.n_cols = first.n_cols;
  out.n_vectors = too_sparse(n_experts, experts) ? n_own : n_experts;
  out.open_ended = true;
  out.sums.resize(out.n_cols * out.n_vectors);
  out.counts.resize(out.n_vectors);
  for (const auto& [expert, name] : experts) {
    const Entry& e = importance.entries.at(name);
    if (e.n_cols != out.n_cols || e.n_vectors != 1) {
      throw base::Error(base::Fault::bad_file, "experts of one stack have entries of unequal size")
          .at("entry", base::printable(name))
          .at("found", fmt::format("{} values", e.sums.size()))
          .expected(fmt::format("{} values, as in {}", out.n_cols, experts.begin()->second))
          .at("stack", stack);
    }
    std::copy(e.sums.begin(), e.sums.end(),
              out.sums.begin() + static_cast<std::ptrdiff_t>(expert * out.n_cols));
    out.counts[expert] = e.counts[0];
  }
  return out;
}

}  // namespace

void stack_experts(Importance& importance) {
  std::map<std::string, Experts> stacks;
  for (const auto& [name, entry] : importance.entries) {
    const model::TensorId id = model::parse_tensor_name(name);
    if (id.piece < 0) continue;
    stacks[model::tensor_name(id.role, id.layer)].emplace(static_cast<std::size_t>(id.piece), name);
  }
  std::size_t n_experts = 0;
  for (const auto& [stack, experts] : stacks) {
    n_experts = std::max(n_experts, experts.rbegin()->first + 1);
  }
  for (const auto& [stack, experts] : stacks) {
    if (importance.find(stack) != nullptr) continue;
    Entry entry = stacked(importance, stack, experts, n_experts);
    for (const auto& [expert, name] : experts) importance.entries.erase(name);
    importance.findings.push_back(
        {base::Finding::Level::note, stack,
         fmt::format("made of {} entries of single experts", experts.size())});
    importance.entries.emplace(stack, std::move(entry));
  }
}

}  // namespace calibrate
