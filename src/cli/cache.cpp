// quern cache: the folder of encoded tensors that `quantize --cache` keeps.
#include <fmt/format.h>

#include <array>
#include <filesystem>

#include "base/error.h"
#include "base/printable.h"
#include "cli/commands.h"
#include "cli/encoder_cache.h"
#include "cli/session.h"
#include "cli/value_forms.h"

namespace cli {
namespace {

constexpr std::array kOptions{
    Option{.names = "--max",
           .value = "SIZE",
           .help = "prune: bytes that may remain, e.g. 20G; 0 empties the cache",
           .values = kSize},
};

/// A folder without entries: one that `quantize --cache` has just made, or none of its.
void check_is_cache(const std::filesystem::path& folder) {
  const auto foreign = cook::TensorCache::foreign_file(folder);
  if (!foreign) return;
  throw base::Error(base::Fault::bad_input, "the folder is no cache of encoded tensors")
      .at("folder", folder.string())
      .at("found", base::printable(*foreign))
      .expected("files named *.tensor, as `quantize --cache DIR` writes them");
}

int run(const Args& args) {
  const std::string& action = args.positionals()[0];
  const std::filesystem::path folder = args.positionals()[1];
  if (action != "list" && action != "prune") {
    throw base::Error(base::Fault::bad_usage, "unknown action")
        .at("found", action)
        .expected("list or prune");
  }
  if (!std::filesystem::is_directory(folder)) {
    throw base::Error(base::Fault::io, "no such folder").at("folder", folder.string());
  }
  const cook::TensorCache cache(folder, encoder_version());
  if (cache.info().n_entries == 0) check_is_cache(folder);
  if (action == "prune") {
    required(args, "max");
    cache.tidy();
    fmt::print("removed {} bytes\n", cache.prune(parse_size("--max", args.str("max"))).bytes);
  }
  const cook::TensorCache::Info info = cache.info();
  fmt::print("{}: {} tensors, {} bytes\n", folder.string(), info.n_entries, info.bytes);
  return 0;
}

}  // namespace

const Command cache_command{
    .name = "cache",
    .summary = "show or shrink a cache of encoded tensors",
    .usage = "[options] list|prune DIR",
    .details = "prune removes what was used longest ago until at most --max remain.",
    .options = kOptions,
    .min_positionals = 2,
    .max_positionals = 2,
    .run = run};

}  // namespace cli
