#include "eval/base_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/bytes.h"
#include "base/checked.h"
#include "eval/perplexity.h"

namespace eval {
namespace {
constexpr std::string_view kMagic = "_logits_";
constexpr std::size_t kHeader = 8 + 3 * sizeof(std::int32_t);

}  // namespace

std::size_t base_file_bytes(std::size_t n_windows, std::size_t window, std::size_t n_vocab) {
  const ScoredRange range = scored_range(window);
  const std::size_t records = base::checked_mul(n_windows, range.last - range.first);
  const std::size_t tokens = base::checked_mul(n_windows, window * sizeof(std::int32_t));
  return base::checked_add(kHeader + tokens, base::checked_mul(records, 2 * record_words(n_vocab)));
}

void encode_record(std::span<const float> logits, const RowSummary& row,
                   std::span<std::uint16_t> out) noexcept {
  const float lowest = *std::min_element(logits.begin(), logits.end());
  const float floor = std::max(lowest, row.max - 24);
  const float log_sum = static_cast<float>(std::log(row.sum_exp));
  const float min_log_prob = floor - row.max - log_sum;
  const float scale = (row.max - floor) / 65535;
  std::memcpy(out.data(), &scale, sizeof scale);
  std::memcpy(out.data() + 2, &min_log_prob, sizeof min_log_prob);
  const float inverse = scale != 0 ? 1 / scale : 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const float q = logits[i] > floor ? std::nearbyint(inverse * (logits[i] - floor)) : 0;
    out[4 + i] = static_cast<std::uint16_t>(std::clamp(q, 0.0F, 65535.0F));
  }
  if (4 + logits.size() < out.size()) out[4 + logits.size()] = 0;
}

BaseFileWriter::BaseFileWriter(const std::filesystem::path& path, std::size_t window,
                               std::size_t n_vocab, std::span<const std::int32_t> tokens)
    : out_(path) {
  const std::int32_t header[3] = {static_cast<std::int32_t>(window),
                                  static_cast<std::int32_t>(n_vocab),
                                  static_cast<std::int32_t>(tokens.size() / window)};
  out_.reserve(base_file_bytes(tokens.size() / window, window, n_vocab));
  put(std::as_bytes(std::span(kMagic)));
  put(std::as_bytes(std::span(header)));
  put(std::as_bytes(tokens));
}

void BaseFileWriter::put(std::span<const std::byte> bytes) {
  out_.write(at_, bytes);
  at_ += bytes.size();
}

void BaseFileWriter::append(std::span<const std::uint16_t> records) { put(std::as_bytes(records)); }

void BaseFileWriter::finish() { out_.commit(); }

BaseFile BaseFile::open(const std::filesystem::path& path) try {
  BaseFile file;
  file.mapping_ = tensor::Mapping(path);
  const auto bytes = file.mapping_.bytes();
  base::Cursor cursor(bytes);
  const auto magic = cursor.take(kMagic.size(), "the magic");
  if (std::memcmp(magic.data(), kMagic.data(), kMagic.size()) != 0) {
    throw base::Error(base::Fault::bad_file, "not a base file of log-probabilities")
        .at("offset", 0)
        .expected("it begins with _logits_")
        .hint("write one with `quern perplexity --kl-divergence-base FILE` and no --kl-divergence");
  }
  const auto read_count = [&cursor](std::string_view what, std::int32_t min) {
    const std::size_t offset = cursor.position();
    const auto value = cursor.read<std::int32_t>(what);
    if (value < min) {
      throw base::Error(base::Fault::bad_file, fmt::format("bad {} in base file", what))
          .at("offset", offset)
          .at("found", value)
          .expected(fmt::format("at least {}", min));
    }
    return static_cast<std::size_t>(value);
  };
  file.window_ = read_count("window length", 4);
  file.n_vocab_ = read_count("vocabulary size", 1);
  file.n_windows_ = read_count("number of chunks", 1);
  const ScoredRange range = scored_range(file.window_);
  const std::size_t n_tokens = base::checked_mul(file.window_, file.n_windows_);
  file.data_ = base::checked_add(kHeader, base::checked_mul(n_tokens, 4));
  const std::size_t records = base::checked_mul(file.n_windows_, range.last - range.first);
  const std::size_t expected =
      base::checked_add(file.data_, base::checked_mul(records, 2 * record_words(file.n_vocab_)));
  if (bytes.size() != expected) {
    throw base::Error(base::Fault::bad_file, "base file has the wrong size")
        .at("found", fmt::format("{} bytes", bytes.size()))
        .expected(fmt::format("{} bytes", expected))
        .hint("it is incomplete or damaged; write it again");
  }
  file.tokens_.resize(n_tokens);
  std::memcpy(file.tokens_.data(), bytes.data() + kHeader, 4 * n_tokens);
  for (std::size_t i = 0; i < n_tokens; ++i) {
    if (file.tokens_[i] < 0 || static_cast<std::size_t>(file.tokens_[i]) >= file.n_vocab_) {
      throw base::Error(base::Fault::bad_file, "token id outside the vocabulary in base file")
          .at("offset", kHeader + 4 * i)
          .at("found", file.tokens_[i])
          .expected(fmt::format("0 to {}", file.n_vocab_ - 1));
    }
  }
  return file;
} catch (base::Error& e) {
  e.at("file", path.string());
  throw;
}

std::span<const std::byte> BaseFile::record(std::size_t window, std::size_t i) const noexcept {
  const ScoredRange range = scored_range(window_);
  const std::size_t bytes = 2 * record_words(n_vocab_);
  return mapping_.bytes().subspan(data_ + (window * (range.last - range.first) + i) * bytes, bytes);
}

Record read_record(std::span<const std::byte> bytes) {
  const Record r{base::load_f32(bytes.data()), base::load_f32(bytes.data() + 4), bytes.data() + 8};
  if (!std::isfinite(r.scale) || !std::isfinite(r.min_log_prob)) {
    throw base::Error(base::Fault::bad_file, "a record of the base file is not finite");
  }
  return r;
}

float Record::log_prob(std::size_t i) const noexcept {
  return scale * static_cast<float>(base::load_u16(codes + 2 * i)) + min_log_prob;
}

}  // namespace eval
