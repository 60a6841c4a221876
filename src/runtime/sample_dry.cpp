#include "runtime/sample_dry.h"

#include <algorithm>
#include <cmath>

namespace runtime {
namespace {

constexpr std::size_t kMaxBreakerBytes = 40;
constexpr std::size_t kMaxTailTokens = 20;

/// What of `history` counts, newest token first.
std::vector<std::int32_t> newest_first(std::span<const std::int32_t> history, std::int32_t last_n) {
  const std::size_t n =
      last_n < 0 ? history.size() : std::min(history.size(), static_cast<std::size_t>(last_n));
  return {history.rbegin(), history.rbegin() + static_cast<std::ptrdiff_t>(n)};
}

/// z[k] = length of the common prefix of t and t[k...], in linear time (the Z algorithm).
std::vector<std::size_t> common_prefixes(const std::vector<std::int32_t>& t) {
  std::vector<std::size_t> z(t.size(), 0);
  std::size_t left = 0, right = 0;
  for (std::size_t k = 1; k < t.size(); ++k) {
    if (k < right) z[k] = std::min(right - k, z[k - left]);
    while (k + z[k] < t.size() && t[z[k]] == t[k + z[k]]) ++z[k];
    if (k + z[k] > right) {
      left = k;
      right = k + z[k];
    }
  }
  return z;
}

/// Exponents stop where base^e would leave f32.
std::size_t largest_exponent(float base) {
  constexpr float kLogOfLargest = 88.7228391F;
  if (base <= 1.000001F) return SIZE_MAX;
  return static_cast<std::size_t>(std::floor(kLogOfLargest / std::log(base)));
}

}  // namespace

DryBreakers::DryBreakers(const text::Tokenizer& tokenizer, std::span<const std::string> strings) {
  for (const std::string& whole : strings) {
    const std::string wanted = whole.substr(0, kMaxBreakerBytes);
    if (wanted.empty()) continue;
    std::vector<std::vector<std::int32_t>> rests(wanted.size());
    for (std::size_t n = 1; n < wanted.size(); ++n) {
      rests[n] = tokenizer.encode(wanted.substr(n), {.add_special = false, .parse_special = false});
      rests[n].resize(std::min(rests[n].size(), kMaxTailTokens));
    }
    for (std::size_t i = 0; i < tokenizer.size(); ++i) {
      const auto id = static_cast<std::int32_t>(i);
      const std::string piece = tokenizer.piece(id, true);
      if (piece.find(wanted) != std::string::npos) {
        add(id, {});
        continue;
      }
      for (std::size_t n = 1; n < wanted.size(); ++n) {
        if (piece.ends_with(std::string_view(wanted).substr(0, n))) add(id, rests[n]);
      }
    }
  }
}

void DryBreakers::add(std::int32_t head, std::vector<std::int32_t> tail) {
  tails_[head].push_back(std::move(tail));
}

bool DryBreakers::breaks_alone(std::int32_t token) const {
  const auto it = tails_.find(token);
  return it != tails_.end() && std::any_of(it->second.begin(), it->second.end(),
                                           [](const auto& tail) { return tail.empty(); });
}

std::size_t DryBreakers::limit(std::span<const std::int32_t> history) const {
  const std::size_t n = history.size();
  for (std::size_t i = 0; i < n; ++i) {
    const auto it = tails_.find(history[n - 1 - i]);
    if (it == tails_.end()) continue;
    std::ptrdiff_t longest = -1;
    for (const auto& tail : it->second) {
      // The tail follows the head, so it lies at the i tokens behind it.
      if (tail.size() > i ||
          !std::equal(tail.begin(), tail.end(), history.end() - static_cast<std::ptrdiff_t>(i))) {
        continue;
      }
      longest = std::max(longest, static_cast<std::ptrdiff_t>(tail.size()));
    }
    if (longest >= 0) return i - static_cast<std::size_t>(longest);
  }
  return n;
}

void penalise_repetition(const DryOptions& options, const DryBreakers& breakers,
                         std::span<const std::int32_t> history, std::span<Candidate> list) {
  if (options.multiplier == 0.0F || options.base < 1.0F) return;
  const std::vector<std::int32_t> t = newest_first(history, options.penalty_last_n);
  const auto allowed = static_cast<std::size_t>(std::max(0, options.allowed_length));
  if (t.size() <= allowed) return;
  const std::size_t limit = breakers.limit(history.last(t.size()));
  if (limit < allowed) return;

  std::unordered_map<std::int32_t, std::size_t> repeated;
  const std::vector<std::size_t> z = common_prefixes(t);
  for (std::size_t k = 1; k < t.size(); ++k) {
    const std::size_t n = std::min(limit, z[k]);
    if (n < allowed) continue;
    std::size_t& most = repeated[t[k - 1]];
    most = std::max(most, n);
  }
  const std::size_t cap = largest_exponent(options.base);
  for (const auto& [token, n] : repeated) {
    if (token < 0 || static_cast<std::size_t>(token) >= list.size()) continue;
    if (breakers.breaks_alone(token)) continue;
    const auto e = static_cast<float>(std::min(n - allowed, cap));
    list[static_cast<std::size_t>(token)].logit -= options.multiplier * std::pow(options.base, e);
  }
}

}  // namespace runtime
