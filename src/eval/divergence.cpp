#include "eval/divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "eval/perplexity.h"
#include "eval/score.h"

namespace eval {
namespace {
constexpr float kNegligible = -16;  // log-probability below which the base contributes nothing
// What lies below kNegligible is not summed: up to 0.03 of 250000 tokens.
constexpr double kSumTolerance = 0.1;
}  // namespace

Comparison compare(std::span<const float> logits, std::span<const std::byte> record_bytes,
                   std::size_t y, const kernels::KernelTable& kernels) {
  const Record base = read_record(record_bytes);
  const RowSummary row = summarise(logits, kernels);
  const float log_sum = row.max + static_cast<float>(std::log(row.sum_exp));
  Comparison c;
  c.nll = log_sum - logits[y];
  c.nll_base = -base.log_prob(y);
  c.delta_p = std::exp(-c.nll) - std::exp(-c.nll_base);
  double kld = 0, base_sum = 0;
  float base_max = base.log_prob(0);
  std::size_t base_top = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const float b = base.log_prob(i);
    if (b > base_max) {
      base_max = b;
      base_top = i;
    }
    if (b <= kNegligible) continue;
    const float p = std::exp(b);
    base_sum += static_cast<double>(p);
    kld += static_cast<double>(p * (b - logits[i] + log_sum));
  }
  c.kld = static_cast<float>(kld);
  c.same_top = base_top == row.argmax;
  c.base_sums_to_one = std::abs(base_sum - 1) <= kSumTolerance;
  return c;
}

void Divergence::add(const Comparison& c) {
  ++n_;
  nll_ += c.nll;
  nll2_ += static_cast<double>(c.nll * c.nll);
  base_ += c.nll_base;
  base2_ += static_cast<double>(c.nll_base * c.nll_base);
  cross_ += static_cast<double>(c.nll * c.nll_base);
  kld_ += c.kld;
  kld2_ += static_cast<double>(c.kld) * c.kld;
  dp_ += c.delta_p;
  const auto dp2 = static_cast<double>(c.delta_p * c.delta_p);
  dp2_ += dp2;
  dp4_ += dp2 * dp2;
  same_ += c.same_top ? 1 : 0;
  doubtful_ += c.base_sums_to_one ? 0 : 1;
  klds_.push_back(c.kld);
  dps_.push_back(c.delta_p);
  sorted_ = false;
}

Estimate Divergence::mean_of(double sum, double sum_of_squares) const {
  const auto n = static_cast<double>(n_);
  const double mean = sum / n;
  const double variance = sum_of_squares / n - mean * mean;
  return {mean, variance > 0 && n_ > 10 ? std::sqrt(variance / (n - 1)) : 0};
}

double Divergence::covariance() const {
  if (n_ < 10) return 0;
  const auto n = static_cast<double>(n_);
  return (cross_ / n - (nll_ / n) * (base_ / n)) / (n - 1);
}

Estimate Divergence::perplexity() const {
  const Estimate e = mean_of(nll_, nll2_);
  return {std::exp(e.value), std::exp(e.value) * e.error};
}
Estimate Divergence::base_perplexity() const {
  const Estimate e = mean_of(base_, base2_);
  return {std::exp(e.value), std::exp(e.value) * e.error};
}
double Divergence::correlation() const {
  const double product = mean_of(nll_, nll2_).error * mean_of(base_, base2_).error;
  return product > 0 ? covariance() / product : 0;
}
Estimate Divergence::log_ratio() const {
  const Estimate q = mean_of(nll_, nll2_);
  const Estimate b = mean_of(base_, base2_);
  const double variance = q.error * q.error + b.error * b.error - 2 * covariance();
  return {q.value - b.value, variance > 0 ? std::sqrt(variance) : 0};
}
Estimate Divergence::ratio() const {
  const Estimate r = log_ratio();
  return {std::exp(r.value), std::exp(r.value) * r.error};
}
Estimate Divergence::difference() const {
  const Estimate q = perplexity();
  const Estimate b = base_perplexity();
  const double variance =
      q.error * q.error + b.error * b.error - 2 * q.value * b.value * covariance();
  return {q.value - b.value, variance > 0 ? std::sqrt(variance) : 0};
}
Estimate Divergence::mean_kld() const { return mean_of(kld_, kld2_); }
Estimate Divergence::mean_delta_p() const { return mean_of(dp_, dp2_); }
Estimate Divergence::rms_delta_p() const {
  const double rms = std::sqrt(dp2_ / static_cast<double>(n_));
  return {rms, rms > 0 ? 0.5 / rms * mean_of(dp2_, dp4_).error : 0};
}
Estimate Divergence::same_top() const {
  const auto n = static_cast<double>(n_);
  const double f = static_cast<double>(same_) / n;
  return {f, n_ > 1 ? std::sqrt(f * (1 - f) / (n - 1)) : 0};
}

void Divergence::sort() const {
  if (sorted_) return;
  std::sort(klds_.begin(), klds_.end());
  std::sort(dps_.begin(), dps_.end());
  sorted_ = true;
}

namespace {
double quantile(const std::vector<float>& sorted, double f) {
  if (f == 0.5) {
    const std::size_t half = sorted.size() / 2;
    if (sorted.size() % 2 == 1) return static_cast<double>(sorted[half]);
    return static_cast<double>(0.5F * (sorted[half - 1] + sorted[half]));
  }
  const double x = f * static_cast<double>(sorted.size() - 1);
  const auto k = static_cast<std::size_t>(x);
  const double rest = x - static_cast<double>(k);
  const std::size_t next = std::min(k + 1, sorted.size() - 1);
  return (1 - rest) * static_cast<double>(sorted[k]) + rest * static_cast<double>(sorted[next]);
}
}  // namespace

double Divergence::kld_quantile(double f) const {
  sort();
  return quantile(klds_, f);
}
double Divergence::delta_p_quantile(double f) const {
  sort();
  return quantile(dps_, f);
}

std::string divergence_table_header() {
  return "chunk             PPL               ln(PPL(Q)/PPL(base))          KL Divergence"
         "              Δp RMS            Same top p";
}

std::string divergence_table_line(std::size_t window, const Divergence& d) {
  const Estimate ppl = d.perplexity();
  const Estimate ratio = d.log_ratio();
  const Estimate kld = d.mean_kld();
  const Estimate dp = d.rms_delta_p();
  const Estimate top = d.same_top();
  return fmt::format(
      "{:4d}    {:9.4f} ± {:9.4f}    {:10.5f} ± {:10.5f}    {:10.5f} ± {:10.5f}    {:6.3f} ± "
      "{:6.3f} %"
      "    {:6.3f} ± {:6.3f} %",
      window + 1, ppl.value, ppl.error, ratio.value, ratio.error, kld.value, kld.error,
      100 * dp.value, 100 * dp.error, 100 * top.value, 100 * top.error);
}

namespace {
struct Quantile {
  std::string_view label;
  double f;
};
constexpr Quantile kKldQuantiles[] = {{"Maximum", 1},    {"99.9%  ", .999}, {"99.0%  ", .99},
                                      {"95.0%  ", .95},  {"90.0%  ", .9},   {"Median ", .5},
                                      {"10.0%  ", .1},   {" 5.0%  ", .05},  {" 1.0%  ", .01},
                                      {" 0.1%  ", .001}, {"Minimum", 0}};
constexpr Quantile kDpQuantiles[] = {
    {"Maximum", 1},   {"99.9%  ", .999}, {"99.0%  ", .99}, {"95.0%  ", .95}, {"90.0%  ", .9},
    {"75.0%  ", .75}, {"Median ", .5},   {"25.0%  ", .25}, {"10.0%  ", .1},  {" 5.0%  ", .05},
    {" 1.0%  ", .01}, {" 0.1%  ", .001}, {"Minimum", 0}};

std::string with_error(std::string_view label, const Estimate& e) {
  return fmt::format("{}: {:10.6f} ± {:10.6f}\n", label, e.value, e.error);
}
}  // namespace

std::string divergence_report(const Divergence& d) {
  std::string out = "\n====== Perplexity statistics ======\n";
  out += with_error("Mean PPL(Q)                   ", d.perplexity());
  out += with_error("Mean PPL(base)                ", d.base_perplexity());
  out += fmt::format("Cor(ln(PPL(Q)), ln(PPL(base))): {:6.2f}%\n", 100 * d.correlation());
  out += with_error("Mean ln(PPL(Q)/PPL(base))     ", d.log_ratio());
  out += with_error("Mean PPL(Q)/PPL(base)         ", d.ratio());
  out += with_error("Mean PPL(Q)-PPL(base)         ", d.difference());
  out += "\n====== KL divergence statistics ======\n";
  out += with_error("Mean    KLD", d.mean_kld());
  for (const Quantile& q : kKldQuantiles) {
    out += fmt::format("{} KLD: {:10.6f}\n", q.label, d.kld_quantile(q.f));
  }
  out += "\n====== Token probability statistics ======\n";
  const auto percent = [](const Estimate& e) {
    return fmt::format("{:6.3f} ± {:5.3f} %\n", 100 * e.value, 100 * e.error);
  };
  out += "Mean    Δp: " + percent(d.mean_delta_p());
  for (const Quantile& q : kDpQuantiles) {
    out += fmt::format("{} Δp: {:6.3f}%\n", q.label, 100 * d.delta_p_quantile(q.f));
  }
  out += "RMS Δp    : " + percent(d.rms_delta_p());
  out += "Same top p: " + percent(d.same_top());
  return out;
}

Divergence measure_divergence(const runtime::Model& model, const BaseFile& base,
                              const runtime::EvaluateOptions& options, const AfterDivergence& after,
                              runtime::Runtime& runtime) {
  if (model.spec().n_vocab != base.n_vocab()) {
    throw base::Error(base::Fault::bad_input, "the base file is of a model with another vocabulary")
        .at("found", fmt::format("{} tokens in the base file", base.n_vocab()))
        .expected(fmt::format("{} tokens as in the model", model.spec().n_vocab));
  }
  const Windows windows{
      .tokens = base.tokens(), .window = base.window(), .n_windows = base.n_windows()};
  const ScoredRange range = scored_range(windows.window);
  Divergence sums;
  run_windows(
      model, windows, options, {},
      [&](std::size_t window, const runtime::Rows& logits) {
        std::vector<Comparison> row(logits.n);
        const auto tokens = windows.of(window);
        runtime.team.run(logits.n, [&](std::size_t i, std::size_t) {
          row[i] = compare({logits.row(i), logits.cols}, base.record(window, i),
                           static_cast<std::size_t>(tokens[range.first + i + 1]), runtime.kernels);
        });
        for (const Comparison& c : row) sums.add(c);
        if (after) after(window, sums);
      },
      runtime);
  return sums;
}

}  // namespace eval
