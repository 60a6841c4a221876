// How the public programs recognise a tensor: tests on its name, which define their recipes. They
// become sets of roles here. Names that no role covers, of architectures that are unknown or of
// parts that nobody describes yet (ssm, vision towers), are tested as texts: the files that the
// public programs make of those have to come out the same. Nothing else in recipe/ looks at names,
// but for the regular expressions of the user.
#pragma once

#include <bitset>
#include <string_view>
#include <vector>

#include "model/spec.h"

namespace recipe {

class NameTest {
 public:
  /// "any"; "eq:A|B": the name is A or B; "has:A|B": A or B stands in it; "ends:A|B". `text` must
  /// stay alive. Throws std::logic_error: the texts are our own tables.
  explicit NameTest(std::string_view text);

  /// `name` only counts when no role covers it.
  bool holds(const model::TensorId& id, std::string_view name) const noexcept;

 private:
  enum class Match : std::uint8_t { any, equals, contains, ends };
  using Roles = std::bitset<static_cast<std::size_t>(model::Role::count)>;

  void add_alternative(std::string_view text);
  bool fits_text(std::string_view name) const noexcept;

  Match match_ = Match::any;
  std::vector<std::string_view> texts_;
  Roles roles_;                                             ///< of any layer, and of none
  std::vector<std::pair<Roles, int>> roles_of_layer_ = {};  ///< of this layer only
};

}  // namespace recipe
