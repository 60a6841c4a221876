// {% macro %} and {% call %}.
#include <fmt/format.h>

#include <algorithm>

#include "text/template/at_line.h"
#include "text/template/statements.h"

namespace text::jinja {
namespace {

/// A macro as a value. It sees the names of the template's top level, and, if it was made inside a
/// block, what that block saw at the time.
class Macro final : public Object {
 public:
  using Names = std::vector<std::pair<std::string, Value>>;
  Macro(const MacroText& text, Names inner) : text_(text), inner_(std::move(inner)) {}
  std::string_view type_name() const noexcept override { return "Macro"; }
  bool callable() const noexcept override { return true; }
  std::optional<Value> attribute(Render& render, std::string_view name) const override;
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
    for (const auto& [name, value] : inner_) render.scope().set(render, name, value);
    const Render::Block block(render);
    bind(render, arguments);
    run_body(text_.body, render);
    return capture.take();
  }

 private:
  void bind(Render& render, const Arguments& arguments) const {
    const std::vector<Parameter>& parameters = text_.parameters;
    const std::vector<Value>& given = arguments.positional;
    if (given.size() > parameters.size() && !text_.special.varargs) {
      throw failure(fmt::format("macro '{}' takes not more than {} argument(s)", text_.name,
                                parameters.size()));
    }
    bind_named(render, arguments);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      render.scope().set(render, parameters[i].name, argument(render, i, arguments));
    }
    if (!text_.special.varargs) return;
    const auto extra = static_cast<std::ptrdiff_t>(std::min(parameters.size(), given.size()));
    render.object();
    render.items(given.size());
    render.scope().set(render, "varargs", Value::tuple({given.begin() + extra, given.end()}));
  }

  std::size_t parameter(std::string_view name) const {
    const auto at = std::find_if(text_.parameters.begin(), text_.parameters.end(),
                                 [&](const Parameter& p) { return p.name == name; });
    return static_cast<std::size_t>(at - text_.parameters.begin());
  }

  /// Checks named arguments; those that are no parameter become `caller` and `kwargs`.
  void bind_named(Render& render, const Arguments& arguments) const {
    const bool free_caller = text_.special.caller && parameter("caller") == text_.parameters.size();
    if (free_caller) render.scope().set(render, "caller", Value::undefined("No caller defined"));
    render.object();
    auto extra = std::make_shared<Dict>();
    for (const auto& [name, value] : arguments.named) {
      render.step(text_.parameters.size() / 8);
      const std::size_t at = parameter(name);
      if (at < std::min(arguments.positional.size(), text_.parameters.size())) {
        throw failure(fmt::format("macro '{}' got two values for '{}'", text_.name, name));
      }
      if (at < text_.parameters.size()) continue;
      if (free_caller && name == "caller") {
        render.scope().set(render, name, value);
      } else if (text_.special.kwargs) {
        render.string(name.size());
        extra->set(render, name, value);
      } else {
        throw failure(fmt::format("macro '{}' takes no keyword argument '{}'", text_.name, name));
      }
    }
    if (text_.special.kwargs) render.scope().set(render, "kwargs", std::move(extra));
  }

  Value argument(Render& render, std::size_t i, const Arguments& arguments) const {
    const Parameter& parameter = text_.parameters[i];
    if (i < arguments.positional.size()) return arguments.positional[i];
    render.step(arguments.named.size() / 8);
    for (const auto& [name, value] : arguments.named) {
      if (name == parameter.name) return value;
    }
    if (parameter.otherwise != nullptr) return parameter.otherwise->value(render);
    return Value::undefined(parameter.name);
  }

  const MacroText& text_;  // of the template, which outlives every rendering
  Names inner_;
};

std::optional<Value> Macro::attribute(Render& render, std::string_view name) const {
  if (name == "name") return text_.name.empty() ? Value(None{}) : Value(text_.name);
  if (name == "catch_kwargs") return text_.special.kwargs;
  if (name == "catch_varargs") return text_.special.varargs;
  if (name == "caller") return text_.special.caller;
  if (name != "arguments") return std::nullopt;
  render.items(text_.parameters.size());
  std::vector<Value> names;
  for (const Parameter& p : text_.parameters) names.push_back(text_of(render, p.name));
  return Value::tuple(std::move(names));
}

Value macro_here(Render& render, const MacroText& text) {
  Macro::Names inner;
  for (const Scope* s = &render.scope(); s != &render.top(); s = s->outer()) {
    // Each level moves what is there already.
    render.step(inner.size() / 8 + s->names().size());
    for (const auto& [name, value] : s->names()) {
      render.made(Render::kItemBytes + Render::kStringBytes + name.size());
    }
    inner.insert(inner.begin(), s->names().begin(), s->names().end());
  }
  render.object();
  return Value::ObjectPtr(std::make_shared<Macro>(text, std::move(inner)));
}

class MacroDefinition final : public Statement {
 public:
  explicit MacroDefinition(MacroText text) : text_(std::move(text)) {}
  Flow run(Render& render) const override {
    render.scope().set(render, text_.name, macro_here(render, text_));
    return Flow::next;
  }

 private:
  MacroText text_;
};

class CallBlock final : public Statement {
 public:
  CallBlock(std::unique_ptr<const CallExpression> call, MacroText caller, std::size_t line)
      : call_(std::move(call)), caller_(std::move(caller)), line_(line) {}
  Flow run(Render& render) const override {
    at_line(line_, [&] {
      const Value caller = macro_here(render, caller_);
      render.write(to_text(render, call_->call_with(render, "caller", caller)));
    });
    return Flow::next;
  }

 private:
  std::unique_ptr<const CallExpression> call_;
  MacroText caller_;
  std::size_t line_;
};

}  // namespace

StatementPtr make_macro(MacroText text) {
  return std::make_unique<MacroDefinition>(std::move(text));
}
StatementPtr make_call_block(std::unique_ptr<const CallExpression> call, MacroText caller,
                             std::size_t line) {
  return std::make_unique<CallBlock>(std::move(call), std::move(caller), line);
}

}  // namespace text::jinja
