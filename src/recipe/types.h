// recipe/: which tensor gets which format: the built-in mixes of both public programs, overrides,
// fallbacks, all as data. It must not know codecs, importance values or how bytes are moved.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "tensor/tensor.h"

namespace recipe {

/// What a type may be used for (docs/spec/types/README.md 2).
enum class Use : std::uint8_t { weight, data, activation, readonly, obsolete, internal };

/// What a recipe needs to know of a tensor type. All types of both programs have one, whether or
/// not this build can encode them: types are decided first and refused only when it comes to bytes.
struct TypeFacts {
  std::uint32_t id = 0;     ///< number in files
  std::string_view symbol;  ///< spelling of the tables, "Q4_K"
  std::string_view name;    ///< spelling of the public programs, "q4_K"
  std::size_t block_elems = 1, block_bytes = 0, row_meta_bytes = 0, group_rows = 1;
  Use use = Use::weight;
  bool plain_float = false;          ///< converted to, not quantized to
  bool per_tensor = false;           ///< bytes follow from the tensor, not from its rows
  std::size_t col_multiple = 0;      ///< rows hold a multiple of it; 0: of block_elems
  std::size_t ik_col_multiple = 1;   ///< ik_llama.cpp runs it in such multiples only
  bool needs_importance_ik = false;  ///< refused without importance data by the policy ik
  bool needs_importance_lc = false;  ///< the same by the policy llama.cpp

  bool interleaved() const noexcept { return group_rows > 1; }
  /// F32, F16, BF16, BF16_R16: types that are converted to, not quantized to.
  bool is_float() const noexcept { return plain_float; }
  /// Rows of this length can be stored (BF16_R16 needs an even one).
  bool fits_row(std::uint64_t cols) const noexcept;
  std::size_t row_bytes(std::uint64_t cols) const noexcept {
    return row_meta_bytes + cols / block_elems * block_bytes;
  }
  /// Bytes of a whole tensor. Throws Fault::bad_file on overflow.
  std::size_t bytes(const tensor::Shape& shape) const;
};

std::span<const TypeFacts> all_types();
/// Null if unknown.
const TypeFacts* find_type(std::uint32_t id);
/// By the spelling of the tables. Null if unknown.
const TypeFacts* type_by_symbol(std::string_view symbol);
/// By symbol, for names that stand in our own tables: an unknown one is an internal error.
const TypeFacts& known_type(std::string_view symbol);
/// By the name of the public programs, ignoring case; "q1_0" is q1_0_g128. Null if unknown.
const TypeFacts* type_by_name(std::string_view name);
/// The type that option `option` asks for. Throws Fault::bad_usage for unknown names and for types
/// that no file may be made of (docs/spec/recipes.md 7).
const TypeFacts& type_for_option(std::string_view option, std::string_view name);

}  // namespace recipe
