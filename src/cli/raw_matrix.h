// Matrices without a header, for encode and decode: little-endian f32 or bytes of a format, row
// after row, in files, pipes or devices.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace cli {

/// "1 row", "16 rows".
std::string rows_text(std::size_t n);

/// What a raw file holds; "-" is standard input. `what` names it in messages ("IN.f32"). Throws
/// Fault::io where it is not there or cannot be read, Fault::bad_file where it is empty or a
/// folder.
std::vector<std::byte> read_raw(std::string_view what, const std::string& path);

/// The file as floats, in rows of `cols`. Throws as read_raw, and Fault::bad_input unless it holds
/// groups of `group_rows` whole rows of finite values.
std::vector<float> read_raw_floats(std::string_view what, const std::string& path, std::size_t cols,
                                   std::size_t group_rows);

/// `size` bytes are whole groups of `group_rows` rows of `row_bytes`. Throws Fault::bad_input with
/// both numbers.
void check_whole_rows(const std::string& path, std::size_t size, std::size_t row_bytes,
                      std::size_t group_rows, std::string_view row);

/// One value a column: finite and not below zero. Empty where `path` is. Throws as read_raw, and
/// Fault::bad_input naming the column.
std::vector<float> read_column_importance(const std::string& path, std::size_t cols);

/// Before the work: `path` can be written, and no model or other file of a known kind stands there.
/// Throws Fault::bad_usage, Fault::bad_input or Fault::io.
void check_raw_output(const std::string& path);

/// Files appear whole or not at all; pipes and devices (also "-", standard output) get the bytes as
/// they come. Throws Fault::io.
void write_raw(const std::string& path, std::span<const std::byte> bytes);

}  // namespace cli
