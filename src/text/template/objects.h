// Objects that statements and functions make.
#pragma once

#include "text/template/node.h"

namespace text::jinja {

/// namespace(): attributes that inner blocks can set.
class Namespace final : public Object {
 public:
  std::string_view type_name() const noexcept override { return "Namespace"; }
  const Value* attribute(std::string_view name) const override { return values_.find(name); }
  void set(Render& render, const std::string& name, const Value& value) {
    refuse_ring(render, this, value);
    values_.set(name, value);
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
    return body_(render, arguments);
  }

 private:
  Body body_;
};

}  // namespace text::jinja
