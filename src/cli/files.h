// Looks at the files that a command line names before any work: whether an input is there and of
// the right kind, whether an output can be written.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "cli/options.h"

namespace cli {

/// What the first bytes of a file tell.
enum class FileKind {
  missing,
  folder,
  special,
  empty,
  gguf,
  importance_gguf,
  importance_dat,
  safetensors,
  log_probabilities,
  text,
  other
};
FileKind kind_of_file(const std::filesystem::path& path);
/// "a model in GGUF".
std::string_view kind_text(FileKind kind) noexcept;

/// A hint for a file that is not there: "did you mean m.gguf?" of its folder, that there is no such
/// folder, or "".
std::string similar_name(const std::filesystem::path& path);

/// The file is there and is a model in GGUF. Throws Fault::bad_usage (empty name), Fault::io (not
/// there, not readable) or Fault::bad_file, each saying what was found. `what` is "--model" or
/// "INPUT".
void check_model_file(std::string_view what, const std::string& path,
                      std::string_view expected = "a model");
/// The same for an importance matrix of either kind.
void check_importance_file(std::string_view what, const std::string& path);
/// The same for any file; it may be a pipe but neither empty nor a folder.
void check_input_file(std::string_view what, const std::string& path);

/// The output can be written: it has a name, its folder exists and takes files, no folder or device
/// has its name. Removes what a killed run left of it, telling so. Throws Fault::bad_usage,
/// Fault::bad_input or Fault::io.
void prepare_output(std::string_view what, const std::string& path);
/// A split set of which a killed run has not given all files their names (`file`: any of them)
/// gets the rest of them now, telling so. What that run was to do; empty if there is none. Hold the
/// lock of the set. Throws as surgery::finish_publish.
std::string finish_earlier(const std::string& file);
/// The same for a folder, which the command will make; its parent must exist.
void prepare_folder(std::string_view what, const std::string& path);

/// What a command writes.
enum class Product { model, importance, log_probabilities, logits, plot, matrix };
/// What stands under the output's name may go: nothing, an empty file, or one of the kind that is
/// written (also a GGUF file that cannot be read, where a model is). Logits have `row_bytes` a
/// token. A matrix of `encode` has no mark: it replaces all but
/// models, importance matrices and base files. Throws Fault::bad_input.
void check_replaceable(std::string_view what, const std::string& path, Product product,
                       std::size_t row_bytes = sizeof(float));

/// Every file option that was given, by its kind in the table. Outputs come last, so that nothing
/// is touched if an input is wrong.
void check_files(const Command& command, const Args& args);

}  // namespace cli
