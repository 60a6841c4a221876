// The names that a survey uses in its folder, and whose files those are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cli {

class SurveyFolder {
 public:
  explicit SurveyFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path base() const { return path_ / "original.logits"; }
  std::filesystem::path importance() const { return path_ / "imatrix.gguf"; }
  std::filesystem::path checkpoint() const { return path_ / "imatrix.gguf.checkpoint"; }
  std::filesystem::path page() const { return path_ / "index.html"; }
  std::filesystem::path state() const { return path_ / "survey.json"; }
  /// The quantized file in work. No result has this name, so what a killed run left of it may go.
  std::filesystem::path work() const { return path_ / ".survey.gguf"; }
  /// Where --keep puts it when it is measured: "q4_K-importance.gguf".
  std::filesystem::path kept(const std::string& type, bool importance) const {
    return path_ / (type + (importance ? "-importance.gguf" : ".gguf"));
  }

  /// A survey began here: the names above but `kept` are its own.
  bool has_survey() const { return std::filesystem::exists(state()); }

  /// Throws Fault::bad_input if no survey began here and there are files of the names that it would
  /// use: somebody else made them.
  void refuse_foreign() const;
  /// Throws Fault::bad_input if one of the files is there.
  void refuse_existing(const std::vector<std::filesystem::path>& files) const;

 private:
  std::filesystem::path path_;
};

}  // namespace cli
