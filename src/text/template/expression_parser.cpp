#include "text/template/expression_parser.h"

#include <charconv>

#include "text/template/big_whole.h"

namespace text::jinja {
namespace {

constexpr std::size_t kMaxNesting = 100;  // of brackets and the like
constexpr std::size_t kMaxDepth = 500;    // of an expression's tree, chains included

using Type = Token::Type;

struct NamedConstant {
  std::string_view name;
  Value (*make)();
};
constexpr NamedConstant kConstants[] = {
    {"true", [] { return Value(true); }},   {"True", [] { return Value(true); }},
    {"false", [] { return Value(false); }}, {"False", [] { return Value(false); }},
    {"none", [] { return Value(None{}); }}, {"None", [] { return Value(None{}); }},
};

/// Counts levels of recursion while it lives.
class Nesting {
 public:
  Nesting(std::size_t& level, const TokenReader& tokens) : level_(level) {
    if (level_ >= kMaxNesting) tokens.fail("an expression is nested too deeply");
    ++level_;
  }
  ~Nesting() { --level_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  std::size_t& level_;
};

}  // namespace

ExpressionPtr ExpressionParser::bounded(ExpressionPtr e) const {
  if (e->depth > kMaxDepth) tokens_.fail("an expression is too long");
  return e;
}

bool ExpressionParser::at_tuple_end() const {
  return tokens_.is(Type::end_block) || tokens_.is(Type::end_output) || tokens_.is_operation(")") ||
         tokens_.is_operation("=") || tokens_.is_name("in") || tokens_.is_name("recursive");
}

ExpressionPtr ExpressionParser::tuple_of(Rule item) {
  ExpressionPtr first = (this->*item)();
  if (!tokens_.is_operation(",")) return first;
  std::vector<ExpressionPtr> items;
  items.push_back(std::move(first));
  while (tokens_.skip_operation(",")) {
    if (at_tuple_end()) break;
    items.push_back((this->*item)());
  }
  return bounded(make_list(std::move(items), true));
}

ExpressionPtr ExpressionParser::tuple_or_one() { return tuple_of(&ExpressionParser::one); }
ExpressionPtr ExpressionParser::tuple_without_choice() {
  return tuple_of(&ExpressionParser::one_without_choice);
}

ExpressionPtr ExpressionParser::one() {
  const Nesting nesting(nesting_, tokens_);
  ExpressionPtr e = logical_or();
  while (tokens_.skip_name("if")) {
    ExpressionPtr condition = logical_or();
    ExpressionPtr otherwise = tokens_.skip_name("else") ? one() : nullptr;
    e = bounded(make_choice(std::move(condition), std::move(e), std::move(otherwise)));
  }
  return e;
}

ExpressionPtr ExpressionParser::one_without_choice() {
  const Nesting nesting(nesting_, tokens_);
  return logical_or();
}

ExpressionPtr ExpressionParser::logical_or() {
  ExpressionPtr e = logical_and();
  while (tokens_.skip_name("or")) e = bounded(make_or(std::move(e), logical_and()));
  return e;
}

ExpressionPtr ExpressionParser::logical_and() {
  ExpressionPtr e = logical_not();
  while (tokens_.skip_name("and")) e = bounded(make_and(std::move(e), logical_not()));
  return e;
}

ExpressionPtr ExpressionParser::logical_not() {
  if (!tokens_.skip_name("not")) return comparison();
  const Nesting nesting(nesting_, tokens_);
  return bounded(make_not(logical_not()));
}

ExpressionPtr ExpressionParser::comparison() {
  ExpressionPtr first = sum();
  std::vector<std::pair<std::string, ExpressionPtr>> rest;
  for (;;) {
    std::string operation;
    for (const std::string_view known : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (operation.empty() && tokens_.skip_operation(known)) operation = known;
    }
    if (operation.empty() && tokens_.skip_name("in")) operation = "in";
    if (operation.empty() && tokens_.is_name("not") && tokens_.is_name("in", 1)) {
      tokens_.take();
      tokens_.take();
      operation = "not in";
    }
    if (operation.empty()) break;
    rest.emplace_back(operation, sum());
  }
  return rest.empty() ? std::move(first)
                      : bounded(make_comparison(std::move(first), std::move(rest)));
}

ExpressionPtr ExpressionParser::left_chain(Rule operand,
                                           std::initializer_list<std::string_view> operations) {
  ExpressionPtr e = (this->*operand)();
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view operation : operations) {
      if (!tokens_.skip_operation(operation)) continue;
      e = bounded(make_arithmetic(std::string(operation), std::move(e), (this->*operand)()));
      found = true;
    }
  }
  return e;
}

ExpressionPtr ExpressionParser::sum() {
  return left_chain(&ExpressionParser::concatenation, {"+", "-"});
}
ExpressionPtr ExpressionParser::concatenation() {
  return left_chain(&ExpressionParser::product, {"~"});
}
ExpressionPtr ExpressionParser::product() {
  return left_chain(&ExpressionParser::power, {"*", "/", "//", "%"});
}

ExpressionPtr ExpressionParser::power() {
  ExpressionPtr e = unary(true);
  while (tokens_.skip_operation("**")) {
    e = bounded(make_arithmetic("**", std::move(e), unary(true)));
  }
  return e;
}

ExpressionPtr ExpressionParser::unary(bool with_filters) {
  const Nesting nesting(nesting_, tokens_);
  ExpressionPtr e;
  if (tokens_.skip_operation("-")) {
    e = make_negative(unary(false));
  } else if (tokens_.skip_operation("+")) {
    e = make_positive(unary(false));
  } else {
    e = primary();
  }
  e = postfix(bounded(std::move(e)));
  return with_filters ? filters(std::move(e)) : std::move(e);
}

ExpressionPtr ExpressionParser::primary() {
  if (tokens_.is(Type::name)) return name();
  if (tokens_.is(Type::string)) {
    std::string text = tokens_.take().text;
    while (tokens_.is(Type::string)) text += tokens_.take().text;
    return make_constant(std::move(text));
  }
  if (tokens_.is(Type::integer)) {
    return make_constant(whole_of_digits(false, tokens_.take().text));
  }
  if (tokens_.is(Type::real)) {
    const std::string text = tokens_.take().text;
    double value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return make_constant(value);
  }
  if (tokens_.skip_operation("(")) return parenthesised();
  if (tokens_.skip_operation("[")) return list();
  if (tokens_.skip_operation("{")) return dict();
  tokens_.fail("expected an expression");
}

ExpressionPtr ExpressionParser::name() {
  std::string text = tokens_.take().text;
  for (const NamedConstant& row : kConstants) {
    if (row.name == text) return make_constant(row.make());
  }
  if (text == "caller") special_.caller = true;
  if (text == "varargs") special_.varargs = true;
  if (text == "kwargs") special_.kwargs = true;
  return make_name(std::move(text));
}

ExpressionPtr ExpressionParser::parenthesised() {
  if (tokens_.skip_operation(")")) return make_list({}, true);
  ExpressionPtr e = tuple_or_one();
  tokens_.expect_operation(")");
  return e;
}

ExpressionPtr ExpressionParser::list() {
  std::vector<ExpressionPtr> items;
  while (!tokens_.skip_operation("]")) {
    if (!items.empty()) tokens_.expect_operation(",");
    if (tokens_.skip_operation("]")) break;
    items.push_back(one());
  }
  return bounded(make_list(std::move(items), false));
}

ExpressionPtr ExpressionParser::dict() {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
  while (!tokens_.skip_operation("}")) {
    if (!entries.empty()) tokens_.expect_operation(",");
    if (tokens_.skip_operation("}")) break;
    ExpressionPtr key = one();
    tokens_.expect_operation(":");
    entries.emplace_back(std::move(key), one());
  }
  return bounded(make_dict(std::move(entries)));
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr e) {
  for (;;) {
    if (tokens_.skip_operation(".")) {
      if (tokens_.is(Type::integer)) {
        e = make_item(std::move(e), primary());
      } else {
        e = make_attribute(std::move(e), tokens_.expect_name());
      }
    } else if (tokens_.skip_operation("[")) {
      e = subscript(std::move(e));
    } else if (tokens_.skip_operation("(")) {
      e = make_call(std::move(e), call_arguments());
    } else {
      return e;
    }
    e = bounded(std::move(e));
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr e) {
  ExpressionPtr parts[3];
  std::size_t n = 0;
  bool slice = false;
  for (;;) {
    if (tokens_.is_operation(":") && n < 2) {
      tokens_.take();
      slice = true;
      ++n;
    } else if (tokens_.skip_operation("]")) {
      break;
    } else if (parts[n] == nullptr) {
      parts[n] = one();
    } else {
      tokens_.fail("expected ']'");
    }
  }
  if (slice) {
    return make_slice(std::move(e), std::move(parts[0]), std::move(parts[1]), std::move(parts[2]));
  }
  if (parts[0] == nullptr) tokens_.fail("expected a subscript");
  return make_item(std::move(e), std::move(parts[0]));
}

CallArguments ExpressionParser::call_arguments() {
  CallArguments out;
  bool first = true;
  while (!tokens_.skip_operation(")")) {
    if (!first) tokens_.expect_operation(",");
    if (tokens_.skip_operation(")")) break;
    first = false;
    if (out.mapping != nullptr) tokens_.fail("an argument follows one with **");
    if (tokens_.skip_operation("**")) {
      out.mapping = one();
      continue;
    }
    if (out.list == nullptr && tokens_.skip_operation("*")) {
      out.list = one();
      continue;
    }
    const bool named = tokens_.is(Type::name) && tokens_.peek(1).type == Type::operation &&
                       tokens_.peek(1).text == "=";
    if (named) {
      std::string name = tokens_.take().text;
      tokens_.take();
      out.named.emplace_back(std::move(name), one());
    } else {
      if (!out.named.empty() || out.list != nullptr) {
        tokens_.fail("an argument without a name follows one with a name or *");
      }
      out.positional.push_back(one());
    }
  }
  return out;
}

std::string ExpressionParser::dotted_name() {
  std::string name = tokens_.expect_name();
  while (tokens_.skip_operation(".")) name += '.' + tokens_.expect_name();
  return name;
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr e) {
  for (;;) {
    if (tokens_.skip_operation("|")) {
      e = filter(std::move(e));
    } else if (tokens_.skip_name("is")) {
      e = test(std::move(e));
    } else if (tokens_.skip_operation("(")) {
      e = make_call(std::move(e), call_arguments());
    } else {
      return e;
    }
    e = bounded(std::move(e));
  }
}

ExpressionPtr ExpressionParser::filter(ExpressionPtr e) {
  std::string name = dotted_name();
  CallArguments arguments;
  if (tokens_.skip_operation("(")) arguments = call_arguments();
  return make_filter(std::move(e), std::move(name), std::move(arguments));
}

ExpressionPtr ExpressionParser::test(ExpressionPtr e) {
  const bool inverted = tokens_.skip_name("not");
  std::string name = dotted_name();
  CallArguments arguments;
  const bool word = tokens_.is(Type::name) && !tokens_.is_name("else") && !tokens_.is_name("or") &&
                    !tokens_.is_name("and") && !tokens_.is_name("is") && !tokens_.is_name("if") &&
                    !tokens_.is_name("in") && !tokens_.is_name("not");
  if (tokens_.skip_operation("(")) {
    arguments = call_arguments();
  } else if (word || tokens_.is(Type::string) || tokens_.is(Type::integer) ||
             tokens_.is(Type::real) || tokens_.is_operation("[") || tokens_.is_operation("{")) {
    arguments.positional.push_back(postfix(primary()));
  }
  return make_test(std::move(e), std::move(name), std::move(arguments), inverted);
}

}  // namespace text::jinja
