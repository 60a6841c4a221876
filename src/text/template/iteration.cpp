#include "text/template/iteration.h"

#include <fmt/format.h>

#include "text/template/node.h"
#include "text/utf8.h"

namespace text::jinja {

Source::Source(Value over) : over_(std::move(over)) {
  if (!is_iterable(over_)) {
    throw failure(fmt::format("'{}' object is not iterable", over_.type_name()));
  }
}

std::optional<Value> Source::next(Render& render) {
  if (over_.is_undefined()) return std::nullopt;
  if (Object* object = over_.object()) {
    if (!object->size()) return object->next(render);
    return at_ < *object->size() ? std::optional(object->item(at_++)) : std::nullopt;
  }
  if (const List* list = over_.list()) {
    return at_ < list->items.size() ? std::optional(list->items[at_++]) : std::nullopt;
  }
  if (const Dict* dict = over_.dict()) {
    return at_ < dict->entries.size() ? std::optional(dict->entries[at_++].first) : std::nullopt;
  }
  const std::string& text = *over_.string();
  if (at_ >= text.size()) return std::nullopt;
  const std::size_t begin = at_;
  decode_utf8(text, at_);
  return Value(std::string_view(text).substr(begin, at_ - begin));
}

/// What it holds goes level by level, so that a long chain of them cannot exhaust the stack.
Generator::~Generator() {
  next_ = nullptr;
  Value::destroy(std::move(held_));
}

void Generator::release() {
  next_ = nullptr;
  held_.clear();
}

std::optional<Value> Generator::next(Render& render) {
  const Render::Level level(render);
  render.step();
  if (next_ == nullptr) return std::nullopt;
  std::optional<Value> item = next_(render);
  if (!item) {
    next_ = nullptr;
    Value::destroy(std::exchange(held_, {}));
  }
  return item;
}

Value generator(Render& render, std::vector<Value> held, Generator::Next next) {
  constexpr std::size_t kClosures = 3;  // what `next` keeps takes about as much as so many objects
  for (std::size_t i = 0; i < 1 + kClosures; ++i) render.object();
  render.items(held.size());
  return Value::ObjectPtr(std::make_shared<Generator>(std::move(next), std::move(held)));
}

}  // namespace text::jinja
