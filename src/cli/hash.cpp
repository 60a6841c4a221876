// quern hash: hashes of the tensor data of a model, and the check against a list of them. Source:
// docs/spec/tools.md 8.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/digest.h"
#include "base/error.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "gguf/file.h"

namespace cli {
namespace {

constexpr Option kOptions[] = {
    {.names = "--xxh64", .help = "XXH64 with seed 0 (default)"},
    {.names = "--sha1", .help = "SHA-1"},
    {.names = "--sha256", .help = "SHA-256"},
    {.names = "--all", .help = "xxh64, sha1 and sha256"},
    {.names = "--uuid", .help = "a UUID (version 5) of all tensor data"},
    {.names = "--no-layer", .help = "only the lines of the whole model"},
    {.names = "-c, --check",
     .value = "MANIFEST",
     .help = "compare with the lines of an earlier run",
     .values = kWord},
};

constexpr int kMismatch = 1, kNothingListed = 3, kNoKnownHash = 4, kUnreadable = 5;
constexpr std::size_t kPiece = std::size_t{4} << 20;
constexpr std::string_view kUuid = "uuid";
// Namespace of the UUIDs, ef001206-dadc-5f6d-a15f-3359e577d4e5.
constexpr unsigned char kNamespace[16] = {0xef, 0x00, 0x12, 0x06, 0xda, 0xdc, 0x5f, 0x6d,
                                          0xa1, 0x5f, 0x33, 0x59, 0xe5, 0x77, 0xd4, 0xe5};

struct Wanted {
  std::vector<base::DigestKind> kinds;
  bool uuid = false;
  bool layers = true;
};

/// Lines "HASH  HEX  OBJECT" of an earlier run: hash -> object -> hex.
using Manifest = std::map<std::string, std::map<std::string, std::string>>;

/// One line of output.
struct Line {
  std::string hash, hex, object;
};

std::string uuid_text(const std::vector<std::byte>& sha1) {
  std::vector<std::byte> b(sha1.begin(), sha1.begin() + 16);
  b[6] = (b[6] & std::byte{0x0f}) | std::byte{0x50};
  b[8] = (b[8] & std::byte{0x3f}) | std::byte{0x80};
  const std::string h = base::hex(b);
  return fmt::format("{}-{}-{}-{}-{}", h.substr(0, 8), h.substr(8, 4), h.substr(12, 4),
                     h.substr(16, 4), h.substr(20));
}

/// All running hashes of the whole model.
class ModelHashes {
 public:
  explicit ModelHashes(const Wanted& wanted) : wanted_(wanted) {
    for (const base::DigestKind kind : wanted.kinds) digests_.emplace_back(kind);
    if (!wanted.uuid) return;
    uuid_.emplace_back(base::DigestKind::sha1);
    uuid_[0].update(std::as_bytes(std::span(kNamespace)));
  }
  void update(std::span<const std::byte> bytes) {
    for (base::Digest& d : digests_) d.update(bytes);
    for (base::Digest& d : uuid_) d.update(bytes);
  }
  std::vector<Line> finish(const std::string& file) {
    std::vector<Line> lines;
    for (std::size_t i = 0; i < digests_.size(); ++i) {
      lines.push_back({std::string(base::digest_name(wanted_.kinds[i])),
                       base::hex(digests_[i].finish()), file});
    }
    for (base::Digest& d : uuid_)
      lines.push_back({std::string(kUuid), uuid_text(d.finish()), file});
    return lines;
  }

 private:
  const Wanted& wanted_;
  std::vector<base::Digest> digests_, uuid_;
};

/// Calls `emit` for every line in the order of the specification.
template <class Emit>
void hash_model(const std::string& path, const Wanted& wanted, TerminalProgress& progress,
                Emit emit) {
  const gguf::FileSet files = gguf::FileSet::open(path);
  std::uint64_t done = 0, total = 0;
  for (const gguf::TensorInfo& t : files.tensors()) total += t.size;
  ModelHashes model(wanted);
  for (const gguf::TensorInfo& t : files.tensors()) {
    std::vector<base::Digest> own;
    for (std::size_t i = 0; wanted.layers && i < wanted.kinds.size(); ++i) {
      own.emplace_back(wanted.kinds[i]);
    }
    const auto bytes = files.bytes(t);
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
      interrupt_flag().check();
      progress.update("hash", done, total, "bytes", t.name);
      const auto piece = bytes.subspan(at, std::min(kPiece, bytes.size() - at));
      for (base::Digest& d : own) d.update(piece);
      model.update(piece);
      done += piece.size();
    }
    interrupt_flag().check();  // also where a piece could not be read any more
    for (std::size_t i = 0; i < own.size(); ++i) {
      emit(Line{std::string(base::digest_name(wanted.kinds[i])), base::hex(own[i].finish()),
                path + ":" + t.name});
    }
  }
  progress.clear();
  for (const Line& line : model.finish(path)) emit(line);
}

std::string line_text(const Line& line) {
  return fmt::format("{:<8}  {}  {}", line.hash, line.hex, line.object);
}

std::optional<Manifest> read_manifest(const std::string& path) {
  if (std::filesystem::is_directory(path)) return std::nullopt;
  std::ifstream in(path);
  if (!in) return std::nullopt;
  Manifest manifest;
  for (std::string text; std::getline(in, text);) {
    std::istringstream words(text);
    std::string hash, hex, object;
    if (words >> hash >> hex && std::getline(words >> std::ws, object)) {
      manifest[hash][object] = hex;
    }
  }
  return manifest;
}

constexpr base::DigestKind kKinds[] = {base::DigestKind::xxh64, base::DigestKind::sha1,
                                       base::DigestKind::sha256};

Wanted wanted_by_options(const Args& args) {
  Wanted wanted;
  for (const base::DigestKind kind : kKinds) {
    if (args.flag("all") || args.flag(base::digest_name(kind))) wanted.kinds.push_back(kind);
  }
  wanted.uuid = args.flag("uuid");
  wanted.layers = !args.flag("no-layer");
  return wanted;
}

/// Names found, strongest first.
std::vector<std::string> known_hashes(const Manifest& manifest) {
  std::vector<std::string> names;
  for (const std::string_view name : {"sha256", "sha1", "xxh64", "uuid"}) {
    if (manifest.count(std::string(name)) != 0) names.emplace_back(name);
  }
  return names;
}

/// What to compute if no option says so: the strongest hash of the manifest.
void choose_strongest(const std::string& name, Wanted& wanted) {
  wanted.uuid = name == kUuid;
  for (const base::DigestKind kind : kKinds) {
    if (name == base::digest_name(kind)) wanted.kinds = {kind};
  }
}

/// A model given as the list would be read to its end. False: told.
bool may_be_manifest(const std::string& path) {
  FileKind kind = FileKind::gguf;
  try {
    kind = kind_of_file(path);
  } catch (const base::Error&) {
    kind = FileKind::gguf;  // a damaged one
  }
  constexpr FileKind kPossible[] = {FileKind::missing, FileKind::folder, FileKind::special,
                                    FileKind::empty, FileKind::text};
  if (std::ranges::find(kPossible, kind) != std::end(kPossible)) return true;
  fmt::print(stderr, "error: the manifest is {}, not a list of hashes\n  file: {}\n",
             kind_text(kind), base::printable(path, 1000));
  return false;
}

int check(const Args& args, Wanted wanted) {
  const std::string file = args.positionals()[0], path = args.str("check");
  if (!may_be_manifest(path)) return kUnreadable;
  const std::optional<Manifest> manifest = read_manifest(path);
  if (!manifest) {
    fmt::print(stderr, "error: cannot read the manifest{}\n  file: {}\n",
               std::filesystem::is_directory(path) ? ": it is a folder" : "", path);
    return kUnreadable;
  }
  const std::vector<std::string> names = known_hashes(*manifest);
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : "  ") + name;
  if (names.empty()) {
    fmt::print(stderr, "error: no hash of a known kind in the manifest\n  file: {}\n", path);
    return kNoKnownHash;
  }
  fmt::print("manifest  {}  {}\n", path, list);
  if (wanted.kinds.empty() && !wanted.uuid) choose_strongest(names[0], wanted);
  std::size_t n_ok = 0, n_bad = 0;
  TerminalProgress progress;
  hash_model(file, wanted, progress, [&](const Line& line) {
    const auto hash = manifest->find(line.hash);
    const bool listed = hash != manifest->end() && hash->second.count(line.object) != 0;
    const bool ok = listed && hash->second.at(line.object) == line.hex;
    n_ok += ok ? 1 : 0;
    n_bad += listed && !ok ? 1 : 0;
    progress.clear();
    fmt::print("{}  -  {}\n", line_text(line), ok ? "Ok" : listed ? "Mismatch" : "Not Found");
  });
  const bool nothing = n_ok + n_bad == 0;
  fmt::print("\nVerification results for {} - {}\n", path,
             nothing     ? "Not Found"
             : n_bad > 0 ? "Failure"
                         : "Success");
  return nothing ? kNothingListed : n_bad > 0 ? kMismatch : 0;
}

int run(const Args& args) {
  Wanted wanted = wanted_by_options(args);
  check_model_file("FILE", args.positionals()[0]);
  if (args.given("check")) return check(args, wanted);
  if (wanted.kinds.empty() && !wanted.uuid) wanted.kinds = {base::DigestKind::xxh64};
  TerminalProgress progress;
  hash_model(args.positionals()[0], wanted, progress, [&](const Line& line) {
    progress.clear();
    fmt::print("{}\n", line_text(line));
  });
  return 0;
}

}  // namespace

const Command hash_command{
    .name = "hash",
    .summary = "hash the tensors of a model, or check them against a list",
    .usage = "[options] FILE",
    .details =
        "Hashes tensor data only: no metadata, no padding. With --check the exit code is 0 if "
        "all is well, 1 for a mismatch, 3 if the manifest lists nothing of FILE, 4 if it has "
        "no known hash, 5 if it cannot be read.",
    .options = kOptions,
    .min_positionals = 1,
    .max_positionals = 1,
    .run = run,
    .alias = "llama-gguf-hash"};

}  // namespace cli
