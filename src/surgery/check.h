// surgery/: whole model files checked, compared and changed, without encoding what stays as it is.
// It must not know commands or how results are shown. Source: issue 5; docs/spec/gguf.md,
// docs/spec/models.md 3.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gguf/file.h"
#include "model/spec.h"
#include "runtime/runtime.h"

namespace surgery {

/// Which part of a check found something.
enum class Part : std::uint8_t { container, split, architecture, tokenizer, blocks, zeros, mla };
std::string_view part_name(Part part) noexcept;

/// One finding and its place.
struct Found {
  Part part = Part::container;
  base::Finding finding;
  std::string file = {};                     ///< of a split set the shard; "" if all files
  std::optional<std::uint64_t> offset = {};  ///< byte of `file` where it begins
  std::uint64_t count = 1;                   ///< of equal things, the first is told
};
using FoundList = std::vector<Found>;

struct CheckReport {
  FoundList found;
  std::size_t n_files = 0, n_tensors = 0;
  std::size_t n_unreadable = 0;  ///< files that are there, but not whole or with a broken header
  std::uint64_t bytes = 0;       ///< of tensor data looked at

  /// Nothing above a note.
  bool clean() const noexcept;
};

/// Looks at everything of a model file or split set: container, completeness of the set, keys and
/// shapes, tokenizer and, if `data`, at every byte of tensor data. Goes on after a fault as far as
/// possible. Throws Fault::io when a file cannot be read and Fault::bad_input when it is not the
/// first of its set, as gguf::FileSet::open does; what is wrong inside is found, not thrown.
CheckReport check_model(const std::filesystem::path& path, bool data,
                        const runtime::Runtime& runtime);

// The parts, for those who have the file open. All add to `found`.

/// Keys and tensors against the description of the architecture, every contradiction. The spec, if
/// the architecture is known and the keys are usable.
std::optional<model::ModelSpec> check_architecture(const gguf::FileSet& files, FoundList& found);
/// Of files with latent attention: whether keys and tensors are of the same flavour. Part of
/// check_architecture.
void check_flavour(const gguf::FileSet& files, const model::ModelSpec& spec, FoundList& found);
/// A general.file_type of which no matrix has the type: a note.
void check_file_type(const gguf::FileSet& files, FoundList& found);
/// Lists of the vocabulary, special ids, merges, chat template; and that the tokenizer can be
/// built. `n_rows`: of token_embd, 0 if unknown.
void check_tokenizer(const gguf::Metadata& metadata, std::uint64_t n_rows, FoundList& found);
/// Every block of these files: scales that are NaN or infinite, impossible codes; tensors, experts
/// and stretches of zeros; experts with the bytes of another. Reads with all threads, in the order
/// of the files. `spec` may be null.
void check_data(const std::vector<gguf::File>& files, const model::ModelSpec* spec,
                const runtime::Runtime& runtime, FoundList& found);
/// Weights of norms that are finite, but beyond 1e6.
void check_norms(const gguf::FileSet& files, const model::ModelSpec& spec, FoundList& found);
/// attn_k_b and attn_v_b against attn_kv_b of the same layer, by value, as near as their types
/// allow (docs/spec/models.md 3.1).
void check_mla(const gguf::FileSet& files, const model::ModelSpec& spec,
               const runtime::Runtime& runtime, FoundList& found);

}  // namespace surgery
