// A folder of src/ includes only folders above it in docs/style.md section 1.
#include <fstream>
#include <map>
#include <regex>

#include "support/support.h"

namespace {

const std::vector<std::string> kOrder = {"base",   "quant",     "tensor",  "gguf",    "text",
                                         "model",  "recipe",    "kernels", "cuda",    "runtime",
                                         "eval",   "calibrate", "cook",    "convert", "surgery",
                                         "search", "report",    "serve",   "cli"};

TEST(Layering, FoldersIncludeOnlyFoldersAbove) {
  std::map<std::string, std::size_t> rank;
  for (std::size_t i = 0; i < kOrder.size(); ++i) rank[kOrder[i]] = i;
  const std::regex include("^\\s*#\\s*include\\s*\"([a-z_]+)/");
  const auto src = test::source_path("src");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(src)) {
    const auto relative = std::filesystem::relative(entry.path(), src);
    if (!entry.is_regular_file() || std::distance(relative.begin(), relative.end()) < 2) continue;
    const std::string folder = relative.begin()->string();
    ASSERT_TRUE(rank.count(folder)) << "src/" << folder << " is not in docs/style.md section 1";
    if (relative.extension() != ".h" && relative.extension() != ".cpp") continue;
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      std::smatch match;
      if (!std::regex_search(line, match, include) || !rank.count(match[1])) continue;
      EXPECT_LE(rank[match[1]], rank[folder]) << relative << " includes " << match[1];
    }
  }
}

}  // namespace
