#include "base/rename_list.h"

#include <fstream>
#include <iterator>
#include <system_error>

#include "base/bytes.h"
#include "base/output_file.h"

namespace base {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMagic = 0x31305445534e5251;  // "QRNSET01"
constexpr std::string_view kEnding = ".unfinished-set";

void add_number(std::vector<std::byte>& out, std::uint64_t v) {
  out.resize(out.size() + sizeof v);
  store(out.data() + out.size() - sizeof v, v);
}

void add_text(std::vector<std::byte>& out, const std::string& text) {
  add_number(out, text.size());
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

std::string read_text(Cursor& in, std::string_view what) {
  const auto n = in.read<std::uint64_t>(what);
  const auto bytes = in.take(n, what);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Names of the same folder without it, so that the folder may be moved.
std::string stored_name(const fs::path& path, const fs::path& folder) {
  return path.parent_path() == folder ? path.filename().string() : fs::absolute(path).string();
}

}  // namespace

fs::path rename_list_path(const fs::path& first) {
  return link_target(first).string() + std::string(kEnding);
}

void write_rename_list(const fs::path& list, const RenameList& content) {
  std::vector<std::byte> out;
  add_number(out, kMagic);
  add_text(out, content.job);
  add_number(out, content.files.size());
  for (const PendingName& file : content.files) {
    add_text(out, stored_name(file.temporary, list.parent_path()));
    add_text(out, stored_name(file.path, list.parent_path()));
    add_number(out, file.size);
    add_number(out, file.inode);
  }
  write_file(list, out);
}

std::optional<RenameList> read_rename_list(const fs::path& list) {
  std::ifstream file(list, std::ios::binary);
  if (!file) {
    std::error_code unknown;
    if (!fs::exists(list, unknown)) return std::nullopt;
    throw Error(Fault::io, "cannot read file").at("file", list.string());
  }
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  RenameList out;
  try {
    Cursor in(std::as_bytes(std::span(text)));
    if (in.read<std::uint64_t>("magic") != kMagic) {
      throw Error(Fault::bad_file, "not a list of files that are to get their names");
    }
    out.job = read_text(in, "job");
    const auto n = in.read<std::uint64_t>("number of files");
    for (std::uint64_t i = 0; i < n; ++i) {
      PendingName& name = out.files.emplace_back();
      // An absolute name replaces the folder.
      name.temporary = list.parent_path() / read_text(in, "temporary name");
      name.path = list.parent_path() / read_text(in, "name");
      name.size = in.read<std::uint64_t>("size");
      name.inode = in.read<std::uint64_t>("inode");
    }
  } catch (Error& e) {
    e.at("file", list.string()).hint("remove it, and the files stay as they are now");
    throw;
  }
  return out;
}

std::vector<fs::path> pending_files(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code unreadable;
  for (fs::directory_iterator i(folder, unreadable), end; !unreadable && i != end;
       i.increment(unreadable)) {
    if (!i->path().filename().string().ends_with(kEnding)) continue;
    try {
      const std::optional<RenameList> list = read_rename_list(i->path());
      if (!list) continue;
      for (const PendingName& file : list->files) out.push_back(file.temporary);
    } catch (const Error&) {
      continue;
    }
  }
  return out;
}

}  // namespace base
