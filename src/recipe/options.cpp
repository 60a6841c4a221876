#include "recipe/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

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

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

RuleText cut(std::string_view option, std::string_view rule) {
  const std::size_t equals = rule.find('=');
  const bool whole = equals != std::string_view::npos;
  const RuleText text{trimmed(rule.substr(0, equals)),
                      whole ? trimmed(rule.substr(equals + 1)) : std::string_view()};
  if (text.pattern.empty() || text.type.empty()) {
    throw base::Error(base::Fault::bad_usage, fmt::format("{}: not a rule", option))
        .at("found", fmt::format("'{}'", rule))
        .expected("EXPRESSION=TYPE; an expression cannot contain ',' or '='");
  }
  return text;
}

int layer_number(std::string_view option, std::string_view rule, std::string_view digits) {
  int value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, code] = std::from_chars(digits.data(), end, value);
  if (code != std::errc() || stop != end) {
    throw base::Error(base::Fault::bad_usage, fmt::format("{}: not a range of layers", option))
        .at("found", fmt::format("'{}'", rule))
        .expected("LAYER, FIRST-LAST or FIRST-, several separated by ';'");
  }
  return value;
}

/// Takes "0-3;58-:" off the front. No tensor name holds a colon, so no expression that could match
/// is taken for ranges.
std::vector<LayerRange> cut_layers(std::string_view option, std::string_view& pattern) {
  const std::string_view all = pattern;
  const std::size_t colon = all.find(':');
  const std::string_view head = all.substr(0, colon);
  if (colon == std::string_view::npos || head.empty() ||
      head.find_first_not_of("0123456789-;") != std::string_view::npos) {
    return {};
  }
  std::vector<LayerRange> ranges;
  for (const std::string_view piece : split(head, ';')) {
    const std::size_t dash = piece.find('-');
    LayerRange range{.first = layer_number(option, all, piece.substr(0, dash))};
    if (dash == std::string_view::npos) {
      range.last = range.first;
    } else if (dash + 1 < piece.size()) {
      range.last = layer_number(option, all, piece.substr(dash + 1));
    }
    if (range.last < range.first) {
      throw base::Error(base::Fault::bad_usage,
                        fmt::format("{}: a range of layers that ends before it begins", option))
          .at("found", fmt::format("'{}'", piece))
          .expected(fmt::format("{}-{}", range.last, range.first));
    }
    ranges.push_back(range);
  }
  pattern.remove_prefix(colon + 1);
  return ranges;
}

CustomRule make_rule(std::string_view option, std::string_view spelled, std::string_view type) {
  try {
    std::string_view pattern = spelled;
    std::vector<LayerRange> layers = cut_layers(option, pattern);
    return {.layers = std::move(layers),
            .pattern = Pattern(std::string(pattern)),
            .type = &type_for_option(option, type),
            .text = std::string(spelled)};
  } catch (base::Error& e) {
    e.at("rule", fmt::format("'{}={}'", spelled, type));
    throw;
  }
}

/// The rules of one line, without comment and blanks around it.
void parse_line(std::string_view option, std::string_view line, std::vector<CustomRule>& rules) {
  if (line.ends_with(',')) line = trimmed(line.substr(0, line.size() - 1));
  for (const std::string_view piece : split(line, ',')) {
    const RuleText text = cut(option, trimmed(piece));
    rules.push_back(make_rule(option, text.pattern, text.type));
  }
}

}  // namespace

bool CustomRule::fits(const model::TensorId& id, std::string_view name) const {
  const bool layer_fits =
      layers.empty() || std::any_of(layers.begin(), layers.end(), [&](const LayerRange& r) {
        return id.layer >= r.first && id.layer <= r.last;
      });
  return layer_fits && pattern.search(name);
}

std::span<const RoleOption> role_options() noexcept { return kRoleOptions; }

std::string_view rule_line(std::string_view line) noexcept {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at > 0 && line[at - 1] != ' ' && line[at - 1] != '\t') continue;
    line = line.substr(0, at);
    break;
  }
  return trimmed(line);
}

std::vector<CustomRule> parse_custom_rules(std::string_view option, std::string_view list) {
  std::vector<CustomRule> rules;
  const Fields lines = split(list, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = rule_line(lines[i]);
    if (line.empty() && lines.size() > 1) continue;
    try {
      parse_line(option, line, rules);
    } catch (base::Error& e) {
      if (lines.size() > 1) e.at("line", i + 1);
      throw;
    }
  }
  return rules;
}

CustomRule parse_tensor_type(std::string_view option, std::string_view rule) {
  const RuleText text = cut(option, rule);
  std::string pattern(text.pattern);
  std::transform(pattern.begin(), pattern.end(), pattern.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return make_rule(option, pattern, text.type);
}

const TypeFacts* Options::role_type(std::string_view role) const noexcept {
  const auto it = std::find_if(role_types.begin(), role_types.end(),
                               [role](const RoleType& r) { return r.role == role; });
  return it == role_types.end() ? nullptr : it->type;
}

}  // namespace recipe
