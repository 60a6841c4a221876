#include "recipe/shape_fit.h"

#include <fmt/format.h>

#include "base/error.h"

namespace recipe {

Fitted fit_row(Policy policy, const TypeFacts& type, const InputTensor& tensor) {
  const std::uint64_t cols = tensor.shape.cols();
  if (type.fits_row(cols)) return {&type, ""};
  const Replacement replacement = row_replacement(policy, type);
  if (replacement.refuse) {
    throw base::Error(base::Fault::bad_input,
                      fmt::format("rows of this tensor cannot be stored as {}", type.name))
        .at("tensor", tensor.name)
        .at("found", fmt::format("{} columns", cols))
        .expected(fmt::format("a multiple of {}", type.block_elems))
        .hint("give this tensor another type, e.g. with --custom-q or --tensor-type");
  }
  const TypeFacts* fitted = replacement.type;
  if (fitted == nullptr || !fitted->fits_row(cols)) fitted = &known_type("F16");
  return {fitted, fmt::format("{} columns are no multiple of {} ({}), using {}", cols,
                              type.block_elems, type.name, fitted->name)};
}

Fitted fit_groups(const TypeFacts& type, const InputTensor& tensor) {
  const std::uint64_t rows = tensor.shape.ne[1];
  if (rows % type.group_rows == 0) return {&type, ""};
  const TypeFacts& plain = plain_type(type);
  return {&plain, fmt::format("{} rows are no multiple of {} ({}), using {}", rows, type.group_rows,
                              type.name, plain.name)};
}

bool is_row_lookup(const InputTensor& tensor) noexcept {
  static const NameTest test("eq:token_embd.weight|per_layer_token_embd.weight");
  return tensor.fits(test);
}

}  // namespace recipe
