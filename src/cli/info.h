// The two kinds of files that `quern info` shows; used by info.cpp only.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "recipe/pattern.h"

namespace cli {

struct InfoOptions {
  std::filesystem::path path;
  std::optional<recipe::Pattern> tensors;      ///< list these one by one
  std::optional<std::filesystem::path> model;  ///< compare an importance file with it
  bool check = false;                          ///< read all data
  bool json = false;
};

/// Both print to stdout; the exit code is 1 if there is a finding of level error.
int info_model(const InfoOptions& options);
int info_importance(const InfoOptions& options);

std::string_view level_name(base::Finding::Level level);
/// "findings" section, or "nothing odd found".
std::string findings_text(const base::Findings& findings);
nlohmann::json findings_json(const base::Findings& findings);
/// A string for JSON: bytes that are not UTF-8 are shown as \xNN.
nlohmann::json json_text(std::string_view text);

}  // namespace cli
