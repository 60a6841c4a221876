#include "recipe/types.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "base/checked.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/printable.h"
#include "recipe/table_text.h"

namespace recipe {
namespace {

constexpr std::string_view kText =
#include "recipe/data/types.tsv.inc"
    ;

struct UseName {
  std::string_view name;
  Use use;
  std::string_view why;  ///< why nobody may ask for it; empty if he may
};
constexpr UseName kUses[] = {
    {"weight", Use::weight, ""},
    {"data", Use::data, "it holds plain data, not weights"},
    {"activation", Use::activation, "it is an activation format that never stands in files"},
    {"readonly", Use::readonly, "it can only be read"},
    {"obsolete", Use::obsolete, "it is obsolete; q4_0 or q4_0_r8 take its place"},
    {"internal", Use::internal, "it is a run-time repacking that never stands in files"},
};

std::size_t number(std::string_view text) {
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Use use_named(std::string_view name) {
  for (const UseName& u : kUses) {
    if (u.name == name) return u.use;
  }
  throw std::logic_error("types.tsv: unknown use");
}

void read_note(std::string_view note, TypeFacts& type) {
  const std::size_t equals = note.find('=');
  const std::string_view name = note.substr(0, equals);
  const std::size_t value = equals == std::string_view::npos ? 1 : number(note.substr(equals + 1));
  if (name == "float") {
    type.plain_float = true;
  } else if (name == "per_tensor") {
    type.per_tensor = true;
  } else if (name == "cols") {
    type.col_multiple = value;
  } else if (name == "ik_cols") {
    type.ik_col_multiple = value;
  } else if (name == "imatrix") {
    type.needs_importance_ik = true;
  } else if (name == "imatrix_lc") {
    type.needs_importance_lc = true;
  } else {
    throw std::logic_error("types.tsv: unknown note");
  }
}

std::vector<TypeFacts> parse() {
  std::vector<TypeFacts> out;
  for (const Fields& f : table_rows(kText)) {
    out.push_back({.id = static_cast<std::uint32_t>(number(f.at(0))),
                   .symbol = f.at(1),
                   .name = f.at(2),
                   .block_elems = number(f.at(3)),
                   .block_bytes = number(f.at(4)),
                   .row_meta_bytes = number(f.at(5)),
                   .group_rows = number(f.at(6)),
                   .use = use_named(f.at(7))});
    if (f.size() <= 8) continue;
    for (const std::string_view note : split(f[8], ',')) read_note(note, out.back());
  }
  return out;
}

const std::vector<TypeFacts>& types() {
  static const std::vector<TypeFacts> all = parse();
  return all;
}

template <class Test>
const TypeFacts* first(Test test) {
  const auto it = std::find_if(types().begin(), types().end(), test);
  return it == types().end() ? nullptr : &*it;
}

}  // namespace

bool TypeFacts::fits_row(std::uint64_t cols) const noexcept {
  return cols % (col_multiple != 0 ? col_multiple : block_elems) == 0;
}

std::size_t TypeFacts::bytes(const tensor::Shape& shape) const {
  // A quarter of a byte an element and one scale a tensor (i2_s, docs/spec/types/basic.md).
  if (per_tensor) return shape.elements() / 4 + 32;
  const std::size_t blocks = base::checked_mul(shape.cols() / block_elems, block_bytes);
  return base::checked_mul(base::checked_add(row_meta_bytes, blocks), shape.rows());
}

std::span<const TypeFacts> all_types() { return types(); }

const TypeFacts* find_type(std::uint32_t id) {
  return first([id](const TypeFacts& t) { return t.id == id; });
}
const TypeFacts* type_by_symbol(std::string_view symbol) {
  return first([symbol](const TypeFacts& t) { return t.symbol == symbol; });
}
const TypeFacts& known_type(std::string_view symbol) {
  const TypeFacts* type = type_by_symbol(symbol);
  if (type == nullptr) throw std::logic_error("unknown type in a table: " + std::string(symbol));
  return *type;
}
const TypeFacts* type_by_name(std::string_view name) {
  if (equal_ignoring_case(name, "q1_0")) name = "q1_0_g128";
  return first([name](const TypeFacts& t) { return equal_ignoring_case(t.name, name); });
}

namespace {

/// The type whose number in files a word is; null: none.
const TypeFacts* type_by_number(std::string_view word) {
  std::uint32_t id = 0;
  const char* end = word.data() + word.size();
  const auto [stop, code] = std::from_chars(word.data(), end, id);
  return code == std::errc() && stop == end ? find_type(id) : nullptr;
}

/// "did you mean q4_K? `quern types` lists the names".
std::string nearest_type(std::string_view name) {
  if (const TypeFacts* type = type_by_number(name)) {
    return fmt::format("types go by name here: {} is the number of {}", name, type->name);
  }
  std::vector<std::string_view> names;
  for (const TypeFacts& t : all_types()) names.push_back(t.name);
  const std::string guess = base::did_you_mean(name, names);
  return guess + (guess.empty() ? "" : " ") + "`quern types` lists the names";
}

}  // namespace

const TypeFacts& type_for_option(std::string_view option, std::string_view name) {
  const TypeFacts* type = type_by_name(name);
  if (type == nullptr) {
    throw base::Error(base::Fault::bad_usage, fmt::format("{}: unknown tensor type", option))
        .at("found", base::printable(name))
        .hint(nearest_type(name));
  }
  for (const UseName& u : kUses) {
    if (u.use == type->use && !u.why.empty()) {
      throw base::Error(base::Fault::bad_usage,
                        fmt::format("{}: {} cannot be made: {}", option, type->name, u.why));
    }
  }
  return *type;
}

}  // namespace recipe
