// The whole job before a byte of tensor data is read: output files, types, importance, sizes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cook/importance_choice.h"
#include "cook/metadata.h"
#include "cook/source.h"
#include "gguf/reshard.h"
#include "recipe/plan.h"

namespace cook {

/// What is to be made.
struct Request {
  recipe::Options recipe;
  std::filesystem::path output;  ///< a file, or the prefix of the shards
  bool keep_split = false;       ///< the shards of the input; no effect when that is one file
  /// New shards; a result that needs only one is a plain file. Not with keep_split.
  std::optional<gguf::SplitRule> split = {};
  bool partial = false;  ///< leave output files that exist as they are
  bool dry_run = false;  ///< types without codec and quantized sources are no errors
  bool ignore_importance_rules = false;
  bool check_copies = true;     ///< refuse bad blocks in tensors that are copied, too
  bool symmetric_q4_0 = false;  ///< q4_0 keeps to the levels -7..7, without importance
  quant::Effort effort = quant::Effort::best;
  const calibrate::Importance* importance = nullptr;  ///< already filtered; null: none
  std::optional<ImportanceKeys> importance_keys;
  std::vector<Override> overrides;
};

/// One tensor of the output.
struct Job {
  std::size_t source = 0;  ///< index into TensorSource::tensors()
  std::string name;
  model::TensorId id;
  tensor::Shape shape;
  recipe::Action action = recipe::Action::copy;
  const recipe::TypeFacts *from = nullptr, *to = nullptr;
  const quant::Codec *from_codec = nullptr, *to_codec = nullptr;  ///< null: not built in
  std::size_t source_bytes = 0, bytes = 0;
  std::string reason;
  ImportanceChoice importance;
  bool looked_up = false;         ///< rows are looked up and never multiplied
  bool custom_rule = false;       ///< a --custom-q or --tensor-type rule decided
  bool wants_importance = false;  ///< data are in use, but none for this tensor
};

/// One file of the output.
struct OutputPlan {
  std::filesystem::path path;
  gguf::Metadata metadata;
  std::vector<std::size_t> jobs;  ///< in file order
  std::size_t file_bytes = 0;     ///< exact
  bool skipped = false;           ///< exists already (Request::partial)
};

struct Plan {
  std::vector<Job> jobs;
  std::vector<OutputPlan> outputs;
  std::size_t source_bytes = 0, bytes = 0;  ///< of all tensors, without padding
  std::size_t file_bytes = 0;               ///< of the files that will be written
  std::size_t n_encoded = 0, n_fallbacks = 0;
  quant::Effort effort = quant::Effort::best;
  bool check_copies = true;
  bool partial = false;          ///< Request
  std::string job = "quantize";  ///< stands in the list of a set that gets its names (job_text)
  std::size_t line_width = 0;    ///< log lines of so many columns; 0: those of the public programs
  base::Findings findings;

  bool changes_nothing() const noexcept { return n_encoded == 0; }
};

/// Throws Fault::bad_input (importance rules, sizes, output over input), Fault::unsupported (a type
/// that this build cannot encode or decode) and what the recipe throws.
Plan make_plan(const TensorSource& source, const Request& request);

/// "PREFIX-00001-of-00003.gguf" needs the prefix without its ".gguf".
std::filesystem::path split_prefix(const std::filesystem::path& output);

}  // namespace cook
