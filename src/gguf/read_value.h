// Metadata pairs and names from bytes outside: every length is compared with the bytes left before
// anything is allocated. Source: docs/spec/gguf.md, sections 1 and 1.2 (4 to 8).
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "gguf/value.h"

namespace gguf {

/// A STRING as a view into the cursor's bytes. Throws Fault::bad_file if longer than the file or
/// than 1 GiB.
std::string_view read_string(base::Cursor& in, std::string_view what);

/// What a name is called in messages and how long it may be.
struct NameRule {
  std::string_view what;  ///< "metadata key"
  std::string_view fact;  ///< under which an error tells its number: "key"
  std::size_t max_bytes;
};

/// A STRING of 1 to `max_bytes` bytes without NUL: key or tensor name `i` of `n`. Errors tell the
/// number.
std::string_view read_name(base::Cursor& in, const NameRule& rule, std::size_t i, std::size_t n);

/// The memory that a file's header may still ask for, so that a small part of a large file cannot
/// ask for all there is.
class HeaderMemory {
 public:
  /// `offset`: of what asks for it. Throws Fault::bad_file when the sum passes kMaxHeaderMemory.
  void take(std::uint64_t bytes, std::size_t offset);

 private:
  std::uint64_t taken_ = 0;
};

/// Value type and value. Throws Fault::bad_file with offset, found and expected.
Value read_value(base::Cursor& in, HeaderMemory& memory);

}  // namespace gguf
