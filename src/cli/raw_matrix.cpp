#include "cli/raw_matrix.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/finite.h"
#include "base/output_file.h"
#include "cli/files.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

struct CloseFile {
  void operator()(std::FILE* file) const noexcept {
    if (file != stdin && file != stdout) std::fclose(file);
  }
};
using Stream = std::unique_ptr<std::FILE, CloseFile>;

[[noreturn]] void refuse(std::string_view doing, const std::string& path, int code) {
  throw base::Error(base::Fault::io, fmt::format("cannot {} file: {}", doing, std::strerror(code)))
      .at("file", path);
}

/// No file of its own: what is written cannot be renamed into place.
bool is_stream(const std::string& path) {
  if (path == "-") return true;
  std::error_code absent;
  const fs::file_status status = fs::status(path, absent);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

}  // namespace

std::string rows_text(std::size_t n) { return n == 1 ? "1 row" : fmt::format("{} rows", n); }

std::vector<std::byte> read_raw(std::string_view what, const std::string& path) {
  if (path != "-") check_input_file(what, path);
  const Stream in(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (in == nullptr) refuse("open", path, errno);
  std::vector<std::byte> out;
  std::error_code unknown;
  const std::uintmax_t size = path == "-" ? 0 : fs::file_size(path, unknown);
  if (!unknown) out.reserve(size);
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  for (std::size_t got = kPiece; got == kPiece;) {
    const std::size_t held = out.size();
    out.resize(held + kPiece);
    got = std::fread(out.data() + held, 1, kPiece, in.get());
    out.resize(held + got);
  }
  if (std::ferror(in.get()) != 0) refuse("read", path, errno);
  if (out.empty()) {
    throw base::Error(base::Fault::bad_file, fmt::format("{} is empty", what)).at("file", path);
  }
  return out;
}

void check_whole_rows(const std::string& path, std::size_t size, std::size_t row_bytes,
                      std::size_t group_rows, std::string_view row) {
  const std::size_t piece = group_rows * row_bytes;
  if (size % piece == 0) return;
  const std::size_t rows = size / row_bytes, rest = size % row_bytes;
  base::Error error(base::Fault::bad_input, group_rows == 1
                                                ? "the file does not hold whole rows"
                                                : "the file does not hold whole groups of rows");
  std::string found = fmt::format("{} bytes", size);
  if (rows > 0) found += fmt::format(", {}", rows_text(rows));
  if (rows > 0 && rest > 0) found += fmt::format(" and {} bytes more", rest);
  error.at("file", path).at("found", found);
  error.expected(group_rows == 1 ? fmt::format("a multiple of {} bytes, {}", row_bytes, row)
                                 : fmt::format("a multiple of {} bytes, {} rows of {} bytes, {}",
                                               piece, group_rows, row_bytes, row));
  error.hint("is it cut off, or of another --type or --cols?");
  throw error;
}

std::vector<float> read_raw_floats(std::string_view what, const std::string& path, std::size_t cols,
                                   std::size_t group_rows) {
  const std::vector<std::byte> bytes = read_raw(what, path);
  check_whole_rows(path, bytes.size(), cols * sizeof(float), group_rows,
                   fmt::format("{} f32 a row", cols));
  std::vector<float> out(bytes.size() / sizeof(float));
  std::memcpy(out.data(), bytes.data(), bytes.size());
  if (const auto bad = base::first_not_finite(out)) {
    throw base::Error(base::Fault::bad_input,
                      fmt::format("a value is {}", base::not_finite_text(out[*bad])))
        .at("file", path)
        .at("row", *bad / cols)
        .at("column", *bad % cols)
        .at("offset", *bad * sizeof(float))
        .hint("the file must hold little-endian f32 and nothing else");
  }
  return out;
}

std::vector<float> read_column_importance(const std::string& path, std::size_t cols) {
  if (path.empty()) return {};
  const std::vector<std::byte> bytes = read_raw("--importance", path);
  if (bytes.size() != cols * sizeof(float)) {
    const bool floats = bytes.size() % sizeof(float) == 0;
    throw base::Error(base::Fault::bad_input, "the importance is of another length")
        .at("file", path)
        .at("found", floats ? fmt::format("{} values", bytes.size() / sizeof(float))
                            : fmt::format("{} bytes, no whole number of f32", bytes.size()))
        .expected(fmt::format("{} values, one f32 for each of --cols", cols));
  }
  std::vector<float> out(cols);
  std::memcpy(out.data(), bytes.data(), bytes.size());
  const auto bad =
      std::find_if(out.begin(), out.end(), [](float v) { return !(v >= 0) || v > 3.4e38F; });
  if (bad == out.end()) return out;
  throw base::Error(base::Fault::bad_input, "this is no importance")
      .at("file", path)
      .at("column", bad - out.begin())
      .at("found", fmt::format("{}", *bad))
      .expected("finite values, none below zero");
}

void check_raw_output(const std::string& path) {
  if (path == "-" && ::isatty(STDOUT_FILENO) == 1) {
    throw base::Error(base::Fault::bad_usage, "bytes are not written to a terminal")
        .hint("name a file, or send the output into a pipe");
  }
  if (is_stream(path)) return;
  prepare_output("the output", path);
  check_replaceable("the output", path, Product::matrix);
}

void write_raw(const std::string& path, std::span<const std::byte> bytes) {
  if (!is_stream(path)) return base::write_file(path, bytes);
  const Stream out(path == "-" ? stdout : std::fopen(path.c_str(), "wb"));
  if (out == nullptr) refuse("open", path, errno);
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), out.get()) == bytes.size();
  if (!written || std::fflush(out.get()) != 0) refuse("write", path, errno);
}

}  // namespace cli
