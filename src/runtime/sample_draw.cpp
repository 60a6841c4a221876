#include "runtime/sample_draw.h"

#include <algorithm>
#include <cmath>

namespace runtime {
namespace {

float surprise(float p) { return -std::log2(p); }

/// p of one logit among all; those far below the largest count as 0.
float probability_of(std::span<const float> logits, std::int32_t id) {
  constexpr float kFarBelow = 30.0F;
  float top = -INFINITY;
  for (const float l : logits) top = std::max(top, l);
  const auto weight = [top](float l) { return l < top - kFarBelow ? 0.0F : std::exp(l - top); };
  float sum = 0;
  for (const float l : logits) sum += weight(l);
  return weight(logits[static_cast<std::size_t>(id)]) / sum;
}

}  // namespace

std::size_t draw_candidate(std::span<const Candidate> list, std::mt19937& generator) {
  if (list.size() == 1) return 0;
  float top = -INFINITY;
  for (const Candidate& c : list) top = std::max(top, c.logit);
  float sum = 0;
  for (const Candidate& c : list) sum += std::exp(c.logit - top);
  const auto r = static_cast<float>(generator() & 0xffffffffU);
  const float threshold = sum * r / 4294967296.0F;
  float running = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    running += std::exp(list[i].logit - top);
    if (running > threshold) return i;
  }
  return list.size() - 1;
}

std::size_t Mirostat::kept_by_estimate(std::span<const Candidate> list, std::size_t n_vocab) const {
  constexpr std::size_t kLookedAt = 100;
  float products = 0, squares = 0;
  const std::size_t n = std::min(kLookedAt, list.size());
  for (std::size_t i = 0; i + 1 < n; ++i) {
    const auto rank = static_cast<float>(i);
    const float t = std::log((rank + 2) / (rank + 1));
    const float b = std::log(list[i].p / list[i + 1].p);
    products += t * b;
    squares += t * t;
  }
  const float s = products / squares;  // exponent of Zipf's law
  const float e = s - 1;
  // e / (1 - N^-e), whose limit at e = 0 is 1 / ln N.
  const auto n_tokens = static_cast<float>(n_vocab);
  const float ratio =
      std::abs(e) < 1e-4F ? 1 / std::log(n_tokens) : e / (1 - std::pow(n_tokens, -e));
  const float k = std::pow(ratio * std::exp2(mu_), 1 / s);
  // A flat start of the list gives no exponent: keep all.
  if (!(k < static_cast<float>(list.size()))) return list.size();
  return static_cast<std::size_t>(std::max(1.0F, k));
}

std::int32_t Mirostat::draw(std::vector<Candidate>& list, std::size_t n_vocab,
                            std::mt19937& generator) {
  sample_sort(list, list.size());
  sample_softmax(list);
  std::size_t keep = 1;
  if (options_.version == 1) {
    keep = kept_by_estimate(list, n_vocab);
  } else {
    while (keep < list.size() && surprise(list[keep].p) <= mu_) ++keep;
  }
  list.resize(keep);
  sample_softmax(list);
  const Candidate& drawn = list[draw_candidate(list, generator)];
  mu_ -= options_.eta * (surprise(drawn.p) - options_.tau);
  return drawn.id;
}

AdaptiveP::AdaptiveP(const AdaptiveOptions& options) : options_(options) {
  options_.decay = std::clamp(options_.decay, 0.0F, 0.99F);
  weighted_sum_ = options_.target / (1 - options_.decay);
  total_weight_ = 1 / (1 - options_.decay);
}

std::int32_t AdaptiveP::draw(std::vector<Candidate>& list, std::span<const float> before,
                             std::mt19937& generator) {
  constexpr float kWidth = 0.3F, kPeak = 5.0F, kSharpness = 10.0F;
  sample_softmax(list);
  const float aim = std::clamp(2 * options_.target - weighted_sum_ / total_weight_, 0.0F, 1.0F);
  std::vector<Candidate> aimed = list;
  for (Candidate& c : aimed) {
    const float x = std::abs(c.p - aim) / kWidth;
    c.logit = kPeak - kSharpness * x * x / (1 + x);
  }
  const Candidate& drawn = list[draw_candidate(aimed, generator)];
  const float u = options_.update_with_current ? drawn.p : probability_of(before, drawn.id);
  if (u > 0) {
    weighted_sum_ = options_.decay * weighted_sum_ + u;
    total_weight_ = options_.decay * total_weight_ + 1;
  }
  return drawn.id;
}

}  // namespace runtime
