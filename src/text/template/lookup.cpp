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

const Value* keyed(const Value& object, const Value& key) {
  if (const Dict* dict = object.dict()) return dict->find(key);
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

Value missing(const Value& object, const std::string& name) {
  return Value::undefined(fmt::format("{} object has no {}", object.type_name(), name));
}

std::optional<Value> own_attribute(const Value& object, const std::string& name) {
  if (const Object* o = object.object()) return o->attribute(name);
  const List* list = object.list();
  if (list == nullptr) return std::nullopt;
  const auto at = std::find(list->names.begin(), list->names.end(), name);
  return at == list->names.end()
             ? std::nullopt
             : std::optional(list->items[static_cast<std::size_t>(at - list->names.begin())]);
}

}  // namespace

Value attribute_of(const Value& object, const std::string& name) {
  refuse_undefined(object);
  if (auto found = own_attribute(object, name)) return *std::move(found);
  if (const Method method = find_method(object, name)) {
    return Value::ObjectPtr(std::make_shared<BoundMethod>(object, method));
  }
  if (const Dict* dict = object.dict()) {
    if (const Value* found = dict->find(std::string_view(name))) return *found;
  }
  return missing(object, name);
}

Value item_of(const Value& object, const Value& key) {
  refuse_undefined(object);
  if (const Value* found = keyed(object, key)) return *found;
  if (const std::string* text = object.string(); text != nullptr && key.is_whole()) {
    const std::vector<std::string_view> all = characters(*text);
    const std::int64_t at = place(key.whole(), all.size());
    if (at >= 0) return all[static_cast<std::size_t>(at)];
  }
  if (const std::string* name = key.string()) {
    if (auto found = own_attribute(object, *name)) return *std::move(found);
    if (const Method method = find_method(object, *name)) {
      return Value::ObjectPtr(std::make_shared<BoundMethod>(object, method));
    }
  }
  return missing(object, to_repr(key));
}

}  // namespace text::jinja
