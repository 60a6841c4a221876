#include "text/template/expressions.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/template/big_whole.h"
#include "text/template/items.h"
#include "text/template/strings.h"

namespace text::jinja {
namespace {

class Constant final : public Expression {
 public:
  explicit Constant(Value value) : value_(std::move(value)) {}

 private:
  Value evaluate(Render&) const override { return value_; }
  Value value_;
};

class Name final : public Expression {
 public:
  explicit Name(std::string name) : name_(std::move(name)) {}

 private:
  Value evaluate(Render& render) const override {
    const Value* found = render.scope().find(render, name_);
    if (found != nullptr) return *found;
    render.string(name_.size());
    return Value::undefined(name_);
  }
  std::string name_;
};

class ListDisplay final : public Expression {
 public:
  ListDisplay(std::vector<ExpressionPtr> items, bool tuple)
      : items_(std::move(items)), tuple_(tuple) {}

 private:
  Value evaluate(Render& render) const override {
    std::vector<Value> out;
    render.object();
    render.items(items_.size());
    out.reserve(items_.size());
    for (const ExpressionPtr& item : items_) out.push_back(item->value(render));
    return tuple_ ? Value::tuple(std::move(out)) : Value::list(std::move(out));
  }
  std::vector<ExpressionPtr> items_;
  bool tuple_;
};

class DictDisplay final : public Expression {
 public:
  using Entries = std::vector<std::pair<ExpressionPtr, ExpressionPtr>>;
  explicit DictDisplay(Entries entries) : entries_(std::move(entries)) {}

 private:
  Value evaluate(Render& render) const override {
    render.object();
    auto out = std::make_shared<Dict>();
    for (const auto& [key, value] : entries_) {
      Value k = key->value(render);
      out->set(render, std::move(k), value->value(render));
    }
    return out;
  }
  Entries entries_;
};

class Attribute final : public Expression {
 public:
  Attribute(ExpressionPtr object, std::string name)
      : object_(std::move(object)), name_(std::move(name)) {}

 private:
  Value evaluate(Render& render) const override {
    return attribute_of(render, object_->value(render), name_);
  }
  ExpressionPtr object_;
  std::string name_;
};

class Item final : public Expression {
 public:
  Item(ExpressionPtr object, ExpressionPtr key)
      : object_(std::move(object)), key_(std::move(key)) {}

 private:
  Value evaluate(Render& render) const override {
    const Value object = object_->value(render);
    return item_of(render, object, key_->value(render));
  }
  ExpressionPtr object_, key_;
};

/// Python's slice: the chosen places in order.
class Slice final : public Expression {
 public:
  Slice(ExpressionPtr object, ExpressionPtr first, ExpressionPtr last, ExpressionPtr step)
      : object_(std::move(object)),
        first_(std::move(first)),
        last_(std::move(last)),
        step_(std::move(step)) {}

 private:
  Value evaluate(Render& render) const override {
    const Value object = object_->value(render);
    if (const std::string* text = object.string()) {
      return text_of(render, part_of(render, *text));
    }
    const List* list = object.list();
    if (const Object* o = object.object(); o != nullptr && o->size()) {
      const Places at = places(render, *o->size());
      render.object();
      return o->part(at.first, at.step, at.n);
    }
    if (list == nullptr) {
      throw failure(object.is_undefined()
                        ? fmt::format("'{}' is undefined", object.undefined_name())
                        : fmt::format("'{}' object is not subscriptable", object.type_name()));
    }
    const Places at = places(render, list->items.size());
    render.object();
    render.items(at.n);
    std::vector<Value> out;
    out.reserve(at.n);
    for (std::size_t i = 0; i < at.n; ++i) out.push_back(list->items[at.place(i)]);
    return list->tuple ? Value::tuple(std::move(out)) : Value::list(std::move(out));
  }

  static std::optional<std::int64_t> bound(const ExpressionPtr& e, Render& render) {
    if (e == nullptr) return std::nullopt;
    const Value v = e->value(render);
    if (v.is_none()) return std::nullopt;
    if (v.is_whole()) return v.whole();
    throw failure("slice indices must be integers or None");
  }

  /// n places from `first` on, `step` apart.
  struct Places {
    std::int64_t first = 0;
    std::int64_t step = 1;
    std::size_t n = 0;
    std::size_t place(std::size_t i) const noexcept {
      return static_cast<std::size_t>(first + static_cast<std::int64_t>(i) * step);
    }
  };

  std::string part_of(Render& render, std::string_view text) const {
    render.look(text.size());
    const std::size_t size = n_characters(text);
    const Places at = places(render, size);
    if (at.n == 0) return "";
    if (at.step == 1) {
      text.remove_prefix(bytes_of(text, at.place(0)));
      return std::string(text.substr(0, bytes_of(text, at.n)));
    }
    const Render::Held held(render, size * sizeof(std::string_view));
    const std::vector<std::string_view> all = characters(text);
    render.step(at.n);
    std::string out;
    for (std::size_t i = 0; i < at.n; ++i) out += all[at.place(i)];
    return out;
  }

  Places places(Render& render, std::size_t size) const {
    const auto n = static_cast<std::int64_t>(size);
    const auto first = bound(first_, render);
    const auto last = bound(last_, render);
    const std::int64_t step = bound(step_, render).value_or(1);
    if (step == 0) throw failure("slice step cannot be zero");
    const bool forward = step > 0;
    const std::int64_t low = forward ? 0 : -1;
    const std::int64_t high = forward ? n : n - 1;
    const auto clipped = [&](std::int64_t i) { return std::clamp(i < 0 ? i + n : i, low, high); };
    const std::int64_t begin = first ? clipped(*first) : forward ? low : high;
    const std::int64_t end = last ? clipped(*last) : forward ? high : low;
    const std::int64_t distance = forward ? end - begin : begin - end;
    if (distance <= 0) return {};
    // -(step + 1) + 1 cannot overflow for the smallest number.
    const std::uint64_t stride =
        forward ? static_cast<std::uint64_t>(step) : static_cast<std::uint64_t>(-(step + 1)) + 1;
    const std::uint64_t count = (static_cast<std::uint64_t>(distance) - 1) / stride + 1;
    return {.first = begin, .step = count == 1 ? 1 : step, .n = count};
  }

  ExpressionPtr object_, first_, last_, step_;
};

class Call final : public CallExpression {
 public:
  Call(ExpressionPtr callee, CallArguments arguments)
      : callee_(std::move(callee)), arguments_(std::move(arguments)) {}
  Value call_with(Render& render, const std::string& name, const Value& value) const override {
    const Value callee = callee_->value(render);
    Arguments arguments = arguments_.evaluate(render);
    arguments.named.emplace_back(name, value);
    return called(render, callee, arguments);
  }

 private:
  Value evaluate(Render& render) const override {
    const Value callee = callee_->value(render);
    return called(render, callee, arguments_.evaluate(render));
  }
  static Value called(Render& render, const Value& callee, const Arguments& arguments) {
    if (callee.is_undefined()) {
      throw failure(fmt::format("'{}' is undefined", callee.undefined_name()));
    }
    Object* object = callee.object();
    if (object == nullptr || !object->callable()) {
      throw failure(fmt::format("'{}' object is not callable", callee.type_name()));
    }
    return object->call(render, arguments);
  }
  ExpressionPtr callee_;
  CallArguments arguments_;
};

class FilterExpression final : public Expression {
 public:
  FilterExpression(ExpressionPtr input, std::string name, CallArguments arguments)
      : input_(std::move(input)), name_(std::move(name)), arguments_(std::move(arguments)) {}

 private:
  Value evaluate(Render& render) const override {
    const Value input = input_->value(render);
    return apply_filter(render, name_, input, arguments_.evaluate(render));
  }
  ExpressionPtr input_;
  std::string name_;
  CallArguments arguments_;
};

class TestExpression final : public Expression {
 public:
  TestExpression(ExpressionPtr input, std::string name, CallArguments arguments, bool inverted)
      : input_(std::move(input)),
        name_(std::move(name)),
        arguments_(std::move(arguments)),
        inverted_(inverted) {}

 private:
  Value evaluate(Render& render) const override {
    const Value input = input_->value(render);
    return apply_test(render, name_, input, arguments_.evaluate(render)) != inverted_;
  }
  ExpressionPtr input_;
  std::string name_;
  CallArguments arguments_;
  bool inverted_;
};

class Arithmetic final : public Expression {
 public:
  Arithmetic(std::string operation, ExpressionPtr left, ExpressionPtr right)
      : operation_(std::move(operation)), left_(std::move(left)), right_(std::move(right)) {}

 private:
  Value evaluate(Render& render) const override {
    const Value left = left_->value(render);
    return arithmetic(render, operation_, left, right_->value(render));
  }
  std::string operation_;
  ExpressionPtr left_, right_;
};

class Comparison final : public Expression {
 public:
  using Rest = std::vector<std::pair<std::string, ExpressionPtr>>;
  Comparison(ExpressionPtr first, Rest rest) : first_(std::move(first)), rest_(std::move(rest)) {}

 private:
  static bool holds(Render& render, std::string_view operation, const Value& a, const Value& b) {
    if (operation == "==") return equal(render, a, b);
    if (operation == "!=") return !equal(render, a, b);
    if (operation == "in") return contains(render, b, a);
    if (operation == "not in") return !contains(render, b, a);
    if (operation == "<") return less(render, a, b);
    if (operation == ">") return less(render, b, a);
    if (operation == "<=") return less(render, a, b) || equal(render, a, b);
    return less(render, b, a) || equal(render, a, b);
  }
  Value evaluate(Render& render) const override {
    Value left = first_->value(render);
    for (const auto& [operation, next] : rest_) {
      Value right = next->value(render);
      if (!holds(render, operation, left, right)) return false;
      left = std::move(right);
    }
    return true;
  }
  ExpressionPtr first_;
  Rest rest_;
};

class Logic final : public Expression {
 public:
  Logic(ExpressionPtr left, ExpressionPtr right, bool is_and)
      : left_(std::move(left)), right_(std::move(right)), is_and_(is_and) {}

 private:
  Value evaluate(Render& render) const override {
    Value left = left_->value(render);
    return truth(left) == is_and_ ? right_->value(render) : left;
  }
  ExpressionPtr left_, right_;
  bool is_and_;
};

class Unary final : public Expression {
 public:
  Unary(char operation, ExpressionPtr operand)
      : operation_(operation), operand_(std::move(operand)) {}

 private:
  Value evaluate(Render& render) const override {
    const Value v = operand_->value(render);
    if (operation_ == '!') return !truth(v);
    if (operation_ == '-' && is_big_whole(v)) {
      const std::string text = v.object()->text();
      render.string(text.size());
      const bool negative = text.starts_with('-');
      return whole_of_digits(!negative, std::string_view(text).substr(negative ? 1 : 0));
    }
    if (operation_ == '-') return arithmetic(render, "-", std::int64_t{0}, v);
    return arithmetic(render, "+", std::int64_t{0}, v);
  }
  char operation_;
  ExpressionPtr operand_;
};

class Choice final : public Expression {
 public:
  Choice(ExpressionPtr condition, ExpressionPtr then, ExpressionPtr otherwise)
      : condition_(std::move(condition)),
        then_(std::move(then)),
        otherwise_(std::move(otherwise)) {}

 private:
  Value evaluate(Render& render) const override {
    if (truth(condition_->value(render))) return then_->value(render);
    return otherwise_ == nullptr ? Value::undefined("the untaken branch")
                                 : otherwise_->value(render);
  }
  ExpressionPtr condition_, then_, otherwise_;
};

std::size_t depth_of(const ExpressionPtr& e) { return e == nullptr ? 0 : e->depth; }
std::size_t depth_of(const CallArguments& arguments) {
  std::size_t depth = 0;
  for (const auto& e : arguments.positional) depth = std::max(depth, depth_of(e));
  for (const auto& [name, e] : arguments.named) depth = std::max(depth, depth_of(e));
  return std::max({depth, depth_of(arguments.list), depth_of(arguments.mapping)});
}

template <class Node, class... Parts>
ExpressionPtr node(std::size_t below, Parts&&... parts) {
  auto made = std::make_unique<Node>(std::forward<Parts>(parts)...);
  made->depth = below + 1;
  return made;
}

}  // namespace

ExpressionPtr make_constant(Value value) { return node<Constant>(0, std::move(value)); }
ExpressionPtr make_name(std::string name) { return node<Name>(0, std::move(name)); }

ExpressionPtr make_list(std::vector<ExpressionPtr> items, bool tuple) {
  std::size_t depth = 0;
  for (const ExpressionPtr& item : items) depth = std::max(depth, depth_of(item));
  return node<ListDisplay>(depth, std::move(items), tuple);
}

ExpressionPtr make_dict(std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries) {
  std::size_t depth = 0;
  for (const auto& [k, v] : entries) depth = std::max({depth, depth_of(k), depth_of(v)});
  return node<DictDisplay>(depth, std::move(entries));
}

ExpressionPtr make_attribute(ExpressionPtr object, std::string name) {
  const std::size_t depth = depth_of(object);
  return node<Attribute>(depth, std::move(object), std::move(name));
}

ExpressionPtr make_item(ExpressionPtr object, ExpressionPtr key) {
  const std::size_t depth = std::max(depth_of(object), depth_of(key));
  return node<Item>(depth, std::move(object), std::move(key));
}

ExpressionPtr make_slice(ExpressionPtr object, ExpressionPtr first, ExpressionPtr last,
                         ExpressionPtr step) {
  const std::size_t depth =
      std::max({depth_of(object), depth_of(first), depth_of(last), depth_of(step)});
  return node<Slice>(depth, std::move(object), std::move(first), std::move(last), std::move(step));
}

ExpressionPtr make_call(ExpressionPtr callee, CallArguments arguments) {
  const std::size_t depth = std::max(depth_of(callee), depth_of(arguments));
  return node<Call>(depth, std::move(callee), std::move(arguments));
}

ExpressionPtr make_filter(ExpressionPtr input, std::string name, CallArguments arguments) {
  const std::size_t depth = std::max(depth_of(input), depth_of(arguments));
  return node<FilterExpression>(depth, std::move(input), std::move(name), std::move(arguments));
}

ExpressionPtr make_test(ExpressionPtr input, std::string name, CallArguments arguments,
                        bool inverted) {
  const std::size_t depth = std::max(depth_of(input), depth_of(arguments));
  return node<TestExpression>(depth, std::move(input), std::move(name), std::move(arguments),
                              inverted);
}

ExpressionPtr make_arithmetic(std::string operation, ExpressionPtr left, ExpressionPtr right) {
  const std::size_t depth = std::max(depth_of(left), depth_of(right));
  return node<Arithmetic>(depth, std::move(operation), std::move(left), std::move(right));
}

ExpressionPtr make_comparison(ExpressionPtr first,
                              std::vector<std::pair<std::string, ExpressionPtr>> rest) {
  std::size_t depth = depth_of(first);
  for (const auto& [operation, e] : rest) depth = std::max(depth, depth_of(e));
  return node<Comparison>(depth, std::move(first), std::move(rest));
}

ExpressionPtr make_and(ExpressionPtr left, ExpressionPtr right) {
  const std::size_t depth = std::max(depth_of(left), depth_of(right));
  return node<Logic>(depth, std::move(left), std::move(right), true);
}
ExpressionPtr make_or(ExpressionPtr left, ExpressionPtr right) {
  const std::size_t depth = std::max(depth_of(left), depth_of(right));
  return node<Logic>(depth, std::move(left), std::move(right), false);
}

ExpressionPtr make_not(ExpressionPtr operand) {
  const std::size_t depth = depth_of(operand);
  return node<Unary>(depth, '!', std::move(operand));
}
ExpressionPtr make_negative(ExpressionPtr operand) {
  const std::size_t depth = depth_of(operand);
  return node<Unary>(depth, '-', std::move(operand));
}
ExpressionPtr make_positive(ExpressionPtr operand) {
  const std::size_t depth = depth_of(operand);
  return node<Unary>(depth, '+', std::move(operand));
}

ExpressionPtr make_choice(ExpressionPtr condition, ExpressionPtr then, ExpressionPtr otherwise) {
  const std::size_t depth = std::max({depth_of(condition), depth_of(then), depth_of(otherwise)});
  return node<Choice>(depth, std::move(condition), std::move(then), std::move(otherwise));
}

Arguments CallArguments::evaluate(Render& render) const {
  Arguments out;
  for (const ExpressionPtr& e : positional) out.positional.push_back(e->value(render));
  for (const auto& [name, e] : named) out.named.emplace_back(name, e->value(render));
  if (list != nullptr) {
    const Items more(render, list->value(render));
    render.items(more.size());
    out.positional.insert(out.positional.end(), more.begin(), more.end());
  }
  if (mapping == nullptr) return out;
  const Value more = mapping->value(render);
  if (more.dict() == nullptr) throw failure("argument after ** must be a mapping");
  render.items(more.dict()->entries.size());
  for (const auto& [key, value] : more.dict()->entries) {
    if (key.string() == nullptr) throw failure("keywords must be strings");
    render.string(key.string()->size());
    out.named.emplace_back(*key.string(), value);
  }
  return out;
}

}  // namespace text::jinja
