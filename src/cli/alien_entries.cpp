#include "cli/alien_entries.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"
#include "model/spec.h"

namespace cli {

void warn_alien_entries(const calibrate::Importance& importance,
                        const std::set<std::string_view>& names, bool fewer_layers) {
  int last_layer = -1;
  for (const std::string_view name : names) {
    last_layer = std::max(last_layer, model::parse_tensor_name(name).layer);
  }
  std::size_t n_alien = 0;
  std::string_view first;
  for (const auto& [name, entry] : importance.entries) {
    const model::TensorId id = model::parse_tensor_name(name);
    const bool beyond = !fewer_layers && id.layer > last_layer;
    const bool known = id.role != model::Role::count && !beyond;
    if (known || names.count(name) > 0) continue;
    if (n_alien++ == 0) first = name;
  }
  if (n_alien == 0) return;
  fmt::print(stderr,
             "warning: {} {} of the importance file belong{} to no tensor: {}{}; is it damaged?\n",
             n_alien, n_alien == 1 ? "entry" : "entries", n_alien == 1 ? "s" : "",
             base::printable(first), n_alien == 1 ? "" : ", ...");
}

}  // namespace cli
