// Merging. Source: docs/spec/imatrix.md, section 7: weights are tokens, sums and counts add up.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/printable.h"
#include "calibrate/importance.h"

namespace calibrate {
namespace {

std::int64_t add_counts(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::numeric_limits<std::int64_t>::max();
  return sum;
}

/// Can be seen as that many vectors, which it does not have.
bool fits(const Entry& entry, std::size_t n_vectors) noexcept {
  return n_vectors > entry.n_vectors && (entry.n_vectors == 1 || can_grow(entry, n_vectors));
}

void add_entry(Entry& into, const Entry& from) {
  const Entry* other = &from;
  Entry reshaped;
  const bool open_ended = into.open_ended && from.open_ended;
  if (fits(into, from.n_vectors)) {
    into = with_vectors(into, from.n_vectors);
  } else if (fits(from, into.n_vectors)) {
    reshaped = with_vectors(from, into.n_vectors);
    other = &reshaped;
  }
  into.open_ended = open_ended;
  for (std::size_t i = 0; i < into.sums.size(); ++i) into.sums[i] += other->sums[i];
  for (std::size_t v = 0; v < into.n_vectors; ++v) {
    into.counts[v] = add_counts(into.counts[v], other->counts[v]);
  }
}

bool can_add(const Entry& a, const Entry& b) {
  if (a.n_cols == b.n_cols && (can_grow(a, b.n_vectors) || can_grow(b, a.n_vectors))) return true;
  return a.sums.size() == b.sums.size() &&
         (a.n_vectors == b.n_vectors || a.n_vectors == 1 || b.n_vectors == 1);
}

std::uint32_t saturated(double chunks) {
  return static_cast<std::uint32_t>(std::min(std::round(chunks), 4294967295.0));
}

}  // namespace

void merge(Importance& into, const Importance& from) {
  for (const auto& [name, entry] : from.entries) {
    const Entry* own = into.find(name);
    if (own == nullptr || can_add(*own, entry)) continue;
    throw base::Error(base::Fault::bad_input, "importance entries of one tensor differ in size")
        .at("entry", base::printable(name))
        .at("found", fmt::format("{} vectors of {}", entry.n_vectors, entry.n_cols))
        .expected(fmt::format("{} vectors of {}", own->n_vectors, own->n_cols))
        .hint("these files come from different models");
  }
  if (into.entries.empty() && into.chunk_count == 0) into.chunk_size = from.chunk_size;
  for (const auto& [name, entry] : from.entries) {
    const auto [it, fresh] = into.entries.try_emplace(name, entry);
    if (!fresh) add_entry(it->second, entry);
  }
  const double ratio = static_cast<double>(from.chunk_size) / into.chunk_size;
  into.chunk_count = saturated(into.chunk_count + from.chunk_count * ratio);
  if (into.chunk_size != from.chunk_size) {
    into.findings.push_back(
        {base::Finding::Level::warning, "chunk size",
         fmt::format("files with chunks of {} and {} tokens merged, weighted by tokens",
                     into.chunk_size, from.chunk_size)});
  }
  for (const std::string& d : from.datasets) {
    if (std::find(into.datasets.begin(), into.datasets.end(), d) == into.datasets.end()) {
      into.datasets.push_back(d);
    }
  }
  into.findings.insert(into.findings.end(), from.findings.begin(), from.findings.end());
}

}  // namespace calibrate
