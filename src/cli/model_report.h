// What `quern info` tells about a model file, gathered before anything is printed.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gguf/file.h"
#include "model/spec.h"
#include "surgery/check.h"
#include "text/tokenizer.h"

namespace cli {

/// Tensors that belong together: one role, or one type.
struct TensorGroup {
  std::string name;
  std::size_t n_tensors = 0;
  std::uint64_t weights = 0, bytes = 0;
  std::set<std::string> types{}, shapes{};
  std::set<int> layers{};

  double bpw() const noexcept {
    return weights == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
  }
};

struct TokenizerFacts {
  std::string kind;  ///< "llama", "gpt2"
  std::size_t n_tokens = 0;
  text::TokenId bos = -1, eos = -1;
  bool states_bos = false, states_eos = false;  ///< the file says so; else a default of its kind
};

struct ModelReport {
  TensorGroup total;
  std::vector<TensorGroup> roles;           ///< in order of first appearance
  std::vector<TensorGroup> types;           ///< by bytes, largest first
  std::optional<model::ModelSpec> spec;     ///< nullopt if the architecture is not known
  std::optional<TokenizerFacts> tokenizer;  ///< nullopt if there is none, or none that works
  bool has_chat_template = false;
  std::uint64_t file_bytes = 0;  ///< all shards
  base::Findings findings;       ///< what is odd about the file
  bool has_errors() const noexcept;
};

/// Reads only the header.
ModelReport report_model(const gguf::FileSet& files);

/// Appends the findings of a check, without their places.
void add_findings(const surgery::FoundList& found, base::Findings& findings);

}  // namespace cli
