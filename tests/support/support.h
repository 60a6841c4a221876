// What several tests need: paths of test data, temporary folders, files to floats.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace test {

/// A path inside the repository.
std::filesystem::path source_path(const std::string& relative);
/// The program under test.
const char* program_path();
/// A path inside the shared folder (QUERN_SHARED_DIR); may be absent.
std::filesystem::path shared_path(const std::string& relative);

std::vector<std::byte> read_bytes(const std::filesystem::path& path);
std::string read_text(const std::filesystem::path& path);
std::vector<float> read_floats(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// A folder that is removed with everything in it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct RunResult {
  int exit_code;
  std::string out, err;
};
/// Runs a program, given by its path, waits, returns what it printed; exit code 127 when it cannot
/// run.
RunResult run_program(const std::string& program, const std::vector<std::string>& arguments);
/// Runs the quern program with these arguments, waits, returns what it printed.
RunResult run_quern(const std::vector<std::string>& arguments);
/// Runs the quern program in silence and sends it a signal after some time; its wait status.
int signal_quern(const std::vector<std::string>& arguments, int signal, unsigned microseconds);

}  // namespace test

/// Skips the test when a file of the shared folder is absent.
#define QUERN_NEEDS_SHARED(relative)                         \
  if (!std::filesystem::exists(test::shared_path(relative))) \
  GTEST_SKIP() << "needs " << test::shared_path(relative)
