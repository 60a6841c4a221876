#include "convert/presence.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/printable.h"

namespace convert {

namespace fs = std::filesystem;

bool is_there(const fs::path& file) {
  std::error_code error;
  const fs::file_status own = fs::symlink_status(file, error);
  if (own.type() == fs::file_type::not_found) return false;
  // A link that leads to itself is an error of its own here.
  const fs::file_status target = error ? own : fs::status(file, error);
  const bool link = own.type() == fs::file_type::symlink;
  if (link && (error || target.type() == fs::file_type::not_found)) {
    std::error_code ignored;
    throw base::Error(base::Fault::io, "a file of the model is a link to nowhere")
        .at("file", file.string())
        .at("found", "a link to " + base::printable(fs::read_symlink(file, ignored).string(), 1000))
        .hint("in a hub's cache: fetch the model again");
  }
  if (error) {
    throw base::Error(base::Fault::io, "cannot look into the folder: " + error.message())
        .at("file", file.string())
        .hint("may you read that folder?");
  }
  return true;
}

}  // namespace convert
