#include "recipe/condition.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <stdexcept>

namespace recipe {
namespace {

using Node = Condition::Node;

bool is_word(char c) noexcept { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Recursive descent over one line; the grammar is Python's, cut down to what the tables use.
class ConditionParser {
 public:
  explicit ConditionParser(std::string_view text) : text_(text) { next(); }

  Node parse() {
    Node root = either();
    if (!token_.empty()) fail();
    return root;
  }

 private:
  [[noreturn]] void fail() const {
    throw std::logic_error("bad condition in a recipe table: " + std::string(text_));
  }

  void next() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    const std::size_t start = at_;
    if (at_ == text_.size()) {
      token_ = {};
    } else if (text_[at_] == '\'') {
      const std::size_t end = text_.find('\'', at_ + 1);
      if (end == std::string_view::npos) fail();
      at_ = end + 1;
      token_ = text_.substr(start, at_ - start);
    } else if (is_word(text_[at_])) {
      while (at_ < text_.size() && is_word(text_[at_])) ++at_;
      token_ = text_.substr(start, at_ - start);
    } else {
      const std::string_view two = text_.substr(at_, 2);
      const bool pair = two == "==" || two == "!=" || two == "<=" || two == ">=" || two == "//";
      token_ = text_.substr(at_, pair ? 2 : 1);
      at_ += token_.size();
    }
  }
  bool accept(std::string_view word) {
    if (token_ != word) return false;
    next();
    return true;
  }
  void expect(std::string_view word) {
    if (!accept(word)) fail();
  }

  Node either() {
    Node left = both();
    while (accept("or")) left = Node{"or", {}, 0, {std::move(left), both()}};
    return left;
  }
  Node both() {
    Node left = negation();
    while (accept("and")) left = Node{"and", {}, 0, {std::move(left), negation()}};
    return left;
  }
  Node negation() {
    if (accept("not")) return Node{"not", {}, 0, {negation()}};
    return comparison();
  }
  Node comparison() {
    static constexpr std::array<std::string_view, 6> kOps = {"==", "!=", "<", "<=", ">", ">="};
    Node left = product();
    for (const std::string_view op : kOps) {
      if (accept(op)) return Node{op, {}, 0, {std::move(left), product()}};
    }
    if (accept("in")) return membership(std::move(left));
    if (accept("not")) {
      expect("in");
      return Node{"not", {}, 0, {membership(std::move(left))}};
    }
    return left;
  }
  Node membership(Node left) {
    Node node{"in", {}, 0, {std::move(left)}};
    expect("(");
    do node.parts.push_back(atom());
    while (accept(","));
    expect(")");
    return node;
  }
  Node product() {
    static constexpr std::array<std::string_view, 3> kOps = {"*", "//", "%"};
    Node left = atom();
    for (;;) {
      const auto* op = std::find(kOps.begin(), kOps.end(), token_);
      if (op == kOps.end()) return left;
      next();
      left = Node{*op, {}, 0, {std::move(left), atom()}};
    }
  }
  Node atom() {
    if (accept("(")) {
      Node inner = either();
      expect(")");
      return inner;
    }
    const std::string_view word = token_;
    if (word.empty()) fail();
    next();
    if (word.front() == '\'') return Node{"text", word.substr(1, word.size() - 2), 0, {}};
    if (std::isdigit(static_cast<unsigned char>(word.front()))) {
      Node node{"number", {}, 0, {}};
      std::from_chars(word.data(), word.data() + word.size(), node.number);
      return node;
    }
    if (!is_word(word.front())) fail();
    if (!accept("(")) return Node{"name", word, 0, {}};
    Node call{"call", word, 0, {}};
    do call.parts.push_back(either());
    while (accept(","));
    expect(")");
    return call;
  }

  std::string_view text_, token_;
  std::size_t at_ = 0;
};

ConditionValue evaluate(const Node& node, const Scope& scope);

std::int64_t integer(const Node& node, const Scope& scope) {
  return std::get<std::int64_t>(evaluate(node, scope));
}

ConditionValue call(const Node& node, const Scope& scope) {
  const Node& first = node.parts.front();
  if (node.text == "has_opt") return static_cast<std::int64_t>(scope.has_option(first.text));
  if (node.text == "block") {
    return scope.block_length(std::get<std::string_view>(evaluate(first, scope)));
  }
  if (node.text == "more" && node.parts.size() == 2) {
    return static_cast<std::int64_t>(
        use_more_bits(integer(first, scope), integer(node.parts[1], scope)));
  }
  throw std::logic_error("unknown function in a recipe table: " + std::string(node.text));
}

std::int64_t compare(const Node& node, const Scope& scope) {
  const ConditionValue a = evaluate(node.parts[0], scope);
  const ConditionValue b = evaluate(node.parts[1], scope);
  if (a.index() != b.index()) throw std::logic_error("a recipe table compares text with a number");
  if (node.op == "==") return a == b;
  if (node.op == "!=") return a != b;
  if (node.op == "<") return a < b;
  if (node.op == "<=") return a <= b;
  return node.op == ">" ? a > b : a >= b;
}

std::int64_t arithmetic(const Node& node, const Scope& scope) {
  const std::int64_t a = integer(node.parts[0], scope);
  const std::int64_t b = integer(node.parts[1], scope);
  if (node.op == "*") return a * b;
  if (b == 0) throw std::logic_error("a recipe table divides by zero");
  return node.op == "%" ? a % b : a / b;  // all quantities are non-negative
}

ConditionValue evaluate(const Node& node, const Scope& scope) {
  const std::string_view op = node.op;
  if (op == "number") return node.number;
  if (op == "text") return node.text;
  if (op == "name") return scope.variable(node.text);
  if (op == "call") return call(node, scope);
  if (op == "not") return std::int64_t{integer(node.parts[0], scope) == 0};
  if (op == "or") {
    return std::int64_t{integer(node.parts[0], scope) != 0 || integer(node.parts[1], scope) != 0};
  }
  if (op == "and") {
    return std::int64_t{integer(node.parts[0], scope) != 0 && integer(node.parts[1], scope) != 0};
  }
  if (op == "in") {
    const ConditionValue value = evaluate(node.parts[0], scope);
    return std::int64_t{std::any_of(node.parts.begin() + 1, node.parts.end(),
                                    [&](const Node& n) { return evaluate(n, scope) == value; })};
  }
  if (op == "*" || op == "//" || op == "%") return arithmetic(node, scope);
  return compare(node, scope);
}

}  // namespace

Condition Condition::parse(std::string_view text) {
  Condition condition;
  condition.root_ = ConditionParser(text).parse();
  return condition;
}

bool Condition::holds(const Scope& scope) const { return integer(root_, scope) != 0; }

}  // namespace recipe
