// The filters of the chain. Source: docs/spec/server.md 6.3.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "runtime/sample.h"

namespace runtime {
namespace {

void sort_all(SampleState& s) { sample_sort(s.list, s.list.size()); }

void cut(SampleState& s, std::size_t n) { s.list.resize(std::min(n, s.list.size())); }

/// Length of the shortest prefix with running p above (or at) `limit` and at least s.keep entries.
std::size_t prefix(const SampleState& s, float limit, bool reach) {
  float sum = 0;
  for (std::size_t i = 0; i < s.list.size(); ++i) {
    sum += s.list[i].p;
    const bool enough = reach ? sum >= limit : sum > limit;
    if (enough && i + 1 >= s.keep) return i + 1;
  }
  return s.list.size();
}

void top_k(SampleState& s) {
  const std::int32_t k = s.options.top_k;
  const std::size_t n = k <= 0 ? s.list.size() : std::max(static_cast<std::size_t>(k), s.keep);
  sample_sort(s.list, n);
  cut(s, n);
}

void top_p(SampleState& s) {
  if (s.options.top_p >= 1.0F) return;
  sort_all(s);
  sample_softmax(s.list);
  cut(s, prefix(s, s.options.top_p, true));
}

void min_p(SampleState& s) {
  if (s.options.min_p <= 0.0F) return;
  float top = -INFINITY;
  for (const Candidate& c : s.list) top = std::max(top, c.logit);
  const float least = top + std::log(s.options.min_p);
  const auto n = static_cast<std::size_t>(std::count_if(
      s.list.begin(), s.list.end(), [&](const Candidate& c) { return c.logit >= least; }));
  if (n < s.keep) {
    sort_all(s);
    cut(s, std::max(n, s.keep));
    return;
  }
  std::erase_if(s.list, [&](const Candidate& c) { return c.logit < least; });
}

void tfs_z(SampleState& s) {
  if (s.options.tfs_z >= 1.0F || s.list.size() <= 2) return;
  sort_all(s);
  sample_softmax(s.list);
  const std::size_t n = s.list.size() - 2;
  std::vector<float> curve(n);
  for (std::size_t i = 0; i < n; ++i) {
    const float here = s.list[i].p - s.list[i + 1].p;
    const float next = s.list[i + 1].p - s.list[i + 2].p;
    curve[i] = std::abs(here - next);
  }
  const float sum = std::accumulate(curve.begin(), curve.end(), 0.0F);
  for (float& c : curve) c = sum > 1e-6F ? c / sum : 1.0F / static_cast<float>(n);
  float running = 0;
  for (std::size_t i = 0; i < n; ++i) {
    running += curve[i];
    if (running > s.options.tfs_z && i >= s.keep) return cut(s, i);
  }
}

void typical_p(SampleState& s) {
  if (s.options.typical_p >= 1.0F) return;
  sample_softmax(s.list);
  float entropy = 0;
  for (const Candidate& c : s.list) {
    if (c.p > 0) entropy -= c.p * std::log(c.p);
  }
  const auto surprise = [entropy](const Candidate& c) {
    return c.p > 0 ? std::abs(-std::log(c.p) - entropy) : std::numeric_limits<float>::infinity();
  };
  std::stable_sort(s.list.begin(), s.list.end(), [&](const Candidate& a, const Candidate& b) {
    return surprise(a) < surprise(b);
  });
  cut(s, prefix(s, s.options.typical_p, false));
}

void xtc(SampleState& s) {
  const float probability = s.options.xtc_probability;
  if (probability <= 0.0F || s.options.xtc_threshold > 0.5F || s.list.size() < 2) return;
  if (probability < 1.0F) {
    const float r = static_cast<float>(s.generator() & 0xffffffffU) / 4294967296.0F;
    if (r > probability) return;
  }
  sort_all(s);
  sample_softmax(s.list);
  std::size_t above = 0;
  while (above < s.list.size() && s.list[above].p >= s.options.xtc_threshold) ++above;
  // The last of the likely ones stays.
  if (above < 2 || s.list.size() - (above - 1) < s.keep) return;
  s.list.erase(s.list.begin(), s.list.begin() + static_cast<std::ptrdiff_t>(above - 1));
}

void top_n_sigma(SampleState& s) {
  if (s.options.top_n_sigma <= 0.0F) return;
  double sum = 0, squares = 0;
  std::size_t n = 0;
  float top = -INFINITY;
  for (const Candidate& c : s.list) {
    if (!std::isfinite(c.logit)) continue;
    sum += c.logit;
    squares += static_cast<double>(c.logit) * c.logit;
    top = std::max(top, c.logit);
    ++n;
  }
  if (n < 4) return;
  const double mean = sum / static_cast<double>(n);
  const double variance = std::max(0.0, squares / static_cast<double>(n) - mean * mean);
  const float least = top - s.options.top_n_sigma * static_cast<float>(std::sqrt(variance));
  std::erase_if(s.list, [&](const Candidate& c) { return !(c.logit >= least); });
}

/// Entropy of the candidates as a share of the largest possible one.
float relative_entropy(SampleState& s) {
  sample_softmax(s.list);
  float entropy = 0;
  for (const Candidate& c : s.list) {
    if (c.p > 0) entropy -= c.p * std::log(c.p);
  }
  return entropy / std::log(static_cast<float>(s.list.size()));
}

void temperature(SampleState& s) {
  float t = s.options.temperature;
  const float range = s.options.dynatemp_range;
  if (range > 0 && s.list.size() > 1) {
    const float low = std::max(0.0F, t - range), high = t + range;
    t = low + (high - low) * std::pow(relative_entropy(s), s.options.dynatemp_exponent);
    t = std::max(t, 1e-6F);  // no entropy at all: the largest logit
  } else if (range > 0) {
    return;
  }
  for (Candidate& c : s.list) c.logit /= t;
}

/// These are names in the order of filters, for scripts; they act at fixed places: the penalties
/// and dry before the filters, and adaptive_p in the draw.
void elsewhere(SampleState&) {}

constexpr SampleFilter kFilters[] = {
    {"penalties", "e", elsewhere},
    {"dry", "d", elsewhere},
    {"adaptive_p", "adaptive-p w", elsewhere},
    {"top_k", "top-k k", top_k},
    {"tfs_z", "tfs-z tfs f", tfs_z},
    {"typical_p", "typical-p typical typ_p typ-p typ y", typical_p},
    {"top_p", "top-p nucleus p", top_p},
    {"min_p", "min-p m", min_p},
    {"xtc", "x", xtc},
    {"top_n_sigma", "top-n-sigma n s", top_n_sigma},
    {"temperature", "temp t", temperature},
};

}  // namespace

std::span<const SampleFilter> all_sample_filters() noexcept { return kFilters; }

const SampleFilter* find_sample_filter(std::string_view name) noexcept {
  for (const SampleFilter& f : kFilters) {
    if (f.name == name) return &f;
    const std::string padded = " " + std::string(f.aliases) + " ";
    if (!name.empty() && name.find(' ') == std::string_view::npos &&
        padded.find(" " + std::string(name) + " ") != std::string::npos) {
      return &f;
    }
  }
  return nullptr;
}

}  // namespace runtime
