// Names of tensors are put together and taken apart in model/ (and matched as text in recipe/) only
// (docs/design.md 2).
#include <fstream>
#include <regex>

#include "support/support.h"

namespace {

TEST(Names, NoStringLiteralElsewhereSpellsALayer) {
  const std::regex literal("^[^\"]*(\"[^\"]*\"[^\"]*)*\"blk\\b");
  const auto src = test::source_path("src");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(src)) {
    const auto relative = std::filesystem::relative(entry.path(), src);
    const std::string folder = relative.begin()->string();
    if (!entry.is_regular_file() || folder == "model" || folder == "recipe") continue;
    if (relative.extension() != ".h" && relative.extension() != ".cpp") continue;
    std::ifstream in(entry.path());
    int number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      const std::string code = line.substr(0, line.find("//"));
      EXPECT_FALSE(std::regex_search(code, literal))
          << "src/" << relative.string() << ":" << number
          << " spells a tensor's name; ask model::tensor_name, parse_tensor_name, with_layer";
    }
  }
}

}  // namespace
