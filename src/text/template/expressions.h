#pragma once

#include <string>

#include "text/template/node.h"

namespace text::jinja {

// Each takes over its parts and knows its depth.
ExpressionPtr make_constant(Value value);
ExpressionPtr make_name(std::string name);
ExpressionPtr make_list(std::vector<ExpressionPtr> items, bool tuple);
ExpressionPtr make_dict(std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries);
ExpressionPtr make_attribute(ExpressionPtr object, std::string name);
ExpressionPtr make_item(ExpressionPtr object, ExpressionPtr key);
/// Absent bounds are null.
ExpressionPtr make_slice(ExpressionPtr object, ExpressionPtr first, ExpressionPtr last,
                         ExpressionPtr step);
ExpressionPtr make_call(ExpressionPtr callee, CallArguments arguments);
ExpressionPtr make_filter(ExpressionPtr input, std::string name, CallArguments arguments);
ExpressionPtr make_test(ExpressionPtr input, std::string name, CallArguments arguments,
                        bool inverted);
/// `operation` is "+", "-", "*", "/", "//", "%", "**" or "~".
ExpressionPtr make_arithmetic(std::string operation, ExpressionPtr left, ExpressionPtr right);
/// a < b <= c ...: operations "==", "!=", "<", "<=", ">", ">=", "in", "not in".
ExpressionPtr make_comparison(ExpressionPtr first,
                              std::vector<std::pair<std::string, ExpressionPtr>> rest);
ExpressionPtr make_and(ExpressionPtr left, ExpressionPtr right);
ExpressionPtr make_or(ExpressionPtr left, ExpressionPtr right);
ExpressionPtr make_not(ExpressionPtr operand);
ExpressionPtr make_negative(ExpressionPtr operand);
ExpressionPtr make_positive(ExpressionPtr operand);
/// `otherwise` may be null.
ExpressionPtr make_choice(ExpressionPtr condition, ExpressionPtr then, ExpressionPtr otherwise);

/// a OP b for arithmetic, with Python's rules.
Value arithmetic(Render& render, std::string_view operation, const Value& a, const Value& b);

}  // namespace text::jinja
