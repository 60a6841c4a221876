#include "cli/sampling_options.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <random>

#include "base/error.h"
#include "base/nearest.h"
#include "base/printable.h"

namespace cli {
namespace {

float number(const Args& args, std::string_view key) {
  return static_cast<float>(args.number(key));
}

std::int32_t count(const Args& args, std::string_view key) {
  return static_cast<std::int32_t>(args.integer(key));
}

std::optional<std::pair<std::int32_t, float>> parse_bias(const std::string& text) {
  const std::size_t sign = text.find_first_of("+-");
  if (sign == 0 || sign > 9 || sign + 1 >= text.size()) return std::nullopt;
  if (text.find_first_not_of("0123456789") != sign) return std::nullopt;
  const std::string amount = text.substr(sign + 1);
  float x = INFINITY;
  if (amount != "inf") {
    if (amount.find_first_not_of("0123456789.") != std::string::npos) return std::nullopt;
    char* end = nullptr;
    x = std::strtof(amount.c_str(), &end);
    if (*end != '\0') return std::nullopt;
  } else if (text[sign] == '+') {
    return std::nullopt;  // would leave nothing to choose
  }
  return std::pair(static_cast<std::int32_t>(std::stol(text.substr(0, sign))),
                   text[sign] == '-' ? -x : x);
}

runtime::DryOptions dry_options(const Args& args) {
  runtime::DryOptions o;
  o.multiplier = number(args, "dry-multiplier");
  o.base = number(args, "dry-base");
  o.allowed_length = count(args, "dry-allowed-length");
  o.penalty_last_n = count(args, "dry-penalty-last-n");
  if (args.given("dry-sequence-breaker")) {
    o.breakers.clear();
    for (const std::string& text : args.list("dry-sequence-breaker")) {
      if (text != "none") o.breakers.push_back(text);
    }
  }
  return o;
}

/// The list of filters, each of them known.
std::string filter_order(const Args& args) {
  std::string all = args.str("samplers");
  for (std::size_t from = 0; from <= all.size();) {
    const std::size_t end = std::min(all.find(';', from), all.size());
    const std::string name = all.substr(from, end - from);
    from = end + 1;
    if (name.empty() || runtime::find_sample_filter(name) != nullptr) continue;
    std::vector<std::string_view> known;
    for (const runtime::SampleFilter& f : runtime::all_sample_filters()) known.push_back(f.name);
    base::Error error(base::Fault::bad_usage, "--samplers names an unknown filter");
    error.at("found", base::printable(name))
        .at("expected", fmt::format("{}, between semicolons", fmt::join(known, ", ")))
        .hint(base::did_you_mean(name, known));
    throw error;
  }
  return all;
}

}  // namespace

bool is_bias(const std::string& text) { return parse_bias(text).has_value(); }

runtime::SampleOptions sampling_options(const Args& args) {
  runtime::SampleOptions o;
  o.temperature = number(args, "temp");
  o.dynatemp_range = number(args, "dynatemp-range");
  o.dynatemp_exponent = number(args, "dynatemp-exp");
  o.top_k = count(args, "top-k");
  o.top_p = number(args, "top-p");
  o.min_p = number(args, "min-p");
  o.tfs_z = number(args, "tfs-z");
  o.typical_p = number(args, "typical-p");
  o.xtc_probability = number(args, "xtc-probability");
  o.xtc_threshold = number(args, "xtc-threshold");
  o.top_n_sigma = number(args, "top-n-sigma");
  o.repeat_penalty = number(args, "repeat-penalty");
  o.repeat_last_n = count(args, "repeat-last-n");
  o.frequency_penalty = number(args, "frequency-penalty");
  o.presence_penalty = number(args, "presence-penalty");
  o.dry = dry_options(args);
  o.mirostat = {.version = std::stoi(args.str("mirostat")),
                .tau = number(args, "mirostat-ent"),
                .eta = number(args, "mirostat-lr")};
  o.adaptive.target = number(args, "adaptive-target");
  o.adaptive.decay = number(args, "adaptive-decay");
  for (const std::string& text : args.list("logit-bias")) {
    if (const auto bias = parse_bias(text)) o.logit_bias.push_back(*bias);
  }
  o.order = filter_order(args);
  const std::int64_t seed = args.integer("seed");
  o.seed = seed < 0 ? std::random_device{}() : static_cast<std::uint32_t>(seed);
  return o;
}

void check_biases(const runtime::SampleOptions& options, const text::Tokenizer& tokenizer) {
  for (const auto& [id, bias] : options.logit_bias) {
    if (id >= 0 && static_cast<std::size_t>(id) < tokenizer.size()) continue;
    throw base::Error(base::Fault::bad_usage, "--logit-bias names no token of this model")
        .at("found", id)
        .expected(fmt::format("0 to {}", tokenizer.size() - 1))
        .hint("`quern tokenize` tells the ids of a text");
  }
}

void forbid_ends(runtime::SampleOptions& options, const text::Tokenizer& tokenizer) {
  for (std::size_t i = 0; i < tokenizer.size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    if (tokenizer.is_end_of_generation(id)) options.logit_bias.emplace_back(id, -INFINITY);
  }
}

}  // namespace cli
