#include "model/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace model {
namespace {

template <class T>
std::string range_text(Bounds<T> b) {
  return fmt::format("{} to {}", b.min, b.max);
}

}  // namespace

void Keys::missing(std::string_view key) const {
  throw base::Error(base::Fault::bad_file, "a required key is missing")
      .at("key", full(key))
      .hint("the file was written by an incomplete conversion");
}

void Keys::refuse(std::string_view key, const std::string& found,
                  const std::string& expected) const {
  throw base::Error(base::Fault::bad_file, "a hyper-parameter is out of bounds")
      .at("key", full(key))
      .at("found", found)
      .at("expected", expected);
}

std::optional<std::uint32_t> Keys::maybe_count(std::string_view key, CountBounds bounds) const {
  const auto value = metadata_.integer(full(key));
  if (!value) return std::nullopt;
  if (*value < static_cast<std::int64_t>(bounds.min) ||
      *value > static_cast<std::int64_t>(bounds.max)) {
    refuse(key, std::to_string(*value), range_text(bounds));
  }
  return static_cast<std::uint32_t>(*value);
}

std::uint32_t Keys::count(std::string_view key, CountBounds bounds) const {
  const auto value = maybe_count(key, bounds);
  if (!value) missing(key);
  return *value;
}

std::uint32_t Keys::count_or(std::string_view key, std::uint32_t fallback,
                             CountBounds bounds) const {
  return maybe_count(key, bounds).value_or(fallback);
}

std::optional<float> Keys::maybe_number(std::string_view key, NumberBounds bounds) const {
  const auto value = metadata_.number(full(key));
  if (!value) return std::nullopt;
  if (!(*value >= bounds.min && *value <= bounds.max)) {
    refuse(key, fmt::format("{:g}", *value), fmt::format("{:g} to {:g}", bounds.min, bounds.max));
  }
  return static_cast<float>(*value);
}

float Keys::number(std::string_view key, NumberBounds bounds) const {
  const auto value = maybe_number(key, bounds);
  if (!value) missing(key);
  return *value;
}

float Keys::number_or(std::string_view key, float fallback, NumberBounds bounds) const {
  return maybe_number(key, bounds).value_or(fallback);
}

bool Keys::flag_or(std::string_view key, bool fallback) const {
  return metadata_.boolean(full(key)).value_or(fallback);
}

std::optional<std::string_view> Keys::maybe_string(std::string_view key) const {
  return metadata_.string(full(key));
}

std::optional<std::vector<std::uint32_t>> Keys::per_layer(std::string_view key, std::size_t n_layer,
                                                          CountBounds bounds) const {
  const gguf::Value* value = metadata_.find(full(key));
  if (value == nullptr) return std::nullopt;
  if (gguf::type_of(*value) != gguf::ValueType::arr) {
    return std::vector<std::uint32_t>(n_layer, count(key, bounds));
  }
  const gguf::Array& array = std::get<gguf::Array>(*value);
  if (array.size() < n_layer) {
    refuse(key, std::to_string(array.size()) + " entries", std::to_string(n_layer) + " entries");
  }
  std::vector<std::uint32_t> out(n_layer);
  for (std::size_t i = 0; i < n_layer; ++i) {
    const std::int64_t v = array.integer(i);
    if (v < static_cast<std::int64_t>(bounds.min) || v > static_cast<std::int64_t>(bounds.max)) {
      refuse(key, std::to_string(v) + " for layer " + std::to_string(i), range_text(bounds));
    }
    out[i] = static_cast<std::uint32_t>(v);
  }
  return out;
}

ModelSpec begin_spec(const gguf::FileSet& files, const Keys& keys) {
  ModelSpec spec;
  spec.architecture = keys.architecture();
  spec.n_layer = keys.count("block_count", kBlockBounds);
  spec.n_ctx_train = keys.count("context_length", kContextBounds);
  spec.n_embd = keys.count("embedding_length", kWidthBounds);
  const std::string embd = tensor_name(Role::token_embd, -1);
  const gguf::TensorInfo* info = files.find(embd);
  if (info == nullptr) {
    throw base::Error(base::Fault::bad_file, "a required tensor is missing").at("tensor", embd);
  }
  const std::uint64_t n_vocab = info->shape.ne[1];
  if (n_vocab > kVocabBounds.max) {
    throw base::Error(base::Fault::bad_file, "the vocabulary is too large")
        .at("tensor", embd)
        .at("found", n_vocab)
        .at("expected", "at most " + std::to_string(kVocabBounds.max));
  }
  spec.n_vocab = static_cast<std::uint32_t>(n_vocab);
  const auto stated = keys.maybe_count("vocab_size", kVocabBounds);
  if (stated && *stated != spec.n_vocab) {
    spec.findings.push_back({.level = base::Finding::Level::warning,
                             .where = keys.full("vocab_size"),
                             .text = "says " + std::to_string(*stated) + ", token_embd has " +
                                     std::to_string(spec.n_vocab) + " rows"});
  }
  return spec;
}

std::uint32_t uniform_count(const Keys& keys, std::string_view key, std::size_t n_layer,
                            CountBounds bounds) {
  const auto values = keys.per_layer(key, n_layer, bounds);
  if (!values) keys.missing(key);
  const auto differs = std::adjacent_find(values->begin(), values->end(), std::not_equal_to<>());
  if (differs != values->end()) {
    keys.refuse(key, std::to_string(differs[0]) + " and " + std::to_string(differs[1]),
                "one value for all layers");
  }
  return values->front();
}

namespace {

/// Sliding layers with head sizes or rotations of their own: in the newest models only.
void refuse_unlike_sliding_heads(const Keys& keys, const AttentionPlan& plan) {
  const std::pair<std::string_view, std::uint32_t> same[] = {
      {"attention.key_length_swa", plan.key_dim},
      {"attention.value_length_swa", plan.value_dim},
      {"rope.dimension_count_swa", plan.rope.n_rot}};
  for (const auto& [key, expected] : same) {
    const auto stated = keys.maybe_count(key, kHeadDimBounds);
    if (!stated || *stated == expected) continue;
    throw base::Error(base::Fault::unsupported, "sliding layers differ from the others")
        .at("key", keys.full(key))
        .at("found", *stated)
        .at("expected", std::to_string(expected) + ", as in the other layers");
  }
}

}  // namespace

AttentionPlan read_attention(const Keys& keys, const ModelSpec& spec, RopeKind kind) {
  AttentionPlan plan;
  plan.n_head = uniform_count(keys, "attention.head_count", spec.n_layer, kHeadBounds);
  plan.n_kv_head =
      keys.has("attention.head_count_kv")
          ? uniform_count(keys, "attention.head_count_kv", spec.n_layer, {1, plan.n_head})
          : plan.n_head;
  if (plan.n_head % plan.n_kv_head != 0) {
    keys.refuse("attention.head_count_kv", std::to_string(plan.n_kv_head),
                "a divisor of the " + std::to_string(plan.n_head) + " heads");
  }
  const std::uint32_t head_dim = std::max(1U, spec.n_embd / plan.n_head);
  plan.key_dim = keys.count_or("attention.key_length", head_dim, kHeadDimBounds);
  plan.value_dim = keys.count_or("attention.value_length", head_dim, kHeadDimBounds);
  plan.scale = 1.0F / std::sqrt(static_cast<float>(plan.key_dim));
  const std::uint32_t n_rot = keys.count_or("rope.dimension_count", plan.key_dim,
                                            {std::min(2U, plan.key_dim), plan.key_dim});
  plan.rope = read_rope(keys, kind, n_rot, spec.n_ctx_train);
  refuse_unlike_sliding_heads(keys, plan);
  return plan;
}

std::vector<std::uint32_t> read_ffn_widths(const Keys& keys, std::size_t n_layer) {
  auto widths = keys.per_layer("feed_forward_length", n_layer, kWidthBounds);
  if (!widths) keys.missing("feed_forward_length");
  return *std::move(widths);
}

float read_rms_eps(const Keys& keys) {
  return keys.number("attention.layer_norm_rms_epsilon", {0.0, 1.0});
}

namespace {

struct ScalingType {
  std::string_view name;
  bool scales, yarn;
};
constexpr ScalingType kScalingTypes[] = {{"none", false, false},
                                         {"linear", true, false},
                                         {"yarn", true, true},
                                         {"longrope", false, false}};

const ScalingType& scaling_type(const Keys& keys) {
  const std::string_view name = keys.maybe_string("rope.scaling.type").value_or("linear");
  for (const ScalingType& t : kScalingTypes) {
    if (t.name == name) return t;
  }
  throw base::Error(base::Fault::unsupported, "the rope scaling type is unknown")
      .at("key", keys.full("rope.scaling.type"))
      .at("found", name)
      .at("expected", "none, linear, yarn or longrope");
}

}  // namespace

RopePlan read_rope(const Keys& keys, RopeKind kind, std::uint32_t n_rot,
                   std::uint32_t n_ctx_train) {
  if (n_rot % 2 != 0) {
    keys.refuse("rope.dimension_count", std::to_string(n_rot), "an even number");
  }
  RopePlan rope{.kind = kind, .n_rot = n_rot};
  const ScalingType& type = scaling_type(keys);
  rope.base = keys.number_or("rope.freq_base", 10000.0F, kRopeBaseBounds);
  const NumberBounds factor_bounds{0.0, 1e6};
  const std::string_view factor_key =
      keys.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  const float factor = keys.number_or(factor_key, 0.0F, factor_bounds);
  if (type.scales && factor != 0.0F) rope.freq_scale = 1.0F / factor;
  rope.ext_factor =
      keys.number_or("rope.scaling.yarn_ext_factor", type.yarn ? 1.0F : 0.0F, {0.0, 1.0});
  rope.attn_factor = keys.number_or("rope.scaling.yarn_attn_factor", 1.0F, {1e-6, 1e6}) *
                     keys.number_or("rope.scaling.attn_factor", 1.0F, {1e-6, 1e6});
  rope.beta_fast = keys.number_or("rope.scaling.yarn_beta_fast", 32.0F, {1e-3, 1e6});
  rope.beta_slow = keys.number_or("rope.scaling.yarn_beta_slow", 1.0F, {1e-3, 1e6});
  rope.n_ctx_orig =
      keys.count_or("rope.scaling.original_context_length", n_ctx_train, kContextBounds);
  return rope;
}

std::vector<bool> read_sliding_layers(const Keys& keys, std::size_t n_layer, std::uint32_t period) {
  constexpr std::string_view kKey = "attention.sliding_window_pattern";
  std::vector<bool> slides(n_layer);
  const gguf::Value* value = keys.find(kKey);
  if (value != nullptr && gguf::type_of(*value) == gguf::ValueType::arr) {
    const gguf::Array& array = std::get<gguf::Array>(*value);
    if (array.size() < n_layer) {
      keys.refuse(kKey, std::to_string(array.size()) + " entries",
                  std::to_string(n_layer) + " entries");
    }
    for (std::size_t l = 0; l < n_layer; ++l) slides[l] = array.integer(l) != 0;
    return slides;
  }
  const std::uint32_t every = keys.count_or(kKey, period, {1, kBlockBounds.max});
  for (std::size_t l = 0; l < n_layer; ++l) slides[l] = (l + 1) % every != 0;
  return slides;
}

Gating read_gating(const Keys& keys, Gating fallback) {
  const std::uint32_t id = keys.count_or("expert_gating_func", 0, {0, 4});
  return id == 0 ? fallback : static_cast<Gating>(id);
}

ExpertCounts read_expert_counts(const Keys& keys) {
  ExpertCounts counts;
  counts.count = keys.count_or("expert_count", 0, kExpertBounds);
  if (counts.count != 0) counts.used = keys.count("expert_used_count", {1, counts.count});
  return counts;
}

MoePlan read_required_experts(const Keys& keys) {
  const ExpertCounts counts = read_expert_counts(keys);
  if (counts.count == 0) {
    if (!keys.has("expert_count")) keys.missing("expert_count");
    keys.refuse("expert_count", "0", "1 to " + std::to_string(kExpertBounds.max));
  }
  return {.n_expert = counts.count, .n_used = counts.used};
}

std::uint32_t read_expert_width(const Keys& keys, const MoePlan& plan, std::size_t n_layer) {
  if (const auto width = keys.maybe_count("expert_feed_forward_length", kWidthBounds)) {
    return *width;
  }
  const std::uint32_t width = read_ffn_widths(keys, n_layer).front() / plan.n_used;
  if (width == 0) keys.missing("expert_feed_forward_length");
  return width;
}

void read_groups(const Keys& keys, MoePlan& plan) {
  plan.n_group = std::max(1U, keys.count_or("expert_group_count", 1, {0, plan.n_expert}));
  plan.n_group_used =
      std::max(1U, keys.count_or("expert_group_used_count", plan.n_group, {0, plan.n_group}));
  if (plan.n_expert % plan.n_group != 0) {
    keys.refuse("expert_group_count", std::to_string(plan.n_group),
                "a divisor of the " + std::to_string(plan.n_expert) + " experts");
  }
  const std::uint32_t reachable = plan.n_expert / plan.n_group * plan.n_group_used;
  if (plan.n_used > reachable) {
    keys.refuse("expert_group_used_count", std::to_string(plan.n_group_used),
                "groups that hold the " + std::to_string(plan.n_used) + " experts used");
  }
}

}  // namespace model
