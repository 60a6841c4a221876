#include "text/template/render.h"

#include <fmt/format.h>

#include "text/template/node.h"

namespace text::jinja {

const Value* Scope::find(Render& render, std::string_view name) const {
  std::size_t names = 0;
  const Value* found = nullptr;
  for (const Scope* scope = this; scope != nullptr && found == nullptr; scope = scope->outer_) {
    names += scope->names_.size() + 1;
    for (const auto& [known, value] : scope->names_) {
      if (known == name) found = &value;
    }
  }
  render.step(names * (1 + name.size() / 64) / 8);
  return found;
}

void Scope::set(std::string_view name, Value value) {
  for (auto& [known, old] : names_) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  names_.emplace_back(name, std::move(value));
}

void Scope::set(Render& render, std::string_view name, Value value) {
  render.step((names_.size() + 1) * (1 + name.size() / 64) / 8);
  const std::size_t before = names_.size();
  set(name, std::move(value));
  if (names_.size() == before) return;
  const std::size_t bytes = Render::kItemBytes + Render::kStringBytes + name.size();
  render.made(bytes);
  made_ += bytes;
}

void Render::look(const Value& value) {
  if (const std::string* s = value.string()) look(s->size());
  if (const List* list = value.list()) step(list->items.size() / 64);
  if (const Dict* dict = value.dict()) step(dict->entries.size() / 64);
}

void Render::look(const Arguments& arguments) {
  step(arguments.positional.size() + arguments.named.size());
  for (const Value& value : arguments.positional) look(value);
  for (const auto& [name, value] : arguments.named) look(value);
}

Value text_of(Render& render, std::string text) {
  render.string(text.size());
  return text;
}

void Render::too_much(std::string_view what, std::size_t limit) const {
  throw base::Error(base::Fault::bad_input, "chat template: it goes beyond a limit")
      .at("limit", fmt::format("{} {}", limit, what))
      .hint("a loop or a macro of the template does not end, or what it is given is too long");
}

}  // namespace text::jinja
