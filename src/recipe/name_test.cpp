#include "recipe/name_test.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "recipe/table_text.h"

namespace recipe {
namespace {

constexpr std::size_t kRoles = static_cast<std::size_t>(model::Role::count);

/// "attn_q.weight"
std::string file_name(std::size_t role) {
  return model::tensor_name(static_cast<model::Role>(role), -1);
}

}  // namespace

NameTest::NameTest(std::string_view text) {
  if (text == "any") return;
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  if (colon == std::string_view::npos || (kind != "eq" && kind != "has" && kind != "ends")) {
    throw std::logic_error("bad name test in a recipe table: " + std::string(text));
  }
  match_ = kind == "eq" ? Match::equals : kind == "has" ? Match::contains : Match::ends;
  texts_ = split(text.substr(colon + 1), '|');
  for (const std::string_view alternative : texts_) add_alternative(alternative);
}

void NameTest::add_alternative(std::string_view text) {
  if (match_ == Match::equals) {
    const model::TensorId id = model::parse_tensor_name(text);
    if (id.role == model::Role::count) return;
    roles_of_layer_.emplace_back(Roles().set(static_cast<std::size_t>(id.role)), id.layer);
    return;
  }
  // "blk.0.ffn_up": all roles of layer 0 that begin so.
  std::string probe(text);
  const int layer = model::parse_tensor_name(probe + ".").layer;
  const std::string_view rest = layer < 0 ? text : text.substr(text.find('.', 4) + 1);
  Roles roles;
  for (std::size_t r = 0; r < kRoles; ++r) {
    const std::string name = file_name(r);
    roles[r] = layer >= 0              ? name.starts_with(rest)
               : match_ == Match::ends ? name.ends_with(rest)
                                       : contains("." + name, rest);
  }
  if (layer < 0) {
    roles_ |= roles;
  } else {
    roles_of_layer_.emplace_back(roles, layer);
  }
}

bool NameTest::holds(const model::TensorId& id, std::string_view name) const noexcept {
  if (match_ == Match::any) return true;
  if (id.role == model::Role::count) return fits_text(name);
  const auto role = static_cast<std::size_t>(id.role);
  return roles_[role] ||
         std::any_of(roles_of_layer_.begin(), roles_of_layer_.end(),
                     [&](const auto& r) { return r.first[role] && r.second == id.layer; });
}

bool NameTest::fits_text(std::string_view name) const noexcept {
  return std::any_of(texts_.begin(), texts_.end(), [&](std::string_view text) {
    if (match_ == Match::equals) return name == text;
    return match_ == Match::ends ? name.ends_with(text) : contains(name, text);
  });
}

}  // namespace recipe
