#include "recipe/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "recipe/table_text.h"

namespace recipe {
namespace {

constexpr RoleOption kRoleOptions[] = {
    {.option = "output-tensor-type", .role = "output", .late = "eq:output.weight"},
    {.option = "token-embedding-type", .role = "token_embd", .late = "eq:token_embd.weight"},
    {.option = "per-layer-token-embedding-type",
     .role = "per_layer_token_embd",
     .ik_only = true,
     .late = "eq:per_layer_token_embd.weight"},
    {.option = "attn-v-type", .role = "attn_v", .ik_only = true},
    {.option = "attn-k-type", .role = "attn_k", .ik_only = true},
    {.option = "attn-q-type", .role = "attn_q", .ik_only = true},
    {.option = "attn-qkv-type", .role = "attn_qkv", .ik_only = true},
    {.option = "attn-output-type", .role = "attn_output", .ik_only = true},
    {.option = "ffn-gate-type", .role = "ffn_gate", .ik_only = true},
    {.option = "ffn-down-type", .role = "ffn_down", .ik_only = true},
    {.option = "ffn-up-type", .role = "ffn_up", .ik_only = true},
    {.option = "ffn-gate-inp-type",
     .role = "ffn_gate_inp",
     .ik_only = true,
     .late = "has:ffn_gate_inp.weight"},
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
