#include "text/template/parser.h"

#include <algorithm>

#include "text/template/expression_parser.h"
#include "text/template/statements.h"

namespace text::jinja {
namespace {

using Type = Token::Type;
using Names = std::initializer_list<std::string_view>;

constexpr std::size_t kMaxBlocks = 50;  // inside each other

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)), expressions_(tokens_) {}

  Body parse() {
    Body body = until({});
    if (!tokens_.is(Type::end)) tokens_.fail("unexpected end of a block");
    return body;
  }

 private:
  /// Statements up to {% NAME with one of the names, which is passed and kept in `ended_by_`; up to
  /// the end of the template for no names.
  Body until(Names names) {
    if (++blocks_ > kMaxBlocks) tokens_.fail("blocks are nested too deeply");
    Body body;
    for (;;) {
      const std::size_t line = tokens_.line();
      if (tokens_.is(Type::end)) {
        if (names.size() > 0) tokens_.fail("a block is not closed");
        break;
      }
      const Token token = tokens_.take();
      if (token.type == Type::data) {
        body.push_back(make_text(token.text));
      } else if (token.type == Type::begin_output) {
        body.push_back(make_output(expressions_.tuple_or_one(), line));
        tokens_.expect(Type::end_output, "'}}'");
      } else {
        const std::string name = tokens_.expect_name();
        if (std::find(names.begin(), names.end(), name) != names.end()) {
          ended_by_ = name;
          break;
        }
        body.push_back(statement(name, line));
      }
    }
    --blocks_;
    return body;
  }

  void end_tag() { tokens_.expect(Type::end_block, "'%}'"); }
  /// The body up to the closing tag, which is passed whole.
  Body body_until(std::string_view closing) {
    end_tag();
    Body body = until({closing});
    end_tag();
    return body;
  }

  struct Row {
    std::string_view name;
    StatementPtr (Parser::*parse)(std::size_t line);
  };

  StatementPtr statement(const std::string& name, std::size_t line) {
    static constexpr Row kStatements[] = {
        {"if", &Parser::parse_if},         {"for", &Parser::parse_for},
        {"set", &Parser::parse_set},       {"macro", &Parser::parse_macro},
        {"filter", &Parser::parse_filter}, {"generation", &Parser::parse_generation},
        {"break", &Parser::parse_break},   {"continue", &Parser::parse_continue},
        {"do", &Parser::parse_do},         {"with", &Parser::parse_with},
        {"call", &Parser::parse_call},
    };
    for (const Row& row : kStatements) {
      if (row.name == name) return (this->*row.parse)(line);
    }
    base::Error e(base::Fault::unsupported, fmt::format("chat template: no statement '{}'", name));
    e.at("line", line)
        .expected(
            "break, call, continue, do, filter, for, generation, if, macro, raw, set or with");
    throw e;
  }

  StatementPtr parse_if(std::size_t line) {
    std::vector<std::pair<ExpressionPtr, Body>> branches;
    ended_by_ = "elif";
    while (ended_by_ == "elif") {
      ExpressionPtr condition = expressions_.tuple_or_one();
      end_tag();
      Body body = until({"elif", "else", "endif"});
      branches.emplace_back(std::move(condition), std::move(body));
    }
    if (ended_by_ == "else") {
      end_tag();
      branches.emplace_back(nullptr, until({"endif"}));
    }
    end_tag();
    return make_if(std::move(branches), line);
  }

  StatementPtr parse_for(std::size_t line) {
    ForLoop loop;
    loop.target = target();
    if (!tokens_.skip_name("in")) tokens_.fail("expected 'in'");
    loop.over = expressions_.tuple_without_choice();
    if (tokens_.skip_name("if")) loop.condition = expressions_.one();
    loop.recursive = tokens_.skip_name("recursive");
    end_tag();
    ++loops_;
    loop.body = until({"else", "endfor"});
    --loops_;
    if (ended_by_ == "else") {
      end_tag();
      loop.otherwise = until({"endfor"});
    }
    end_tag();
    return make_for(std::move(loop), line);
  }

  /// name, name.attribute, or several in a row, also in brackets.
  Target target() {
    Target first = one_target();
    if (!tokens_.is_operation(",")) return first;
    Target all;
    all.several.push_back(std::move(first));
    while (tokens_.skip_operation(",")) {
      if (tokens_.is_name("in") || tokens_.is_operation("=") || tokens_.is_operation(")")) break;
      all.several.push_back(one_target());
    }
    return all;
  }
  Target one_target() {
    if (tokens_.skip_operation("(")) {
      if (++blocks_ > kMaxBlocks) tokens_.fail("names are nested too deeply");
      Target inner = target();
      --blocks_;
      tokens_.expect_operation(")");
      return inner;
    }
    Target out;
    out.name = tokens_.expect_name();
    for (const std::string_view fixed : {"true", "false", "none", "True", "False", "None"}) {
      if (out.name == fixed) tokens_.fail("cannot assign to '" + out.name + "'");
    }
    if (tokens_.skip_operation(".")) out.attribute = tokens_.expect_name();
    return out;
  }

  StatementPtr parse_set(std::size_t line) {
    Target where = target();
    if (tokens_.skip_operation("=")) {
      ExpressionPtr value = expressions_.tuple_or_one();
      end_tag();
      return make_set(std::move(where), std::move(value), line);
    }
    std::vector<FilterCall> filters;
    while (tokens_.skip_operation("|")) filters.push_back(filter_call());
    std::vector<Target> targets;
    targets.push_back(std::move(where));
    return make_block(std::move(targets), std::move(filters), body_until("endset"), line);
  }

  FilterCall filter_call() {
    FilterCall call;
    call.name = tokens_.expect_name();
    if (tokens_.skip_operation("(")) call.arguments = expressions_.call_arguments();
    return call;
  }

  StatementPtr parse_filter(std::size_t line) {
    std::vector<FilterCall> filters;
    do filters.push_back(filter_call());
    while (tokens_.skip_operation("|"));
    return make_block({}, std::move(filters), body_until("endfilter"), line);
  }

  std::vector<Parameter> parameters() {
    std::vector<Parameter> out;
    tokens_.expect_operation("(");
    while (!tokens_.skip_operation(")")) {
      if (!out.empty()) tokens_.expect_operation(",");
      if (tokens_.skip_operation(")")) break;
      Parameter p;
      p.name = tokens_.expect_name();
      if (tokens_.skip_operation("=")) p.otherwise = expressions_.one();
      out.push_back(std::move(p));
    }
    return out;
  }

  /// The body of a macro; `text` gets it and the special names that it uses. To what is around it,
  /// they are used as well.
  void macro_body(std::string_view closing, MacroText& text) {
    const SpecialNames before = expressions_.take_special({});
    const std::size_t outer_loops = std::exchange(loops_, 0);
    text.body = body_until(closing);
    loops_ = outer_loops;
    text.special = expressions_.take_special({});
    expressions_.take_special({.caller = before.caller || text.special.caller,
                               .varargs = before.varargs || text.special.varargs,
                               .kwargs = before.kwargs || text.special.kwargs});
  }

  StatementPtr parse_macro(std::size_t) {
    MacroText text;
    text.name = tokens_.expect_name();
    text.parameters = parameters();
    macro_body("endmacro", text);
    return make_macro(std::move(text));
  }

  StatementPtr parse_call(std::size_t line) {
    MacroText caller;
    if (tokens_.is_operation("(")) caller.parameters = parameters();
    ExpressionPtr e = expressions_.one();
    const auto* call = dynamic_cast<const CallExpression*>(e.get());
    if (call == nullptr) tokens_.fail("expected a call");
    static_cast<void>(e.release());
    std::unique_ptr<const CallExpression> owned(call);
    macro_body("endcall", caller);
    return make_call_block(std::move(owned), std::move(caller), line);
  }

  /// Hugging Face marks the model's own words with it; for rendering it is nothing.
  StatementPtr parse_generation(std::size_t) { return make_group(body_until("endgeneration")); }

  StatementPtr jump(Flow flow) {
    if (loops_ == 0) tokens_.fail("a jump outside a loop");
    end_tag();
    return make_jump(flow);
  }
  StatementPtr parse_break(std::size_t) { return jump(Flow::leave_loop); }
  StatementPtr parse_continue(std::size_t) { return jump(Flow::next_round); }

  StatementPtr parse_do(std::size_t line) {
    ExpressionPtr e = expressions_.tuple_or_one();
    end_tag();
    return make_expression(std::move(e), line);
  }

  /// {% with a = 1, b = 2 %}: a block with names of its own.
  /// The values are those outside the block, so they are set together.
  StatementPtr parse_with(std::size_t line) {
    Target names;
    std::vector<ExpressionPtr> values;
    while (!tokens_.is(Type::end_block)) {
      if (!values.empty()) tokens_.expect_operation(",");
      names.several.push_back(one_target());
      tokens_.expect_operation("=");
      values.push_back(expressions_.one());
    }
    Body body;
    if (!values.empty()) {
      body.push_back(make_set(std::move(names), make_list(std::move(values), true), line));
    }
    for (Body inner = body_until("endwith"); StatementPtr & s : inner) body.push_back(std::move(s));
    return make_block({}, {}, std::move(body), line);
  }

  TokenReader tokens_;
  ExpressionParser expressions_;
  std::string ended_by_;
  std::size_t blocks_ = 0;
  std::size_t loops_ = 0;
};

}  // namespace

Body parse_template(std::string_view source) { return Parser(source).parse(); }

}  // namespace text::jinja
