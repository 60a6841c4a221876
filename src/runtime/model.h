// A model ready to run: files, spec, and where the weights of a layer come from.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "gguf/file.h"
#include "model/spec.h"
#include "text/tokenizer.h"

namespace runtime {

/// Opens, describes and validates a file or split set. Tensors that the file lacks and that can be
/// made from others are made when a layer is loaded. Immutable after loading; threads share it.
class Model {
 public:
  /// Throws Fault::unsupported for what would not be computed rightly (check_runnable).
  static Model open(const std::filesystem::path& path, model::Rules rules = model::Rules::original);

  const gguf::FileSet& files() const noexcept { return files_; }
  const model::ModelSpec& spec() const noexcept { return spec_; }
  const base::Findings& findings() const noexcept { return findings_; }
  model::Rules rules() const noexcept { return rules_; }
  /// The tokenizer, built on first use. Throws if the file has none.
  const text::Tokenizer& tokenizer() const;

 private:
  gguf::FileSet files_;
  model::ModelSpec spec_;
  base::Findings findings_;
  model::Rules rules_ = model::Rules::original;
  /// Built once, whichever thread asks first.
  struct LazyTokenizer {
    std::once_flag once;
    std::unique_ptr<const text::Tokenizer> built;
  };
  std::shared_ptr<LazyTokenizer> tokenizer_ = std::make_shared<LazyTokenizer>();
};

}  // namespace runtime
