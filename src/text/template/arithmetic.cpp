// + - * / // % ** and ~ with Python's rules.
#include <fmt/format.h>

#include <cmath>

#include "text/template/big_whole.h"
#include "text/template/expressions.h"
#include "text/template/percent_format.h"

namespace text::jinja {
namespace {

using Whole = std::int64_t;

base::Error unsupported(std::string_view operation, const Value& a, const Value& b) {
  for (const Value* v : {&a, &b}) {
    if (is_big_whole(*v)) return failure("a whole number does not fit 64 bits");
    if (v->is_undefined()) return failure(fmt::format("'{}' is undefined", v->undefined_name()));
  }
  return failure(fmt::format("unsupported operand type(s) for {}: '{}' and '{}'", operation,
                             a.type_name(), b.type_name()));
}

Value too_large() { throw failure("a whole number does not fit 64 bits"); }

Whole floor_divided(Whole a, Whole b) {
  const Whole q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

void refuse_zero(bool zero) {
  if (zero) throw failure("division by zero");
}

Value whole_power(Whole base, Whole exponent) {
  if (exponent < 0) return std::pow(static_cast<double>(base), static_cast<double>(exponent));
  Whole result = 1;
  for (Whole i = 0; i < exponent && result != 0 && !(base == 1 || (base == -1 && i > 1)); ++i) {
    if (__builtin_mul_overflow(result, base, &result)) too_large();
  }
  if (base == -1) return Whole{exponent % 2 == 0 ? 1 : -1};
  return result;
}

Value of_wholes(std::string_view operation, Whole a, Whole b) {
  Whole r = 0;
  if (operation == "+") return __builtin_add_overflow(a, b, &r) ? too_large() : Value(r);
  if (operation == "-") return __builtin_sub_overflow(a, b, &r) ? too_large() : Value(r);
  if (operation == "*") return __builtin_mul_overflow(a, b, &r) ? too_large() : Value(r);
  if (operation == "**") return whole_power(a, b);
  refuse_zero(b == 0);
  if (operation == "/") return static_cast<double>(a) / static_cast<double>(b);
  if (b == -1) return operation == "%" ? Value(Whole{0}) : of_wholes("-", 0, a);
  if (operation == "//") return floor_divided(a, b);
  return a - floor_divided(a, b) * b;
}

Value of_reals(std::string_view operation, double a, double b) {
  if (operation == "+") return a + b;
  if (operation == "-") return a - b;
  if (operation == "*") return a * b;
  if (operation == "**") return std::pow(a, b);
  refuse_zero(b == 0);
  if (operation == "/") return a / b;
  const double q = std::floor(a / b);
  return operation == "//" ? Value(q) : Value(a - q * b);
}

Value repeated(Render& render, const Value& what, Whole times) {
  const std::size_t n = times < 0 ? 0 : static_cast<std::size_t>(times);
  if (const std::string* s = what.string()) {
    if (s->empty()) return "";
    render.string(n > render.limits().bytes ? n : n * s->size());
    std::string out;
    out.reserve(n * s->size());
    render.step(n / 4);
    for (std::size_t i = 0; i < n; ++i) out += *s;
    return out;
  }
  const List& list = *what.list();
  render.object();
  std::vector<Value> out;
  if (!list.items.empty()) {
    render.step(n);
    render.items(n > render.limits().memory ? n : n * list.items.size());
    out.reserve(n * list.items.size());
    for (std::size_t i = 0; i < n; ++i) {
      out.insert(out.end(), list.items.begin(), list.items.end());
    }
  }
  return list.tuple ? Value::tuple(std::move(out)) : Value::list(std::move(out));
}

Value joined_lists(Render& render, const List& a, const List& b) {
  render.object();
  render.items(a.items.size() + b.items.size());
  std::vector<Value> out = a.items;
  out.insert(out.end(), b.items.begin(), b.items.end());
  return a.tuple ? Value::tuple(std::move(out)) : Value::list(std::move(out));
}

Value concatenated(Render& render, const std::string& a, const std::string& b) {
  render.string(a.size() + b.size());
  return a + b;
}

}  // namespace

Value arithmetic(Render& render, std::string_view operation, const Value& a, const Value& b) {
  if (operation == "~") return concatenated(render, to_text(render, a), to_text(render, b));
  if (a.is_whole() && b.is_whole()) return of_wholes(operation, a.whole(), b.whole());
  if (a.is_number() && b.is_number()) return of_reals(operation, a.number(), b.number());
  if (operation == "+") {
    if (a.string() != nullptr && b.string() != nullptr) {
      return concatenated(render, *a.string(), *b.string());
    }
    const bool lists = a.list() != nullptr && b.list() != nullptr;
    if (lists && a.list()->tuple == b.list()->tuple)
      return joined_lists(render, *a.list(), *b.list());
    if (a.string() != nullptr && !b.is_undefined()) {
      throw failure(fmt::format("can only concatenate str (not \"{}\") to str", b.type_name()));
    }
  }
  const auto is_sequence = [](const Value& v) {
    return v.string() != nullptr || v.list() != nullptr;
  };
  if (operation == "*") {
    if (is_sequence(a) && b.is_whole()) return repeated(render, a, b.whole());
    if (a.is_whole() && is_sequence(b)) return repeated(render, b, a.whole());
  }
  if (operation == "%" && a.string() != nullptr) {
    render.look(a);
    render.look(b);
    const bool several = b.list() != nullptr && b.list()->tuple;
    return text_of(render, percent_format(render, *a.string(),
                                          {several ? b.list()->items : std::vector{b}, {}}));
  }
  throw unsupported(operation, a, b);
}

}  // namespace text::jinja
