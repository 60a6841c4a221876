#include "runtime/sample.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "runtime/sample_draw.h"
#include "runtime/sample_dry.h"

namespace runtime {
namespace {

constexpr std::string_view kUsualOrder =
    "dry;top_k;tfs_z;typical_p;top_p;min_p;xtc;top_n_sigma;temperature";

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

void refuse(std::string_view option, const std::string& found, std::string_view expected) {
  throw base::Error(base::Fault::bad_usage, "bad " + std::string(option))
      .at("found", found)
      .expected(std::string(expected));
}

void check(const SampleOptions& o) {
  if (o.repeat_last_n < -1) refuse("repeat_last_n", std::to_string(o.repeat_last_n), "-1 or more");
  if (!(o.repeat_penalty > 0.0F)) {
    refuse("repeat_penalty", std::to_string(o.repeat_penalty), "a number above 0");
  }
  if (o.mirostat.version < 0 || o.mirostat.version > 2) {
    refuse("mirostat", std::to_string(o.mirostat.version), "0 (off), 1 or 2");
  }
  if (!(o.adaptive.target <= 1.0F)) {
    refuse("adaptive_p target", std::to_string(o.adaptive.target), "at most 1");
  }
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

Sampler::Sampler(const SampleOptions& options, const text::Tokenizer* tokenizer)
    : options_(options),
      chain_(parse_order(options.order.empty() ? kUsualOrder : std::string_view(options.order))),
      generator_(options.seed) {
  check(options);
  if (options.dry.multiplier != 0.0F) {
    breakers_ = tokenizer != nullptr
                    ? std::make_unique<DryBreakers>(*tokenizer, options.dry.breakers)
                    : std::make_unique<DryBreakers>();
  }
  if (options.mirostat.version != 0) mirostat_ = std::make_unique<Mirostat>(options.mirostat);
  if (options.adaptive.target >= 0.0F) adaptive_ = std::make_unique<AdaptiveP>(options.adaptive);
}

Sampler::~Sampler() = default;
Sampler::Sampler(Sampler&&) noexcept = default;

void Sampler::penalise(std::vector<Candidate>& list) const {
  if (breakers_) penalise_repetition(options_.dry, *breakers_, history_, list);
  if (options_.repeat_penalty == 1.0F && options_.frequency_penalty == 0.0F &&
      options_.presence_penalty == 0.0F) {
    return;
  }
  const std::size_t n =
      options_.repeat_last_n < 0
          ? history_.size()
          : std::min(history_.size(), static_cast<std::size_t>(options_.repeat_last_n));
  std::unordered_map<std::int32_t, int> counts;
  for (const std::int32_t token : std::span(history_).last(n)) ++counts[token];
  for (const auto& [token, count] : counts) {
    if (token < 0 || static_cast<std::size_t>(token) >= list.size()) continue;
    float& l = list[static_cast<std::size_t>(token)].logit;
    l = l <= 0 ? l * options_.repeat_penalty : l / options_.repeat_penalty;
    l -= static_cast<float>(count) * options_.frequency_penalty + options_.presence_penalty;
  }
}

std::int32_t Sampler::choose() {
  SampleState state{.options = options_,
                    .list = list_,
                    .keep = std::max<std::size_t>(1, options_.min_keep),
                    .generator = generator_};
  if (mirostat_) {
    find_sample_filter("temperature")->apply(state);
    return mirostat_->draw(list_, list_.size(), generator_);
  }
  if (adaptive_) {
    before_.clear();
    for (const Candidate& c : list_) before_.push_back(c.logit);
  }
  for (const SampleFilter* filter : chain_) filter->apply(state);
  if (adaptive_) return adaptive_->draw(list_, before_, generator_);
  return list_[draw_candidate(list_, generator_)].id;
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
  for (const auto& [id, bias] : options_.logit_bias) {
    const auto i = static_cast<std::size_t>(id);
    if (id >= 0 && i < list_.size()) list_[i].logit += bias;
  }
  penalise(list_);
  if (options_.temperature <= 0.0F) return std::min_element(list_.begin(), list_.end(), before)->id;
  return choose();
}

}  // namespace runtime
