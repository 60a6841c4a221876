// Values of chat templates, as Python has them: undefined, none, booleans, whole numbers, floats,
// strings, lists and tuples, mappings in order, objects. What looks at a value takes the Render
// that counts the work.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace text::jinja {

class Value;
class Render;

/// A mistake of the template or of what it was given; the message is for people.
base::Error failure(const std::string& message);

/// What a template says with raise_exception(), in its words.
class Refusal : public base::Error {
 public:
  explicit Refusal(const std::string& message) : base::Error(base::Fault::bad_input, message) {}
};

struct Undefined {
  std::shared_ptr<const std::string> name = nullptr;  ///< what was looked for, for messages
};
struct None {};

/// A list, or a tuple, which prints differently. Shared: two names may hold one list.
struct List {
  List(std::vector<Value> values, bool is_tuple);
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List();  // level by level, so that deep nesting cannot exhaust the stack

  std::vector<Value> items;
  bool tuple = false;
  std::span<const std::string_view> names = {};  ///< of a named tuple's places; static storage
};

/// Entries in the order in which they were first set. Keys are of any plain type.
struct Dict {
  Dict();
  Dict(const Dict&) = delete;
  Dict& operator=(const Dict&) = delete;
  ~Dict();

  std::vector<std::pair<Value, Value>> entries;

  // Each counts the entries that it compares.
  const Value* find(Render& render, const Value& key) const;
  const Value* find(Render& render, std::string_view key) const;
  void set(Render& render, Value key, Value value);
};

/// Arguments of a call.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// A method of `self`.
using Method = Value (*)(Render& render, const Value& self, const Arguments& arguments);

/// A thing with attributes or that can be called: namespace, loop, macro, function, method.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string_view type_name() const noexcept = 0;
  virtual std::optional<Value> attribute(Render& render, std::string_view) const;
  virtual Method method(std::string_view) const noexcept { return nullptr; }  ///< null: none
  virtual bool callable() const noexcept { return false; }
  virtual Value call(Render& render, const Arguments& arguments);
  // What loops can run over: either it has a size and items, or it is used up item by item.
  virtual bool iterable() const noexcept { return false; }
  virtual std::optional<std::size_t> size() const noexcept { return std::nullopt; }
  virtual Value item(std::size_t i) const;  ///< i < size()
  /// Some of its items: of the `n` places from `first` on, `step` apart, all below size().
  virtual Value part(std::int64_t first, std::int64_t step, std::size_t n) const;
  virtual std::optional<Value> next(Render& render);  ///< absent: the end
  virtual std::string text() const;                   ///< what printing gives
  virtual bool equals(const Object& other) const { return this == &other; }
  /// Every value that this object keeps alive (so that no cycle is ever made).
  virtual std::vector<Value> held() const;
  /// Lets go of them.
  virtual void release() {}
};

class Value {
 public:
  using String = std::shared_ptr<const std::string>;
  using ListPtr = std::shared_ptr<List>;
  using DictPtr = std::shared_ptr<Dict>;
  using ObjectPtr = std::shared_ptr<Object>;

  Value() : data_(Undefined{}) {}
  Value(None) : data_(None{}) {}
  Value(bool b) : data_(b) {}
  Value(std::int64_t i) : data_(i) {}
  Value(double d) : data_(d) {}
  Value(std::string s) : data_(std::make_shared<const std::string>(std::move(s))) {}
  Value(std::string_view s) : Value(std::string(s)) {}
  Value(const char* s) : Value(std::string(s)) {}
  Value(ListPtr list) : data_(std::move(list)) {}
  Value(DictPtr dict) : data_(std::move(dict)) {}
  Value(ObjectPtr object) : data_(std::move(object)) {}
  static Value undefined(std::string name);
  static Value list(std::vector<Value> items) {
    return std::make_shared<List>(std::move(items), false);
  }
  static Value tuple(std::vector<Value> items) {
    return std::make_shared<List>(std::move(items), true);
  }

  bool is_undefined() const noexcept { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const noexcept { return std::holds_alternative<None>(data_); }
  const bool* boolean() const noexcept { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const noexcept { return std::get_if<std::int64_t>(&data_); }
  const double* real() const noexcept { return std::get_if<double>(&data_); }
  const std::string* string() const noexcept {
    const String* s = std::get_if<String>(&data_);
    return s == nullptr ? nullptr : s->get();
  }
  List* list() const noexcept { return get<ListPtr>(); }
  Dict* dict() const noexcept { return get<DictPtr>(); }
  Object* object() const noexcept { return get<ObjectPtr>(); }
  template <class T>
  T* object_as() const noexcept {
    return dynamic_cast<T*>(object());
  }

  /// Booleans count as 0 and 1, as in Python. Null data otherwise.
  bool is_whole() const noexcept { return boolean() != nullptr || integer() != nullptr; }
  bool is_number() const noexcept { return is_whole() || real() != nullptr; }
  std::int64_t whole() const noexcept;
  double number() const noexcept;

  /// Python's name of the type, for messages.
  std::string_view type_name() const noexcept;
  /// The name that an undefined value was looked for under.
  std::string undefined_name() const {
    const auto& name = std::get<Undefined>(data_).name;
    return name == nullptr ? "value" : *name;
  }

  /// Destroys values level by level, so that deep nesting cannot exhaust the stack.
  static void destroy(std::vector<Value> values);

 private:
  template <class P>
  bool sole_owner() const noexcept {
    const P* p = std::get_if<P>(&data_);
    return p != nullptr && p->use_count() == 1;
  }
  template <class P>
  typename P::element_type* get() const noexcept {
    const P* p = std::get_if<P>(&data_);
    return p == nullptr ? nullptr : p->get();
  }
  std::variant<Undefined, None, bool, std::int64_t, double, String, ListPtr, DictPtr, ObjectPtr>
      data_;
};

/// Python's truth of a value.
bool truth(const Value& v);
/// Python's ==, deep. true == 1.
bool equal(Render& render, const Value& a, const Value& b);
/// Python's <: numbers, strings, lists of such. Throws for other pairs.
bool less(Render& render, const Value& a, const Value& b);
/// str(v): what printing gives.
std::string to_text(Render& render, const Value& v);
/// repr(v): how it looks inside a printed list.
std::string to_repr(Render& render, const Value& v);
/// repr of a float: the shortest digits that read back the same.
std::string float_text(double d);

/// The values that a loop runs over: items, keys, characters; nothing for undefined. Their memory
/// is counted; see Items. Throws for what cannot be iterated.
std::vector<Value> iterate(Render& render, const Value& v);
/// What `iterate` counts for the `n` values that it gave.
std::size_t iterated_bytes(const Value& v, std::size_t n) noexcept;
bool is_iterable(const Value& v) noexcept;
/// Whether it has a length and places: not what is used up by a loop.
bool is_sequence(const Value& v) noexcept;
/// Number of items, entries or characters. Throws for what has no length.
std::size_t length(Render& render, const Value& v);
/// Membership: item of a list, key of a mapping, part of a string. Throws for anything else.
bool contains(Render& render, const Value& container, const Value& item);

/// Throws if keeping `value` inside `holder` would make a ring.
void refuse_ring(Render& render, const void* holder, const Value& value);

}  // namespace text::jinja
