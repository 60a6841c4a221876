// The rules of the tables applied to one tensor after the other (docs/spec/recipes.md 5, 13).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "recipe/model_facts.h"
#include "recipe/options.h"

namespace recipe {

/// What the rules say about one tensor.
struct Selected {
  const TypeFacts* type = nullptr;
  std::string rule;                        ///< "role G.v line 36", or "default type"
  std::optional<std::size_t> custom = {};  ///< rule of the user: index in Options::custom_rules
  std::string_view role = {};              ///< RoleType::role of the option that decided
};

/// Walks the tensors of one model in visiting order; keeps the counters.
class Selector {
 public:
  Selector(const Options& options, const ModelFacts& model);

  /// Type of the next tensor by roles and rules; advances the counters of its role. Throws
  /// Fault::bad_file when a rule needs the layer and the name does not tell it.
  Selected next(const InputTensor& tensor);

 private:
  friend class TensorScope;
  const TypeFacts& apply(std::string_view text, const TypeFacts& current) const;

  const Options& options_;
  const ModelFacts& model_;
  const PolicyTables& tables_;
  std::string_view family_;
  std::map<std::string_view, std::int64_t> counters_;
};

}  // namespace recipe
