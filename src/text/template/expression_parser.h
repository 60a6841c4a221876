#pragma once

#include <utility>

#include "text/template/expressions.h"
#include "text/template/token_reader.h"

namespace text::jinja {

/// Which of the names that a macro has without declaring them its body uses: only then may a call
/// pass more than the declared arguments.
struct SpecialNames {
  bool caller = false, varargs = false, kwargs = false;
};

/// Reads expressions. From loosest to tightest: a if c else b, or, and, not, comparisons, + -, ~,
/// * / // %, **, unary minus, filters and tests, calls and subscripts.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenReader& tokens) : tokens_(tokens) {}

  /// A whole expression; commas make a tuple.
  ExpressionPtr tuple_or_one();
  ExpressionPtr one();
  /// Without "a if c else b", whose `if` would belong to a loop.
  ExpressionPtr one_without_choice();
  ExpressionPtr tuple_without_choice();
  /// Behind "(".
  CallArguments call_arguments();
  /// The special names of macros read since the last call; starts over with `next`.
  SpecialNames take_special(SpecialNames next) { return std::exchange(special_, next); }

 private:
  using Rule = ExpressionPtr (ExpressionParser::*)();

  ExpressionPtr tuple_of(Rule item);
  ExpressionPtr logical_or();
  ExpressionPtr logical_and();
  ExpressionPtr logical_not();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filters);
  ExpressionPtr left_chain(Rule operand, std::initializer_list<std::string_view> operations);
  ExpressionPtr primary();
  ExpressionPtr name();
  ExpressionPtr postfix(ExpressionPtr e);
  ExpressionPtr filters(ExpressionPtr e);
  ExpressionPtr filter(ExpressionPtr e);
  ExpressionPtr test(ExpressionPtr e);
  ExpressionPtr subscript(ExpressionPtr e);
  ExpressionPtr parenthesised();
  ExpressionPtr list();
  ExpressionPtr dict();
  std::string dotted_name();
  bool at_tuple_end() const;
  /// Refuses expressions that are too deep to evaluate.
  ExpressionPtr bounded(ExpressionPtr e) const;

  TokenReader& tokens_;
  std::size_t nesting_ = 0;
  SpecialNames special_;
};

}  // namespace text::jinja
