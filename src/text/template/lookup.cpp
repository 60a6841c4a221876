// x.name and x[key].
#include <fmt/format.h>

#include <algorithm>

#include "text/template/node.h"
#include "text/template/strings.h"

namespace text::jinja {
namespace {

class BoundMethod final : public Object {
 public:
  BoundMethod(Value self, Method code) : self_(std::move(self)), code_(code) {}
  std::string_view type_name() const noexcept override { return "method"; }
  bool callable() const noexcept override { return true; }
  Value call(Render& render, const Arguments& arguments) override {
    render.look(self_);
    render.look(arguments);
    return code_(render, self_, arguments);
  }
  std::vector<Value> held() const override { return {self_}; }

 private:
  Value self_;
  Method code_;
};

/// Python's index: negative counts from the end. -1 if outside.
std::int64_t place(std::int64_t index, std::size_t size) {
  const auto n = static_cast<std::int64_t>(size);
  if (index < 0) index += n;
  return index >= 0 && index < n ? index : -1;
}

/// The character at Python's index.
std::optional<Value> character(Render& render, std::string_view text, std::int64_t index) {
  // Not more than the text is looked at, and only as far as the index is from its end.
  const std::uint64_t far =
      index < 0 ? ~static_cast<std::uint64_t>(index) : static_cast<std::uint64_t>(index);
  render.look(static_cast<std::size_t>(std::min<std::uint64_t>(far, text.size())));
  if (index < 0) {
    for (std::uint64_t i = 0; i < far && !text.empty(); ++i) text.remove_suffix(last_bytes(text));
    if (text.empty()) return std::nullopt;
    return text_of(render, std::string(text.substr(text.size() - last_bytes(text))));
  }
  text.remove_prefix(bytes_of(text, far));
  if (text.empty()) return std::nullopt;
  return text_of(render, std::string(text.substr(0, bytes_of(text, 1))));
}

/// Item of an object that has places.
std::optional<Value> placed(const Value& object, const Value& key) {
  const Object* o = object.object();
  if (o == nullptr || !o->size() || !key.is_whole()) return std::nullopt;
  const std::int64_t at = place(key.whole(), *o->size());
  return at < 0 ? std::nullopt : std::optional(o->item(static_cast<std::size_t>(at)));
}

const Value* keyed(Render& render, const Value& object, const Value& key) {
  if (const Dict* dict = object.dict()) return dict->find(render, key);
  const List* list = object.list();
  if (list == nullptr || !key.is_whole()) return nullptr;
  const std::int64_t at = place(key.whole(), list->items.size());
  return at < 0 ? nullptr : &list->items[static_cast<std::size_t>(at)];
}

void refuse_undefined(const Value& object) {
  if (object.is_undefined()) {
    throw failure(fmt::format("'{}' is undefined", object.undefined_name()));
  }
}

Value missing(Render& render, const Value& object, const std::string& name) {
  render.string(name.size());
  return Value::undefined(fmt::format("{} object has no {}", object.type_name(), name));
}

std::optional<Value> own_attribute(Render& render, const Value& object, const std::string& name) {
  if (const Object* o = object.object()) return o->attribute(render, name);
  const List* list = object.list();
  if (list == nullptr) return std::nullopt;
  const auto at = std::find(list->names.begin(), list->names.end(), name);
  return at == list->names.end()
             ? std::nullopt
             : std::optional(list->items[static_cast<std::size_t>(at - list->names.begin())]);
}

}  // namespace

Value attribute_of(Render& render, const Value& object, const std::string& name) {
  refuse_undefined(object);
  if (auto found = own_attribute(render, object, name)) return *std::move(found);
  if (const Method method = find_method(object, name)) {
    render.object();
    return Value::ObjectPtr(std::make_shared<BoundMethod>(object, method));
  }
  if (const Dict* dict = object.dict()) {
    if (const Value* found = dict->find(render, std::string_view(name))) return *found;
  }
  return missing(render, object, name);
}

Value item_of(Render& render, const Value& object, const Value& key) {
  refuse_undefined(object);
  if (const Value* found = keyed(render, object, key)) return *found;
  if (auto found = placed(object, key)) return *std::move(found);
  if (const std::string* text = object.string(); text != nullptr && key.is_whole()) {
    if (auto found = character(render, *text, key.whole())) return *std::move(found);
  }
  if (const std::string* name = key.string()) {
    if (auto found = own_attribute(render, object, *name)) return *std::move(found);
    if (const Method method = find_method(object, *name)) {
      render.object();
      return Value::ObjectPtr(std::make_shared<BoundMethod>(object, method));
    }
  }
  return missing(render, object, to_repr(render, key));
}

}  // namespace text::jinja
