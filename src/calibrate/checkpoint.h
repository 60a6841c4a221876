// The state of an interrupted collection: exact sums, so that a resumed run ends with the same
// values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "calibrate/importance.h"

namespace calibrate {

struct Checkpoint {
  std::string fingerprint;        ///< of model, text and options; another one is not resumed
  std::uint64_t chunks_done = 0;  ///< token loop: chunks that went through the whole model
  std::int64_t layers_done = 0;   ///< layer loop: layers that all chunks went through
  std::map<std::string, Entry, std::less<>> entries;
  // Perplexity so far.
  std::uint64_t n = 0;
  double nll_sum = 0, nll_sum_of_squares = 0;
};

/// Writes to a temporary file and renames. The file is CBOR and the XXH64 of it, 8 bytes
/// little-endian.
void save_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path);
/// Nothing if the file does not exist; throws Fault::bad_file if it is damaged.
std::optional<Checkpoint> load_checkpoint(const std::filesystem::path& path);

}  // namespace calibrate
