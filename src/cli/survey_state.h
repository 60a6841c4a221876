// What a survey has measured so far, kept beside its results, so that an interrupted run goes on
// and a later one with more types measures only those.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "report/survey.h"

namespace cli {

/// All that the numbers depend on, as name and value or hash: {"model", "1f..."}, {"ctx-size",
/// "512"}. Kept by name, so that a refusal can say what differs.
using SurveyInputs = std::map<std::string, std::string>;

class SurveyState {
 public:
  /// Takes what `path` holds; nothing if it is absent. Throws Fault::bad_input if that was made
  /// from other inputs, naming them, and Fault::bad_file with the offset if it is damaged: finished
  /// rows are dear and not dropped unasked. If only the build differs ("program", "kernels") it
  /// begins anew, keeps the rows in "NAME.old" and tells it in `findings`.
  SurveyState(std::filesystem::path path, SurveyInputs inputs);
  /// Begins anew, whatever `path` holds; that is replaced with the first result.
  static SurveyState anew(std::filesystem::path path, SurveyInputs inputs);

  const report::SurveyRow* find(const std::string& type, bool importance) const;
  std::size_t size() const noexcept { return rows_.size(); }
  /// By "type" or "type with importance".
  const std::map<std::string, report::SurveyRow>& rows() const noexcept { return rows_; }
  /// Perplexity of the original and size of its base file, once measured.
  struct Original {
    eval::Estimate perplexity = {};
    std::uint64_t base_bytes = 0;
  };
  const std::optional<Original>& original() const noexcept { return original_; }
  /// Hash of the importance file that the rows were made with; empty if there is none yet.
  const std::string& importance_hash() const noexcept { return importance_hash_; }

  /// Doubts about what `path` held.
  const base::Findings& findings() const noexcept { return findings_; }

  // Each writes the file anew, whole or not at all. Throws Fault::io.
  void set_importance(std::string hash);
  void set_original(const Original& original);
  void add(const report::SurveyRow& row);
  void save() const;
  /// Forgets everything (in memory).
  void clear();

 private:
  SurveyState() = default;
  void load();
  void set_aside(std::size_t n_rows);

  std::filesystem::path path_;
  SurveyInputs inputs_;
  base::Findings findings_;
  std::string importance_hash_;
  std::optional<Original> original_;
  std::map<std::string, report::SurveyRow> rows_;
};

}  // namespace cli
