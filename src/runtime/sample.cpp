#include "runtime/sample.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"

namespace runtime {
namespace {

constexpr std::string_view kUsualOrder =
    "top_k;tfs_z;typical_p;top_p;min_p;xtc;top_n_sigma;temperature";

bool before(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

std::vector<const SampleFilter*> parse_order(std::string_view order) {
  std::vector<const SampleFilter*> chain;
  while (!order.empty()) {
    const std::size_t end = std::min(order.find(';'), order.size());
    const std::string_view name = order.substr(0, end);
    order.remove_prefix(std::min(order.size(), end + 1));
    const SampleFilter* filter = find_sample_filter(name);
    if (filter == nullptr) {
      std::string known;
      for (const SampleFilter& f : all_sample_filters()) {
        known += (known.empty() ? "" : ", ") + std::string(f.name);
      }
      throw base::Error(base::Fault::bad_usage, "unknown sampler")
          .at("found", name)
          .expected(known);
    }
    chain.push_back(filter);
  }
  return chain;
}

}  // namespace

void sample_softmax(std::vector<Candidate>& list) {
  float top = -INFINITY;
  for (const Candidate& c : list) top = std::max(top, c.logit);
  float sum = 0;
  for (Candidate& c : list) {
    c.p = std::exp(c.logit - top);
    sum += c.p;
  }
  for (Candidate& c : list) c.p /= sum;
}

void sample_sort(std::vector<Candidate>& list, std::size_t n) {
  const auto middle = list.begin() + static_cast<std::ptrdiff_t>(std::min(n, list.size()));
  std::partial_sort(list.begin(), middle, list.end(), before);
}

Sampler::Sampler(const SampleOptions& options)
    : options_(options),
      chain_(parse_order(options.order.empty() ? kUsualOrder : std::string_view(options.order))),
      generator_(options.seed) {
  if (options.repeat_last_n < -1) {
    throw base::Error(base::Fault::bad_usage, "bad repeat_last_n")
        .at("found", options.repeat_last_n)
        .expected("-1 or more");
  }
  if (!(options.repeat_penalty > 0.0F)) {
    throw base::Error(base::Fault::bad_usage, "bad repeat_penalty")
        .at("found", options.repeat_penalty)
        .expected("a number above 0");
  }
}

void Sampler::accept(std::int32_t token) {
  window_.push_back(token);
  if (options_.repeat_last_n < 0) return;
  while (window_.size() > static_cast<std::size_t>(options_.repeat_last_n)) window_.pop_front();
}

void Sampler::penalise(std::vector<Candidate>& list) const {
  if (options_.repeat_penalty == 1.0F && options_.frequency_penalty == 0.0F &&
      options_.presence_penalty == 0.0F) {
    return;
  }
  std::unordered_map<std::int32_t, int> counts;
  for (const std::int32_t token : window_) ++counts[token];
  for (const auto& [token, count] : counts) {
    if (token < 0 || static_cast<std::size_t>(token) >= list.size()) continue;
    float& l = list[static_cast<std::size_t>(token)].logit;
    l = l <= 0 ? l * options_.repeat_penalty : l / options_.repeat_penalty;
    l -= static_cast<float>(count) * options_.frequency_penalty + options_.presence_penalty;
  }
}

std::int32_t Sampler::draw(const std::vector<Candidate>& list) {
  if (list.size() == 1) return list.front().id;
  float top = -INFINITY;
  for (const Candidate& c : list) top = std::max(top, c.logit);
  float sum = 0;
  for (const Candidate& c : list) sum += std::exp(c.logit - top);
  const float r = static_cast<float>(generator_() & 0xffffffffU);
  const float threshold = sum * r / 4294967296.0F;
  float running = 0;
  for (const Candidate& c : list) {
    running += std::exp(c.logit - top);
    if (running > threshold) return c.id;
  }
  return list.back().id;
}

std::int32_t Sampler::sample(std::span<const float> logits) {
  if (!std::all_of(logits.begin(), logits.end(), [](float l) { return l == l; })) {
    throw base::Error(base::Fault::bad_input, "a logit is NaN")
        .hint("the model is damaged, or its arithmetic overflows; look at it with `quern info`");
  }
  list_.resize(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    list_[i] = {.id = static_cast<std::int32_t>(i), .logit = logits[i]};
  }
  for (const std::int32_t id : options_.banned) {
    const auto i = static_cast<std::size_t>(id);
    if (id >= 0 && i < list_.size()) list_[i].logit = -INFINITY;
  }
  penalise(list_);
  if (options_.temperature <= 0.0F) return std::min_element(list_.begin(), list_.end(), before)->id;
  SampleState state{.options = options_,
                    .list = list_,
                    .keep = std::max<std::size_t>(1, options_.min_keep),
                    .generator = generator_};
  for (const SampleFilter* filter : chain_) filter->apply(state);
  return draw(list_);
}

}  // namespace runtime
