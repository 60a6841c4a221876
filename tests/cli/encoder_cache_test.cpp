// --resume and --cache of quantize: what they keep, and what they leave alone.
#include <gmock/gmock.h>

#include <fstream>

#include "support/support.h"

namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();

TEST(EncoderCache, ResumeUsesNoFolderOfOtherFiles) {
  const test::TempDir dir;
  const std::string out = (dir / "r.gguf").string();
  const fs::path folder = out + ".resume";
  fs::create_directory(folder);
  const fs::path precious = folder / "precious.tensor";
  std::ofstream(precious) << "hi";
  const std::vector<std::string> words = {"quantize", "--resume", "--pure", kModel, out, "q8_0"};
  const auto r = test::run_quern(words);
  EXPECT_EQ(r.exit_code, 1);
  EXPECT_THAT(r.err, AllOf(HasSubstr("--resume would use a folder that holds other files"),
                           HasSubstr("found: precious.tensor")));
  EXPECT_TRUE(fs::exists(precious));
  EXPECT_FALSE(fs::exists(out));
  fs::remove(precious);
  EXPECT_EQ(test::run_quern(words).exit_code, 0);
  EXPECT_FALSE(fs::exists(folder));
}

}  // namespace
