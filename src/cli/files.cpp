#include "cli/files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <cmath>
#include <fstream>

#include "base/error.h"
#include "base/nearest.h"
#include "base/output_file.h"
#include "base/printable.h"
#include "cli/text_table.h"
#include "gguf/file.h"
#include "gguf/layout.h"
#include "surgery/header_edit.h"
#include "surgery/publish.h"

namespace cli {
namespace {

namespace fs = std::filesystem;
using Kind = Values::Kind;

constexpr std::size_t kHead = 512;

std::string head_of(const fs::path& path) {
  std::string head(kHead, '\0');
  std::ifstream in(path, std::ios::binary);
  in.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  return head;
}

bool holds_importance(const fs::path& path) {
  const gguf::File file = gguf::File::open(path);
  const gguf::Value* type = file.metadata().find("general.type");
  if (type != nullptr && *type == gguf::Value(std::string("imatrix"))) return true;
  return std::any_of(file.tensors().begin(), file.tensors().end(), [](const gguf::TensorInfo& t) {
    return std::string_view(t.name).ends_with(".in_sum2");
  });
}

std::uint32_t word_at(const std::string& head, std::size_t at) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    out |= static_cast<std::uint32_t>(static_cast<unsigned char>(head[at + i])) << (8 * i);
  }
  return out;
}

/// A .dat begins with the number of entries, the length of the first name and the name; the calls,
/// the number of values and the values follow.
bool looks_like_dat(const std::string& head, std::uintmax_t size) {
  if (head.size() < 12) return false;
  const std::uint32_t length = word_at(head, 4);
  if (word_at(head, 0) == 0 || word_at(head, 0) > 1u << 20 || length == 0 || length > 256) {
    return false;
  }
  const std::string name = head.substr(8, length);
  const bool is_name =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127; });
  const std::size_t values = 8 + std::size_t{length} + 8;
  if (!is_name || head.size() < values + sizeof(float)) return false;
  const std::uintmax_t n = word_at(head, values - 4);
  if (n == 0 || n > (size - values) / sizeof(float)) return false;
  return std::isfinite(std::bit_cast<float>(word_at(head, values)));
}

bool looks_like_text(const std::string& head) {
  return std::none_of(head.begin(), head.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u == 127 || (u < 32 && c != '\n' && c != '\r' && c != '\t' && c != '\f');
  });
}

bool is_svg(const fs::path& path) {
  const std::string head = head_of(path);
  return head.starts_with("<svg") ||
         (head.starts_with("<?xml") && head.find("<svg") != std::string::npos);
}

/// Logits have no magic: rows of numbers, all finite.
bool may_be_logits(const fs::path& path, std::size_t row_bytes) {
  std::error_code code;
  if (fs::file_size(path, code) % row_bytes != 0 || code) return false;
  const std::string head = head_of(path);
  for (std::size_t i = 0; i + sizeof(float) <= head.size(); i += sizeof(float)) {
    if (!std::isfinite(std::bit_cast<float>(word_at(head, i)))) return false;
  }
  return true;
}

base::Error file_error(base::Fault fault, std::string message, const std::string& path) {
  return base::Error(fault, std::move(message)).at("file", base::printable(path, 1000));
}

void check_present(std::string_view what, const std::string& path, FileKind kind) {
  if (path.empty()) {
    throw base::Error(base::Fault::bad_usage, fmt::format("{} has an empty name", what));
  }
  if (kind == FileKind::missing) {
    throw file_error(base::Fault::io, "no such file", path)
        .at("for", what)
        .hint(path == "-" ? "/dev/stdin is the standard input" : similar_name(path));
  }
  if (kind == FileKind::folder) {
    throw file_error(base::Fault::bad_input, fmt::format("{} is a folder, not a file", what), path)
        .hint(fs::exists(fs::path(path) / "config.json")
                  ? "it is a Hugging Face folder: `quern convert` makes a GGUF file of it"
                  : "name the file in it (of a split model the first)");
  }
  if (::access(path.c_str(), R_OK) != 0) {
    throw file_error(base::Fault::io, fmt::format("{} cannot be read: no permission", what), path);
  }
  if (kind == FileKind::empty) {
    throw file_error(base::Fault::bad_file, fmt::format("{} is empty", what), path);
  }
}

base::Error wrong_kind(std::string_view what, const std::string& path, FileKind kind,
                       std::string_view expected) {
  const std::string found =
      kind == FileKind::other ? "" : fmt::format(" {},", kind_text(kind));  // " a text file,"
  base::Error error =
      file_error(base::Fault::bad_file, fmt::format("{} is{} not {}", what, found, expected), path);
  if (kind == FileKind::other || kind == FileKind::text) {
    error.at("found", fmt::format("\"{}\"", base::printable(head_of(path), 12)));
    error.expected("\"GGUF\" as the first bytes");
  }
  // Of a pipe nothing is read: that would wait for a writer.
  if (kind == FileKind::text && std::string_view("GGUF").starts_with(head_of(path))) {
    error.hint("is the file cut off?");
  }
  if (kind == FileKind::safetensors) error.hint("GGUF files are made from it by a converter");
  return error;
}

void probe(std::string_view what, const std::string& path) {
  try {
    const base::OutputFile file(path);
  } catch (base::Error& e) {
    e.at("option", what);
    throw;
  }
}

}  // namespace

std::string_view kind_text(FileKind kind) noexcept {
  constexpr std::array<std::string_view, 11> kTexts = {"nothing",
                                                       "a folder",
                                                       "a device, a pipe or a socket",
                                                       "an empty file",
                                                       "a model in GGUF",
                                                       "an importance matrix",
                                                       "an importance matrix",
                                                       "a safetensors file",
                                                       "a base file of log-probabilities",
                                                       "a text file",
                                                       "something else"};
  return kTexts[static_cast<std::size_t>(kind)];
}

std::string similar_name(const fs::path& path) {
  constexpr std::size_t kMost = 2000;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::vector<std::string> names;
  std::error_code unreadable;
  for (fs::directory_iterator i(folder, unreadable), end;
       !unreadable && i != end && names.size() < kMost; i.increment(unreadable)) {
    names.push_back(i->path().filename().string());
  }
  if (!fs::exists(folder, unreadable)) return "there is no folder " + folder.string();
  const std::vector<std::string_view> views(names.begin(), names.end());
  return base::did_you_mean(path.filename().string(), views);
}

FileKind kind_of_file(const fs::path& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) return FileKind::missing;
  if (fs::is_directory(status)) return FileKind::folder;
  if (!fs::is_regular_file(status)) return FileKind::special;
  if (fs::file_size(path, code) == 0 && !code) return FileKind::empty;
  const std::string head = head_of(path);
  if (head.starts_with("GGUF")) {
    return holds_importance(path) ? FileKind::importance_gguf : FileKind::gguf;
  }
  if (head.starts_with("_logits_")) return FileKind::log_probabilities;
  if (looks_like_dat(head, fs::file_size(path, code))) return FileKind::importance_dat;
  if (head.size() > 9 && head[8] == '{' && head[9] == '"') return FileKind::safetensors;
  return looks_like_text(head) ? FileKind::text : FileKind::other;
}

void check_input_file(std::string_view what, const std::string& path) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  FileKind kind = FileKind::other;
  if (!fs::exists(status)) kind = FileKind::missing;
  if (fs::is_directory(status)) kind = FileKind::folder;
  if (fs::is_regular_file(status) && fs::file_size(path, code) == 0) kind = FileKind::empty;
  check_present(what, path, kind);
}

void check_model_file(std::string_view what, const std::string& path, std::string_view expected) {
  const FileKind kind = path.empty() ? FileKind::missing : kind_of_file(path);
  check_present(what, path, kind);
  if (kind == FileKind::gguf) return;
  throw wrong_kind(what, path, kind, expected);
}

void check_importance_file(std::string_view what, const std::string& path) {
  const FileKind kind = path.empty() ? FileKind::missing : kind_of_file(path);
  check_present(what, path, kind);
  if (kind == FileKind::importance_gguf || kind == FileKind::importance_dat) return;
  // What looks like neither may be a damaged .dat, about which its reader says more.
  if (kind == FileKind::other) return;
  throw wrong_kind(what, path, kind, "an importance matrix");
}

void prepare_output(std::string_view what, const std::string& path) {
  if (path.empty()) {
    throw base::Error(base::Fault::bad_usage, fmt::format("{} has an empty name", what));
  }
  if (path == "-") {
    throw base::Error(base::Fault::bad_usage, fmt::format("{} must be a file, not a pipe", what))
        .at("found", path)
        .hint("a file of this name: ./-");
  }
  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : ".";
  std::error_code code;
  if (!fs::is_directory(folder, code)) {
    const bool exists = fs::exists(folder, code);
    throw file_error(base::Fault::io,
                     exists ? fmt::format("{} is to lie in something that is no folder", what)
                            : fmt::format("the folder of {} does not exist", what),
                     path)
        .hint(exists ? "" : fmt::format("make it: mkdir -p {}", folder.string()));
  }
  for (const base::Unfinished& rest : base::remove_unfinished(path)) {
    fmt::print(stderr, "removed {} ({}), left behind by a run that was killed\n",
               rest.path.string(), bytes_text(rest.bytes));
  }
  probe(what, path);
}

std::string finish_earlier(const std::string& file) {
  const auto set = surgery::unfinished_publish(file);
  if (!set) return "";
  surgery::finish_publish(*set, file);
  fmt::print(stderr,
             "{}: a run that was killed had not given all files of the set their names; "
             "all {} have them now\n",
             base::printable(surgery::first_of_model(file).string(), 1000),
             set->content.files.size());
  return set->content.job;
}

void check_replaceable(std::string_view what, const std::string& path, Product product,
                       std::size_t row_bytes) {
  using Kind = FileKind;
  Kind kind = Kind::gguf;
  try {
    kind = path.empty() ? Kind::missing : kind_of_file(path);
  } catch (const base::Error&) {
    kind = Kind::gguf;  // a damaged one
  }
  // Folders and devices are told by prepare_output.
  if (kind == Kind::missing || kind == Kind::empty || kind == Kind::folder ||
      kind == Kind::special) {
    return;
  }
  constexpr std::array<std::string_view, 6> kProducts = {
      "a model", "an importance matrix", "a base file of log-probabilities", "logits",
      "a plot",  "a raw matrix"};
  const bool same =
      (product == Product::model && kind == Kind::gguf) ||
      (product == Product::importance &&
       (kind == Kind::importance_gguf || kind == Kind::importance_dat)) ||
      (product == Product::log_probabilities && kind == Kind::log_probabilities) ||
      (product == Product::logits && kind == Kind::other && may_be_logits(path, row_bytes)) ||
      (product == Product::matrix && (kind == Kind::other || kind == Kind::text)) ||
      (product == Product::plot && kind == Kind::text && is_svg(path));
  if (same) return;
  if (product == Product::logits && kind == Kind::other) {
    throw file_error(
        base::Fault::bad_input,
        fmt::format("{} would replace a file that is no rows of logits of this model", what), path)
        .expected(fmt::format("rows of {} bytes of numbers", row_bytes))
        .hint(
            "logits of another model? They carry no mark of their own: remove the file first, or "
            "give another name");
  }
  throw file_error(base::Fault::bad_input,
                   fmt::format("{} would replace {} by {}", what, kind_text(kind),
                               kProducts[static_cast<std::size_t>(product)]),
                   path)
      .hint("give another name, or remove the file first");
}

void prepare_folder(std::string_view what, const std::string& path) {
  if (path.empty()) {
    throw base::Error(base::Fault::bad_usage, fmt::format("{} has an empty name", what));
  }
  std::error_code code;
  if (fs::exists(path, code) && !fs::is_directory(path, code)) {
    throw file_error(base::Fault::bad_input, fmt::format("{} is a file, not a folder", what), path)
        .hint("name a folder; it is made if need be");
  }
  fs::path trimmed = fs::path(path);
  if (!trimmed.has_filename()) trimmed = trimmed.parent_path();  // "folder/"
  const fs::path parent = trimmed.has_parent_path() ? trimmed.parent_path() : ".";
  if (!fs::exists(path, code) && !fs::is_directory(parent, code)) {
    throw file_error(base::Fault::io, fmt::format("the folder above {} does not exist", what), path)
        .hint(fmt::format("make it: mkdir -p {}", parent.string()));
  }
  const fs::path written = fs::exists(path, code) ? fs::path(path) : parent;
  if (::access(written.c_str(), W_OK | X_OK) != 0) {
    throw file_error(base::Fault::io, fmt::format("{} cannot be written: no permission", what),
                     written.string());
  }
}

void check_files(const Command& command, const Args& args) {
  using Check = void (*)(std::string_view, const std::string&);
  constexpr std::pair<Kind, Check> kChecks[] = {
      {Kind::file, check_input_file},
      {Kind::model,
       [](std::string_view what, const std::string& path) { check_model_file(what, path); }},
      {Kind::importance, check_importance_file},
      {Kind::output, prepare_output},
      {Kind::folder, prepare_folder}};
  for (const auto& [kind, check] : kChecks) {
    for (const Option& option : command.options) {
      const std::string key = key_of(option);
      if (option.values.kind != kind || !args.given(key)) continue;
      for (const std::string& path : args.list(key)) check(fmt::format("--{}", key), path);
    }
  }
}

}  // namespace cli
