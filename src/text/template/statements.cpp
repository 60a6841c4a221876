#include "text/template/statements.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/template/lexer.h"
#include "text/template/objects.h"

namespace text::jinja {
namespace {

/// Adds the line to errors of what runs inside.
template <class Run>
auto at_line(std::size_t line, Run run) {
  try {
    return run();
  } catch (base::Error& e) {
    e.at("line", line);
    throw;
  }
}

class Text final : public Statement {
 public:
  explicit Text(std::string text) : text_(std::move(text)) {}
  Flow run(Render& render) const override {
    render.write(text_);
    return Flow::next;
  }

 private:
  std::string text_;
};

class Output final : public Statement {
 public:
  Output(ExpressionPtr expression, std::size_t line)
      : expression_(std::move(expression)), line_(line) {}
  Flow run(Render& render) const override {
    at_line(line_, [&] { render.write(to_text(expression_->value(render))); });
    return Flow::next;
  }

 private:
  ExpressionPtr expression_;
  std::size_t line_;
};

class If final : public Statement {
 public:
  using Branches = std::vector<std::pair<ExpressionPtr, Body>>;
  If(Branches branches, std::size_t line) : branches_(std::move(branches)), line_(line) {}
  Flow run(Render& render) const override {
    for (const auto& branch : branches_) {  // clang 14 cannot capture parts of a binding
      const Expression* condition = branch.first.get();
      const bool taken =
          condition == nullptr || at_line(line_, [&] { return truth(condition->value(render)); });
      if (taken) return run_body(branch.second, render);
    }
    return Flow::next;
  }

 private:
  Branches branches_;
  std::size_t line_;
};

/// The variable `loop`.
class LoopState final : public Object {
 public:
  LoopState(const std::vector<Value>& items, std::size_t at) {
    const auto n = static_cast<std::int64_t>(items.size());
    const auto i = static_cast<std::int64_t>(at);
    values_.entries = {
        {"index", i + 1},
        {"index0", i},
        {"revindex", n - i},
        {"revindex0", n - i - 1},
        {"first", i == 0},
        {"last", i + 1 == n},
        {"length", n},
        {"previtem", i == 0 ? Value::undefined("loop.previtem") : items[at - 1]},
        {"nextitem", i + 1 == n ? Value::undefined("loop.nextitem") : items[at + 1]}};
  }
  std::string_view type_name() const noexcept override { return "LoopContext"; }
  const Value* attribute(std::string_view name) const override { return values_.find(name); }
  std::vector<Value> held() const override {
    return {*values_.find("previtem"), *values_.find("nextitem")};
  }
  void release() override { values_.entries.clear(); }

 private:
  Dict values_;
};

class For final : public Statement {
 public:
  For(ForLoop loop, std::size_t line) : loop_(std::move(loop)), line_(line) {}
  Flow run(Render& render) const override {
    const std::vector<Value> items = at_line(line_, [&] { return chosen_items(render); });
    if (items.empty()) return run_body(loop_.otherwise, render);
    for (std::size_t i = 0; i < items.size(); ++i) {
      const Render::Block block(render);
      at_line(line_, [&] { loop_.target.assign(render, items[i]); });
      render.scope().set("loop", Value::ObjectPtr(std::make_shared<LoopState>(items, i)));
      if (run_body(loop_.body, render) == Flow::leave_loop) break;
    }
    return Flow::next;
  }

 private:
  std::vector<Value> chosen_items(Render& render) const {
    std::vector<Value> items = iterate(loop_.over->value(render));
    render.step(items.size());
    if (loop_.condition == nullptr) return items;
    std::vector<Value> chosen;
    for (Value& item : items) {
      const Render::Block block(render);
      loop_.target.assign(render, item);
      if (truth(loop_.condition->value(render))) chosen.push_back(std::move(item));
    }
    return chosen;
  }

  ForLoop loop_;
  std::size_t line_;
};

class Set final : public Statement {
 public:
  Set(Target target, ExpressionPtr value, std::size_t line)
      : target_(std::move(target)), value_(std::move(value)), line_(line) {}
  Flow run(Render& render) const override {
    at_line(line_, [&] { target_.assign(render, value_->value(render)); });
    return Flow::next;
  }

 private:
  Target target_;
  ExpressionPtr value_;
  std::size_t line_;
};

class Block final : public Statement {
 public:
  Block(std::vector<Target> target, std::vector<FilterCall> filters, Body body, std::size_t line)
      : target_(std::move(target)),
        filters_(std::move(filters)),
        body_(std::move(body)),
        line_(line) {}
  Flow run(Render& render) const override {
    Value value;
    Flow flow = Flow::next;
    {
      Render::Capture capture(render);
      const Render::Block block(render);
      flow = run_body(body_, render);
      value = capture.take();
    }
    at_line(line_, [&] {
      for (const FilterCall& f : filters_) {
        value = apply_filter(render, f.name, value, f.arguments.evaluate(render));
      }
      for (const Target& target : target_) target.assign(render, value);
      if (target_.empty()) render.write(to_text(value));
    });
    return flow;
  }

 private:
  std::vector<Target> target_;
  std::vector<FilterCall> filters_;
  Body body_;
  std::size_t line_;
};

struct MacroText {
  std::string name;
  std::vector<Parameter> parameters;
  Body body;
};

/// A macro as a value. It sees the names of the template's top level, and, if it was made inside a
/// block, what that block saw at the time.
class Macro final : public Object {
 public:
  using Names = std::vector<std::pair<std::string, Value>>;
  Macro(const MacroText& text, Names inner) : text_(text), inner_(std::move(inner)) {}
  std::string_view type_name() const noexcept override { return "Macro"; }
  bool callable() const noexcept override { return true; }
  std::vector<Value> held() const override {
    std::vector<Value> out;
    for (const auto& [name, value] : inner_) out.push_back(value);
    return out;
  }
  void release() override { inner_.clear(); }

  Value call(Render& render, const Arguments& arguments) override {
    const Render::Level level(render);
    Render::Capture capture(render);
    const Render::Block outer(render, render.top());
    for (const auto& [name, value] : inner_) render.scope().set(name, value);
    const Render::Block block(render);
    bind(render, arguments);
    run_body(text_.body, render);
    return capture.take();
  }

 private:
  void bind(Render& render, const Arguments& arguments) const {
    const std::vector<Parameter>& parameters = text_.parameters;
    if (arguments.positional.size() > parameters.size()) {
      throw failure(fmt::format("macro '{}' takes not more than {} argument(s)", text_.name,
                                parameters.size()));
    }
    for (const auto& [name, value] : arguments.named) check_named(name, arguments);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      render.scope().set(parameters[i].name, argument(render, i, arguments));
    }
  }

  Value argument(Render& render, std::size_t i, const Arguments& arguments) const {
    const Parameter& parameter = text_.parameters[i];
    if (i < arguments.positional.size()) return arguments.positional[i];
    for (const auto& [name, value] : arguments.named) {
      if (name == parameter.name) return value;
    }
    if (parameter.otherwise != nullptr) return parameter.otherwise->value(render);
    return Value::undefined(parameter.name);
  }

  void check_named(const std::string& name, const Arguments& arguments) const {
    const auto at = std::find_if(text_.parameters.begin(), text_.parameters.end(),
                                 [&](const Parameter& p) { return p.name == name; });
    const auto index = static_cast<std::size_t>(at - text_.parameters.begin());
    if (at == text_.parameters.end()) {
      throw failure(fmt::format("macro '{}' takes no keyword argument '{}'", text_.name, name));
    }
    if (index < arguments.positional.size()) {
      throw failure(fmt::format("macro '{}' got two values for '{}'", text_.name, name));
    }
  }

  const MacroText& text_;  // of the template, which outlives every rendering
  Names inner_;
};

class MacroDefinition final : public Statement {
 public:
  explicit MacroDefinition(MacroText text) : text_(std::move(text)) {}
  Flow run(Render& render) const override {
    Macro::Names inner;
    for (const Scope* s = &render.scope(); s != &render.top(); s = s->outer()) {
      inner.insert(inner.begin(), s->names().begin(), s->names().end());
    }
    render.scope().set(text_.name,
                       Value::ObjectPtr(std::make_shared<Macro>(text_, std::move(inner))));
    return Flow::next;
  }

 private:
  MacroText text_;
};

class Group final : public Statement {
 public:
  explicit Group(Body body) : body_(std::move(body)) {}
  Flow run(Render& render) const override { return run_body(body_, render); }

 private:
  Body body_;
};

class Evaluate final : public Statement {
 public:
  Evaluate(ExpressionPtr expression, std::size_t line)
      : expression_(std::move(expression)), line_(line) {}
  Flow run(Render& render) const override {
    at_line(line_, [&] { expression_->value(render); });
    return Flow::next;
  }

 private:
  ExpressionPtr expression_;
  std::size_t line_;
};

class Jump final : public Statement {
 public:
  explicit Jump(Flow flow) : flow_(flow) {}
  Flow run(Render&) const override { return flow_; }

 private:
  Flow flow_;
};

}  // namespace

Flow run_body(const Body& body, Render& render) {
  const Render::Level level(render);
  for (const StatementPtr& statement : body) {
    render.step();
    if (const Flow flow = statement->run(render); flow != Flow::next) return flow;
  }
  return Flow::next;
}

void Target::assign(Render& render, const Value& value) const {
  if (!several.empty()) {
    const std::vector<Value> values = iterate(value);
    if (values.size() != several.size()) {
      throw failure(fmt::format("{} values to unpack, expected {}", values.size(), several.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) several[i].assign(render, values[i]);
  } else if (attribute.empty()) {
    render.scope().set(name, value);
  } else {
    const Value* holder = render.scope().find(name);
    auto* space = holder == nullptr ? nullptr : holder->object_as<Namespace>();
    if (space == nullptr) throw failure("cannot assign attribute on non-namespace object");
    space->set(render, attribute, value);
  }
}

StatementPtr make_text(std::string text) { return std::make_unique<Text>(std::move(text)); }
StatementPtr make_output(ExpressionPtr expression, std::size_t line) {
  return std::make_unique<Output>(std::move(expression), line);
}
StatementPtr make_if(std::vector<std::pair<ExpressionPtr, Body>> branches, std::size_t line) {
  return std::make_unique<If>(std::move(branches), line);
}
StatementPtr make_for(ForLoop loop, std::size_t line) {
  return std::make_unique<For>(std::move(loop), line);
}
StatementPtr make_set(Target target, ExpressionPtr value, std::size_t line) {
  return std::make_unique<Set>(std::move(target), std::move(value), line);
}
StatementPtr make_block(std::vector<Target> target, std::vector<FilterCall> filters, Body body,
                        std::size_t line) {
  return std::make_unique<Block>(std::move(target), std::move(filters), std::move(body), line);
}
StatementPtr make_macro(std::string name, std::vector<Parameter> parameters, Body body) {
  return std::make_unique<MacroDefinition>(
      MacroText{std::move(name), std::move(parameters), std::move(body)});
}
StatementPtr make_group(Body body) { return std::make_unique<Group>(std::move(body)); }
StatementPtr make_expression(ExpressionPtr expression, std::size_t line) {
  return std::make_unique<Evaluate>(std::move(expression), line);
}
StatementPtr make_jump(Flow flow) { return std::make_unique<Jump>(flow); }

}  // namespace text::jinja
