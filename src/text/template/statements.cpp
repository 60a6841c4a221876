#include "text/template/statements.h"

#include <fmt/format.h>

#include "text/template/at_line.h"
#include "text/template/items.h"
#include "text/template/objects.h"

namespace text::jinja {
namespace {

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
    at_line(line_, [&] { render.write(to_text(render, expression_->value(render))); });
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
      if (target_.empty()) render.write(to_text(render, value));
    });
    return flow;
  }

 private:
  std::vector<Target> target_;
  std::vector<FilterCall> filters_;
  Body body_;
  std::size_t line_;
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
    const Items values(render, value);
    if (values.size() != several.size()) {
      throw failure(fmt::format("{} values to unpack, expected {}", values.size(), several.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) several[i].assign(render, values[i]);
  } else if (attribute.empty()) {
    render.scope().set(render, name, value);
  } else {
    const Value* holder = render.scope().find(render, name);
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
StatementPtr make_set(Target target, ExpressionPtr value, std::size_t line) {
  return std::make_unique<Set>(std::move(target), std::move(value), line);
}
StatementPtr make_block(std::vector<Target> target, std::vector<FilterCall> filters, Body body,
                        std::size_t line) {
  return std::make_unique<Block>(std::move(target), std::move(filters), std::move(body), line);
}
StatementPtr make_group(Body body) { return std::make_unique<Group>(std::move(body)); }
StatementPtr make_expression(ExpressionPtr expression, std::size_t line) {
  return std::make_unique<Evaluate>(std::move(expression), line);
}
StatementPtr make_jump(Flow flow) { return std::make_unique<Jump>(flow); }

}  // namespace text::jinja
