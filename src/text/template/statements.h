#pragma once

#include <string>
#include <vector>

#include "text/template/expression_parser.h"
#include "text/template/node.h"

namespace text::jinja {

struct Parameter {
  std::string name;
  ExpressionPtr otherwise;  ///< default; may be null
};

struct ForLoop {
  Target target;
  ExpressionPtr over;
  ExpressionPtr condition;  ///< may be null
  Body body, otherwise;
  bool recursive = false;  ///< loop(items) renders the body for other items
};

/// A macro, or the body of a call block (which has no name).
struct MacroText {
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
  SpecialNames special;
};

/// One name in a chain of filters, as in {% filter upper %}.
struct FilterCall {
  std::string name;
  CallArguments arguments;
};

StatementPtr make_text(std::string text);
StatementPtr make_output(ExpressionPtr expression, std::size_t line);
/// Branches of condition and body; a null condition always holds.
StatementPtr make_if(std::vector<std::pair<ExpressionPtr, Body>> branches, std::size_t line);
StatementPtr make_for(ForLoop loop, std::size_t line);
StatementPtr make_set(Target target, ExpressionPtr value, std::size_t line);
/// {% set x %}...{% endset %} and {% filter f %}...{% endfilter %}: the body's text through the
/// filters, to the target or, without one, to the output.
StatementPtr make_block(std::vector<Target> target, std::vector<FilterCall> filters, Body body,
                        std::size_t line);
StatementPtr make_macro(MacroText text);
/// {% call f(x) %}...{% endcall %}: f gets the body as a macro, `caller`.
StatementPtr make_call_block(std::unique_ptr<const CallExpression> call, MacroText caller,
                             std::size_t line);
StatementPtr make_group(Body body);
StatementPtr make_expression(ExpressionPtr expression, std::size_t line);
StatementPtr make_jump(Flow flow);

}  // namespace text::jinja
