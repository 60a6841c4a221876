#include "runtime/finite.h"

#include <bit>
#include <cstdint>

namespace runtime {
namespace {

constexpr std::uint32_t kExponent = 0x7f800000u;

/// No NaN and no infinity. Whole numbers, so that the compiler may do many at once.
bool is_finite(const float* x, std::size_t n) noexcept {
  std::uint32_t bad = 0;
  for (std::size_t i = 0; i < n; ++i) {
    bad |= (std::bit_cast<std::uint32_t>(x[i]) & kExponent) == kExponent ? 1u : 0u;
  }
  return bad == 0;
}

struct Place {
  std::int32_t id = 0;
  std::size_t position = 0;
};

Place place_of(const Batch& batch, std::size_t token) {
  for (const TokenRun& run : batch.runs) {
    if (token < run.first + run.n) return {batch.ids[token], run.position + token - run.first};
  }
  return {batch.ids[token], token};
}

/// The first broken block of a weight that belongs to the layer.
void name_broken_tensor(const Pass& pass, base::Error& error) {
  for (std::size_t r = 0; r < static_cast<std::size_t>(model::Role::count); ++r) {
    const auto role = static_cast<model::Role>(r);
    const Weight* w = pass.weights.find(role);
    if (w == nullptr || w->codec == nullptr || w->codec->check == nullptr) continue;
    const std::size_t group = w->codec->group_rows;
    const std::size_t bytes = group * w->codec->row_bytes(w->cols);
    for (std::size_t m = 0; m < w->n_matrices; ++m) {
      for (std::size_t row = 0; row + group <= w->rows; row += group) {
        const std::byte* at = w->matrix(m) + row / group * bytes;
        const auto bad = w->codec->check({at, bytes}, w->cols);
        if (!bad) continue;
        error.at("broken tensor", model::role_name(role).stem);
        error.at("matrix", m).at("row", row).at("block", bad->block).at("problem", bad->what);
        return;
      }
    }
  }
}

[[noreturn]] void refuse(const Pass& pass, std::string_view part, std::size_t token) {
  const Place place = place_of(pass.batch, token);
  base::Error error(base::Fault::bad_input, "NaN or infinity while the model runs");
  if (pass.layer >= 0) error.at("layer", pass.layer);
  error.at("after", part).at("token", place.id).at("position", place.position);
  name_broken_tensor(pass, error);
  error.hint(
      "`quern info --check MODEL` looks at every block; if it finds nothing, the arithmetic "
      "overflows: try -ctk f32 or --kernels reference");
  throw error;
}

}  // namespace

void check_finite(const Pass& pass, const Rows& rows, std::string_view part,
                  std::span<const std::uint32_t> tokens) {
  for (std::size_t i = 0; i < rows.n; ++i) {
    if (is_finite(rows.row(i), rows.cols)) continue;
    refuse(pass, part, tokens.empty() ? i : tokens[i]);
  }
}

}  // namespace runtime
