// What the parser makes of a template: expressions that give values, statements that write output.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/template/render.h"
#include "text/template/value.h"

namespace text::jinja {

class Expression {
 public:
  virtual ~Expression() = default;
  /// Evaluates with the limits counted.
  Value value(Render& render) const {
    const Render::Level level(render);
    render.step();
    return evaluate(render);
  }
  /// Levels of expressions below and with this one; the parser bounds it.
  std::size_t depth = 1;

 private:
  virtual Value evaluate(Render& render) const = 0;
};
using ExpressionPtr = std::unique_ptr<const Expression>;

/// What follows a statement.
enum class Flow { next, leave_loop, next_round };

class Statement {
 public:
  virtual ~Statement() = default;
  virtual Flow run(Render& render) const = 0;
};
using StatementPtr = std::unique_ptr<const Statement>;
using Body = std::vector<StatementPtr>;

Flow run_body(const Body& body, Render& render);

/// What `set` and `for` write to: a name, an attribute of a namespace, or several in a row.
struct Target {
  std::string name;
  std::string attribute;        ///< of the namespace `name`; empty: the name itself
  std::vector<Target> several;  ///< not empty: unpacks
  void assign(Render& render, const Value& value) const;
};

/// Arguments as written in a call: f(a, *list, name=b, **mapping).
struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr list, mapping;  ///< may be null
  Arguments evaluate(Render& render) const;
};

/// An expression that is a call, for `call` blocks.
class CallExpression : public Expression {
 public:
  /// Calls with one more named argument.
  virtual Value call_with(Render& render, const std::string& name, const Value& value) const = 0;
};

// Filters, tests, methods and functions, each a table in its own file.
using Filter = Value (*)(Render& render, const Value& input, const Arguments& arguments);
using Test = bool (*)(Render& render, const Value& input, const Arguments& arguments);
Filter find_filter(std::string_view name) noexcept;  ///< null if unknown
Test find_test(std::string_view name) noexcept;
Method find_method(const Value& self, std::string_view name) noexcept;
void add_functions(Scope& scope);
/// A string as a value, its size counted.
Value text_of(Render& render, std::string text);
/// Throws for an unknown name.
Value apply_filter(Render& render, std::string_view name, const Value& input,
                   const Arguments& arguments);
bool apply_test(Render& render, std::string_view name, const Value& input,
                const Arguments& arguments);

/// x.name (attribute first) and x[key] (key first), as Jinja looks them up: what is not there is
/// undefined, an attribute of undefined is an error.
Value attribute_of(Render& render, const Value& object, const std::string& name);
Value item_of(Render& render, const Value& object, const Value& key);

}  // namespace text::jinja
