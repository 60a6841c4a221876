// What a survey has measured so far, kept beside its results, so that an interrupted run goes on
// and a later one with more types measures only those.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "report/survey.h"

namespace cli {

class SurveyState {
 public:
  /// Takes what `path` holds if it was made from the same inputs: `key` is a hash of model, texts
  /// and options. A file that is damaged or of other inputs counts as absent.
  SurveyState(std::filesystem::path path, std::string key);

  const report::SurveyRow* find(const std::string& type, bool importance) const;
  std::size_t size() const noexcept { return rows_.size(); }
  /// Perplexity of the original and size of its base file, once measured.
  struct Original {
    eval::Estimate perplexity = {};
    std::uint64_t base_bytes = 0;
  };
  const std::optional<Original>& original() const noexcept { return original_; }
  /// Hash of the importance file that the rows were made with; empty if there is none yet.
  const std::string& importance_hash() const noexcept { return importance_hash_; }

  // Each writes the file anew, whole or not at all. Throws Fault::io.
  void set_importance(std::string hash);
  void set_original(const Original& original);
  void add(const report::SurveyRow& row);
  /// Forgets everything (in memory).
  void clear();

 private:
  void load();
  void save() const;

  std::filesystem::path path_;
  std::string key_, importance_hash_;
  std::optional<Original> original_;
  std::map<std::string, report::SurveyRow> rows_;  ///< by "type" or "type with importance"
};

}  // namespace cli
