#include "base/nearest.h"

#include <algorithm>
#include <vector>

namespace base {
namespace {

constexpr std::size_t kMaxLetters = 64;  // longer words are no slips of the pen

/// Lower case, without '-' and '_'.
std::string folded(std::string_view word) {
  std::string out;
  for (const char c : word) {
    if (c == '-' || c == '_') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return out;
}

/// Edits between two words, swaps of neighbours counted once (optimal string alignment).
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      now[j] = std::min({replace, last[j] + 1, now[j - 1] + 1});
      const bool swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swap) now[j] = std::min(now[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kMaxLetters) return "";
  const std::string wanted = folded(word);
  std::string_view best, longer;
  std::size_t n_longer = 0;
  std::size_t fewest = wanted.size() / 3 + 1;  // must stay below
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kMaxLetters) continue;
    const std::string other = folded(candidate);
    if (wanted.size() >= 3 && other.starts_with(wanted) && n_longer++ == 0) longer = candidate;
    const std::size_t distance = edits(wanted, other);
    if (distance >= fewest || distance >= other.size()) continue;
    fewest = distance;
    best = candidate;
  }
  return best.empty() && n_longer == 1 ? longer : best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view found = nearest(word, candidates);
  return found.empty() ? "" : "did you mean " + std::string(found) + "?";
}

}  // namespace base
