// What may stand behind `is`.
#include <fmt/format.h>

#include "text/template/arguments.h"
#include "text/template/big_whole.h"
#include "text/template/filters.h"
#include "text/template/node.h"
#include "text/template/strings.h"

namespace text::jinja {
namespace {

using In = const Value&;
using Args = const Arguments&;

Value other(Args a, std::string_view name) { return Bound(name, {"other"}, a).required(0); }

std::int64_t whole_of(In v) {
  if (v.is_whole()) return v.whole();
  if (is_big_whole(v)) throw failure("a whole number does not fit 64 bits");
  throw failure(fmt::format("a whole number is needed, not '{}'", v.type_name()));
}

bool is_case(Render& render, In v, bool (*has_case)(std::string_view)) {
  const std::string text = to_text(render, v);
  render.look(text.size());
  return has_case(text);
}

constexpr TestRow kTests[] = {
    {"defined", [](Render&, In v, Args) { return !v.is_undefined(); }},
    {"undefined", [](Render&, In v, Args) { return v.is_undefined(); }},
    {"none", [](Render&, In v, Args) { return v.is_none(); }},
    {"boolean", [](Render&, In v, Args) { return v.boolean() != nullptr; }},
    {"true", [](Render&, In v, Args) { return v.boolean() != nullptr && *v.boolean(); }},
    {"false", [](Render&, In v, Args) { return v.boolean() != nullptr && !*v.boolean(); }},
    {"integer", [](Render&, In v, Args) { return v.integer() != nullptr || is_big_whole(v); }},
    {"float", [](Render&, In v, Args) { return v.real() != nullptr; }},
    {"number", [](Render&, In v, Args) { return v.is_number() || is_big_whole(v); }},
    {"string", [](Render&, In v, Args) { return v.string() != nullptr; }},
    {"mapping", [](Render&, In v, Args) { return v.dict() != nullptr; }},
    {"iterable", [](Render&, In v, Args) { return is_iterable(v); }},
    {"sequence", [](Render&, In v, Args) { return is_sequence(v); }},
    {"callable",
     [](Render&, In v, Args) { return v.object() != nullptr && v.object()->callable(); }},
    {"escaped", [](Render&, In, Args) { return false; }},  // there is no markup type
    {"odd", [](Render&, In v, Args) { return whole_of(v) % 2 != 0; }},
    {"even", [](Render&, In v, Args) { return whole_of(v) % 2 == 0; }},
    {"divisibleby",
     [](Render&, In v, Args a) {
       const std::int64_t by = whole_of(Bound("divisibleby", {"num"}, a).required(0));
       if (by == 0) throw failure("division by zero");
       return by == -1 || whole_of(v) % by == 0;
     }},
    {"lower", [](Render& r, In v, Args) { return is_case(r, v, is_lower); }},
    {"upper", [](Render& r, In v, Args) { return is_case(r, v, is_upper); }},
    {"in", [](Render& r, In v, Args a) { return contains(r, other(a, "in"), v); }},
    {"sameas",
     [](Render& r, In v, Args a) {
       const Value o = other(a, "sameas");
       if (v.boolean() != nullptr || o.boolean() != nullptr) {
         return v.boolean() != nullptr && o.boolean() != nullptr && *v.boolean() == *o.boolean();
       }
       if (v.list() != nullptr) return v.list() == o.list();
       if (v.dict() != nullptr) return v.dict() == o.dict();
       return v.type_name() == o.type_name() && equal(r, v, o);
     }},
    {"filter", [](Render&, In v,
                  Args) { return v.string() != nullptr && find_filter(*v.string()) != nullptr; }},
    {"test", [](Render&, In v,
                Args) { return v.string() != nullptr && find_test(*v.string()) != nullptr; }},
    {"eq", [](Render& r, In v, Args a) { return equal(r, v, other(a, "eq")); }},
    {"ne", [](Render& r, In v, Args a) { return !equal(r, v, other(a, "ne")); }},
    {"lt", [](Render& r, In v, Args a) { return less(r, v, other(a, "lt")); }},
    {"gt", [](Render& r, In v, Args a) { return less(r, other(a, "gt"), v); }},
    {"le", [](Render& r, In v, Args a) { return !less(r, other(a, "le"), v); }},
    {"ge", [](Render& r, In v, Args a) { return !less(r, v, other(a, "ge")); }},
};

struct Alias {
  std::string_view name, meaning;
};
constexpr Alias kAliases[] = {{"==", "eq"},          {"equalto", "eq"},  {"!=", "ne"},
                              {"<", "lt"},           {"lessthan", "lt"}, {">", "gt"},
                              {"greaterthan", "gt"}, {"<=", "le"},       {">=", "ge"}};

}  // namespace

std::span<const TestRow> value_tests() noexcept { return kTests; }

Test find_test(std::string_view name) noexcept {
  for (const Alias& alias : kAliases) {
    if (alias.name == name) name = alias.meaning;
  }
  for (const TestRow& row : kTests) {
    if (row.name == name) return row.test;
  }
  return nullptr;
}

bool apply_test(Render& render, std::string_view name, const Value& input,
                const Arguments& arguments) {
  const Test test = find_test(name);
  if (test == nullptr) throw failure(fmt::format("No test named '{}'", name));
  // Most look at the kind only; what they compare is counted by `equal` and the like.
  if (const std::string* s = input.string()) render.pass(s->size());
  render.look(arguments);
  return test(render, input, arguments);
}

}  // namespace text::jinja
