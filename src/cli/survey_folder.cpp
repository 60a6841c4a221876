#include "cli/survey_folder.h"

#include "base/error.h"

namespace cli {

void SurveyFolder::refuse_foreign() const {
  if (!has_survey()) refuse_existing({base(), importance(), checkpoint(), page()});
}

void SurveyFolder::refuse_existing(const std::vector<std::filesystem::path>& files) const {
  for (const std::filesystem::path& file : files) {
    std::error_code unknown;
    // A link that leads nowhere is somebody's too.
    if (!std::filesystem::exists(std::filesystem::symlink_status(file, unknown))) continue;
    throw base::Error(base::Fault::bad_input,
                      "the survey would replace a file that it did not make")
        .at("file", file.string())
        .hint("name another folder with -o, or move the file away");
  }
}

}  // namespace cli
