// Objects that statements and functions make.
#pragma once

#include <utility>

#include "text/template/node.h"

namespace text::jinja {

/// namespace(): attributes that inner blocks can set.
class Namespace final : public Object {
 public:
  std::string_view type_name() const noexcept override { return "Namespace"; }
  std::optional<Value> attribute(Render& render, std::string_view name) const override {
    const Value* found = values_.find(render, name);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  void set(Render& render, const std::string& name, const Value& value) {
    refuse_ring(render, this, value);
    values_.set(render, name, value);
  }
  std::vector<Value> held() const override {
    std::vector<Value> out;
    for (const auto& entry : values_.entries) out.push_back(entry.second);
    return out;
  }
  void release() override { values_.entries.clear(); }

 private:
  Dict values_;
};

/// A function of the engine itself.
class Function final : public Object {
 public:
  using Body = Value (*)(Render& render, const Arguments& arguments);
  explicit Function(Body body) : body_(body) {}
  std::string_view type_name() const noexcept override { return "function"; }
  bool callable() const noexcept override { return true; }
  Value call(Render& render, const Arguments& arguments) override {
    render.look(arguments);
    return body_(render, arguments);
  }

 private:
  Body body_;
};

/// joiner(): nothing at its first call, its separator at all others.
class Joiner final : public Object {
 public:
  explicit Joiner(std::string separator) : separator_(std::move(separator)) {}
  std::string_view type_name() const noexcept override { return "Joiner"; }
  bool callable() const noexcept override { return true; }
  Value call(Render&, const Arguments&) override {
    return std::exchange(used_, true) ? separator_ : Value("");
  }

 private:
  Value separator_;
  bool used_ = false;
};

/// cycler(): its items in turn.
class Cycler final : public Object {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string_view type_name() const noexcept override { return "Cycler"; }
  std::optional<Value> attribute(Render&, std::string_view name) const override {
    return name == "current" ? std::optional(items_[at_]) : std::nullopt;
  }
  Method method(std::string_view name) const noexcept override {
    return name == "next" ? next : name == "reset" ? reset : nullptr;
  }
  std::vector<Value> held() const override { return items_; }
  void release() override { items_.clear(); }

 private:
  static Value next(Render&, const Value& self, const Arguments&) {
    Cycler& c = *self.object_as<Cycler>();
    const std::size_t at = c.at_;
    c.at_ = (at + 1) % c.items_.size();
    return c.items_[at];
  }
  static Value reset(Render&, const Value& self, const Arguments&) {
    self.object_as<Cycler>()->at_ = 0;
    return None{};
  }

  std::vector<Value> items_;  // at least one
  std::size_t at_ = 0;
};

}  // namespace text::jinja
