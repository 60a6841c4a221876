// What the user asks for, beside the recipe.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "model/spec.h"
#include "recipe/pattern.h"
#include "recipe/tables.h"

namespace recipe {

/// Layers that a rule is meant for: "0-3;58-" are the first four and all from 58 on.
struct LayerRange {
  int first = 0, last = std::numeric_limits<int>::max();
};

/// Tensors of these layers (of any and of none, if there are no ranges) whose name matches
/// `pattern` get `type`.
struct CustomRule {
  std::vector<LayerRange> layers;
  Pattern pattern;
  const TypeFacts* type = nullptr;
  std::string text = {};  ///< as the user spelled it, without the type

  bool fits(const model::TensorId& id, std::string_view name) const;
};

/// A line without its comment (from a '#' at its start or behind a blank) and the blanks around it.
std::string_view rule_line(std::string_view line) noexcept;
/// "R1=T1,R2=T2,...": split at every comma and line end, each piece at its first '='. Blanks around
/// expressions and types, comments, empty lines and a comma at the end of a line do not count.
/// Layers and a colon may stand in front of an expression: "0-3;58-:ffn_down=q6_K". Throws
/// Fault::bad_usage naming the rule, of several lines the line too, for other empty pieces, bad
/// expressions, ranges that end before they begin and unknown types.
std::vector<CustomRule> parse_custom_rules(std::string_view option, std::string_view list);
/// One "NAME=TYPE" of llama.cpp's --tensor-type; the pattern is lower-cased.
CustomRule parse_tensor_type(std::string_view option, std::string_view rule);

/// An option that sets the type of one role; `role` is the argument of has_opt in the tables.
struct RoleType {
  std::string_view role;
  const TypeFacts* type = nullptr;
};

/// The per-role options of both programs, in the order of docs/spec/recipes.md 7.
struct RoleOption {
  std::string_view option, role;
  bool ik_only = false;
  std::string_view late = {};  ///< NameTest of the tensors whose type it sets against all else
};
std::span<const RoleOption> role_options() noexcept;

enum class Run : std::uint8_t { quantize, copy, repack, unpack };

struct Options {
  Policy policy = Policy::ik;
  Run run = Run::quantize;
  /// Of repack it tells only whether bf16 is to be woven (BF16_R16), copy and unpack do not use it.
  const Recipe* recipe = nullptr;
  bool pure = false;
  bool leave_output_tensor = false;
  bool allow_requantize = false;
  bool keep_quantized = false;     ///< tensors that are quantized in the source are copied
  bool rules_with_floats = false;  ///< custom rules count beside F32, F16, BF16, too
  bool keep_split = false;         ///< the output has the shards of the input
  bool have_importance = false;    ///< an importance file with at least one entry is in use
  std::vector<RoleType> role_types;
  std::vector<CustomRule> custom_rules;  ///< --custom-q (ik) or --tensor-type (llama.cpp)
  std::vector<Pattern> repack_patterns;  ///< empty: all

  const TypeFacts* role_type(std::string_view role) const noexcept;
};

}  // namespace recipe
