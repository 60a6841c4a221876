#include "recipe/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "recipe/table_text.h"

namespace recipe {
namespace {

constexpr RoleOption kRoleOptions[] = {
    {"output-tensor-type", "output", "output.weight"},
    {"token-embedding-type", "token_embd", "token_embd.weight"},
    {"per-layer-token-embedding-type", "per_layer_token_embd", "per_layer_token_embd.weight", true},
    {"attn-v-type", "attn_v", "attn_v", true},
    {"attn-k-type", "attn_k", "attn_k", true},
    {"attn-q-type", "attn_q", "attn_q", true},
    {"attn-qkv-type", "attn_qkv", "attn_qkv.weight", true},
    {"attn-output-type", "attn_output", "attn_output.weight", true},
    {"ffn-gate-type", "ffn_gate", "ffn_gate", true},
    {"ffn-down-type", "ffn_down", "ffn_down", true},
    {"ffn-up-type", "ffn_up", "ffn_up", true},
    {"ffn-gate-inp-type", "ffn_gate_inp", "ffn_gate_inp.weight", true},
};

struct RuleText {
  std::string_view pattern, type;
};

RuleText cut(std::string_view option, std::string_view rule) {
  const std::size_t equals = rule.find('=');
  if (equals == std::string_view::npos || equals == 0 || equals + 1 == rule.size()) {
    throw base::Error(base::Fault::bad_usage, fmt::format("{}: not a rule", option))
        .at("found", fmt::format("'{}'", rule))
        .expected("EXPRESSION=TYPE; an expression cannot contain ',' or '='");
  }
  return {rule.substr(0, equals), rule.substr(equals + 1)};
}

}  // namespace

std::span<const RoleOption> role_options() noexcept { return kRoleOptions; }

std::vector<CustomRule> parse_custom_rules(std::string_view option, std::string_view list) {
  std::vector<CustomRule> rules;
  for (const std::string_view piece : split(list, ',')) {
    const RuleText text = cut(option, piece);
    const TypeFacts& type = type_for_option(option, text.type);
    rules.push_back({Pattern(std::string(text.pattern)), &type});
  }
  return rules;
}

CustomRule parse_tensor_type(std::string_view option, std::string_view rule) {
  const RuleText text = cut(option, rule);
  std::string pattern(text.pattern);
  std::transform(pattern.begin(), pattern.end(), pattern.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const TypeFacts& type = type_for_option(option, text.type);
  return {Pattern(std::move(pattern)), &type};
}

const TypeFacts* Options::role_type(std::string_view role) const noexcept {
  const auto it = std::find_if(role_types.begin(), role_types.end(),
                               [role](const RoleType& r) { return r.role == role; });
  return it == role_types.end() ? nullptr : it->type;
}

}  // namespace recipe
