// Functions that every template can call.
#include <fmt/format.h>

#include <array>
#include <ctime>

#include "text/template/arguments.h"
#include "text/template/items.h"
#include "text/template/objects.h"
#include "text/template/range.h"

namespace text::jinja {
namespace {

Value range(Render& render, const Arguments& a) {
  const Bound b("range", {"start", "stop", "step"}, a);
  b.required(0);
  const bool one = b.find(1) == nullptr;
  const std::int64_t first = one ? 0 : b.whole(0, 0);
  const std::int64_t last = one ? b.whole(0, 0) : b.whole(1, 0);
  const std::int64_t step = b.whole(2, 1);
  if (step == 0) throw failure("range() arg 3 must not be zero");
  render.object();
  return Value::ObjectPtr(std::make_shared<Range>(first, last, step));
}

Value make_namespace(Render& render, const Arguments& a) {
  render.object();
  auto space = std::make_shared<Namespace>();
  for (const Value& from : a.positional) {
    if (from.dict() == nullptr) throw failure("namespace() takes mappings and names");
    for (const auto& [key, value] : from.dict()->entries)
      space->set(render, to_text(render, key), value);
  }
  for (const auto& [name, value] : a.named) space->set(render, name, value);
  return Value::ObjectPtr(std::move(space));
}

void add_pairs(Render& render, Dict& dict, const Value& pairs) {
  for (const Value& pair : Items(render, pairs)) {
    const Items two(render, pair);
    if (two.size() != 2) throw failure("dict() takes mappings, pairs and names");
    dict.set(render, two[0], two[1]);
  }
}

Value make_dict(Render& render, const Arguments& a) {
  render.object();
  auto dict = std::make_shared<Dict>();
  for (const Value& from : a.positional) {
    if (from.dict() == nullptr) {
      add_pairs(render, *dict, from);
      continue;
    }
    for (const auto& [key, value] : from.dict()->entries) dict->set(render, key, value);
  }
  for (const auto& [name, value] : a.named) dict->set(render, name, value);
  return dict;
}

Value make_joiner(Render& render, const Arguments& a) {
  const Bound b("joiner", {"sep"}, a);
  render.object();
  if (b.find(0) != nullptr && b.find(0)->string() != nullptr) {
    render.string(b.find(0)->string()->size());
  }
  return Value::ObjectPtr(std::make_shared<Joiner>(b.optional_text(0).value_or(", ")));
}

Value make_cycler(Render& render, const Arguments& a) {
  if (a.positional.empty()) throw failure("at least one item has to be provided");
  render.object();
  render.items(a.positional.size());
  return Value::ObjectPtr(std::make_shared<Cycler>(a.positional));
}

Value raise_exception(Render& render, const Arguments& a) {
  throw Refusal(to_text(render, Bound("raise_exception", {"message"}, a).required(0)));
}

/// %f (microseconds, which we have none of) written out; %z and %Z, which are nothing for Python's
/// local time, left out.
std::string without_clock_parts(std::string_view format) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const std::string_view unit = format.substr(i, format[i] == '%' ? 2 : 1);
    i += unit.size() - 1;
    if (unit == "%f") {
      out += "000000";
    } else if (unit != "%z" && unit != "%Z") {
      out += unit;
    }
  }
  return out;
}

Value strftime_now(Render& render, const Arguments& a) {
  const std::string format = Bound("strftime_now", {"format"}, a).text(0);
  const std::string known = without_clock_parts(format);
  if (known.empty()) return "";
  std::array<char, 4096> out{};
  const std::size_t n = std::strftime(out.data(), out.size(), known.c_str(), &render.now());
  if (n == 0) throw failure("strftime_now(): the format is too long");
  return text_of(render, std::string(out.data(), n));
}

struct Row {
  std::string_view name;
  Function::Body body;
};
constexpr Row kFunctions[] = {
    {"range", range},
    {"namespace", make_namespace},
    {"dict", make_dict},
    {"joiner", make_joiner},
    {"cycler", make_cycler},
    {"raise_exception", raise_exception},
    {"strftime_now", strftime_now},
};

}  // namespace

void add_functions(Scope& scope) {
  for (const Row& row : kFunctions) {
    scope.set(row.name, Value::ObjectPtr(std::make_shared<Function>(row.body)));
  }
}

}  // namespace text::jinja
