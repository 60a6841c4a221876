// The base file of log-probabilities that KL divergence compares with. Source:
// docs/spec/tools.md 4.4.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "base/output_file.h"
#include "eval/score.h"
#include "tensor/buffer.h"

namespace eval {

/// Words (u16) of one record for this vocabulary.
constexpr std::size_t record_words(std::size_t n_vocab) noexcept {
  return 2 * ((n_vocab + 1) / 2) + 4;
}

/// Size of a base file of so many windows.
std::size_t base_file_bytes(std::size_t n_windows, std::size_t window, std::size_t n_vocab);

/// Encodes one row of logits; out.size() == record_words(logits.size()).
void encode_record(std::span<const float> logits, const RowSummary& row,
                   std::span<std::uint16_t> out) noexcept;

/// Writes a base file under a temporary name; `finish` renames it. Without finish the file
/// vanishes.
class BaseFileWriter {
 public:
  /// tokens: the windows as tokenized, n_windows * window. Takes the room for all records now.
  /// Throws Fault::io.
  BaseFileWriter(const std::filesystem::path& path, std::size_t window, std::size_t n_vocab,
                 std::span<const std::int32_t> tokens);
  void append(std::span<const std::uint16_t> records);
  void finish();

 private:
  void put(std::span<const std::byte> bytes);

  base::OutputFile out_;
  std::size_t at_ = 0;
};

/// A base file, mapped and checked: magic, sizes, token range, file size exact.
class BaseFile {
 public:
  /// Throws Fault::io or Fault::bad_file with offset, found and expected.
  static BaseFile open(const std::filesystem::path& path);

  std::size_t window() const noexcept { return window_; }
  std::size_t n_vocab() const noexcept { return n_vocab_; }
  std::size_t n_windows() const noexcept { return n_windows_; }
  const std::vector<std::int32_t>& tokens() const noexcept { return tokens_; }
  /// Record of the i-th scored position of a window.
  std::span<const std::byte> record(std::size_t window, std::size_t i) const noexcept;

 private:
  tensor::Mapping mapping_;
  std::size_t window_ = 0, n_vocab_ = 0, n_windows_ = 0, data_ = 0;
  std::vector<std::int32_t> tokens_;
};

/// Log-probabilities of a record: scale * q + min_log_prob, in f32.
struct Record {
  float scale, min_log_prob;
  const std::byte* codes;
  float log_prob(std::size_t i) const noexcept;
};
/// Throws Fault::bad_file when scale or minimum are not finite.
Record read_record(std::span<const std::byte> bytes);

}  // namespace eval
