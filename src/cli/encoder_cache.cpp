#include "cli/encoder_cache.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>

#include "base/checked.h"
#include "base/error.h"
#include "base/printable.h"
#include "cli/text_table.h"
#include "cli/type_words.h"
#include "cli/value_forms.h"
#include "cook/forecast.h"
#include "tensor/buffer.h"

namespace cli {
namespace {

struct Suffix {
  char letter;
  std::size_t factor;
};
constexpr Suffix kSuffixes[] = {
    {'K', 1'000}, {'M', 1'000'000}, {'G', 1'000'000'000}, {'T', 1'000'000'000'000}};

/// The folder of --resume goes when the output is whole: somebody else's files must not be in it.
void refuse_foreign(const std::filesystem::path& folder) {
  const auto foreign = cook::TensorCache::foreign_file(folder);
  if (!foreign) return;
  throw base::Error(base::Fault::bad_input, "--resume would use a folder that holds other files")
      .at("folder", folder.string())
      .at("found", base::printable(*foreign))
      .expected("encoded tensors of an interrupted run, or no folder")
      .hint("move the folder away, or give the output another name");
}

}  // namespace

std::size_t parse_size(std::string_view option, const std::string& text) {
  std::size_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  const std::string_view rest(stop, static_cast<std::size_t>(end - stop));
  if (code == std::errc() && rest.empty()) return value;
  for (const Suffix& s : kSuffixes) {
    const bool fits = rest.size() == 1 && (rest[0] == s.letter || rest[0] == s.letter + 32);
    if (code == std::errc() && fits && value <= SIZE_MAX / s.factor) return value * s.factor;
  }
  throw base::Error(base::Fault::bad_usage, fmt::format("bad value for {}", option))
      .at("found", text)
      .expected("bytes, or a number with K, M, G or T");
}

bool is_size(const std::string& text) {
  try {
    parse_size("", text);
    return true;
  } catch (const base::Error&) {
    return false;
  }
}

std::vector<cook::Override> overrides_of(const Args& args) {
  std::vector<cook::Override> out;
  for (const std::string& text : args.list("override-kv")) {
    cook::Override one = cook::parse_override(text);
    if (std::ranges::find(out, one.key, &cook::Override::key) != out.end()) {
      fmt::print(stderr, "warning: --override-kv sets {} more than once; the last one holds\n",
                 base::printable(one.key));
    }
    out.push_back(std::move(one));
  }
  return out;
}

Kept kept_by_cache(const Args& args) {
  // IN OUT TYPE; without OUT the second word is a type.
  const std::vector<std::string>& words = args.positionals();
  const std::string& output = words[1];
  if (args.flag("resume") && !canonical_recipe(recipe::Policy::ik, output).empty()) {
    return {.what = "the tensors that were finished, beside the output"};
  }
  const std::filesystem::path folder = cache_folder(args, output);
  if (!folder.empty()) {
    const cook::TensorCache::Info info = cook::TensorCache::info(folder);
    if (info.n_entries == 0) return {.what = "nothing: no tensor was finished"};
    return {.what = fmt::format("{} encoded tensors, {}, in {}", info.n_entries,
                                bytes_text(info.bytes), folder.string())};
  }
  return {.what = "nothing; what stood under the output's name is as it was",
          .how = "with --resume an interrupted run can go on where it stopped"};
}

std::string encoder_version() {
  const tensor::Mapping self(std::filesystem::read_symlink("/proc/self/exe"));
  const XXH128_hash_t hash = XXH3_128bits(self.bytes().data(), self.bytes().size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::filesystem::path cache_folder(const Args& args, const std::filesystem::path& output) {
  if (args.given("cache")) return args.str("cache");
  return args.flag("resume") ? output.string() + ".resume" : "";
}

void warn_small_cache(const Args& args, const cook::Plan& plan) {
  if (!args.given("cache")) return;
  const std::size_t most = parse_size("--cache-max", args.str("cache-max"));
  const std::size_t needed = cook::room_for_cache(plan, args.str("cache")).needed;
  if (needed <= most) return;
  fmt::print(
      stderr,
      "warning: the encoded tensors take up to {}, --cache-max is {}: another run finds only "
      "some of them\nhint: --cache-max {}G keeps all\n",
      bytes_text(needed), bytes_text(most), needed / 1'000'000'000 + 1);
}

namespace {

void print_use(const cook::RunResult& result, std::size_t n_encoded, bool lasting) {
  if (lasting || result.from_cache > 0) {
    fmt::print(stderr, "{} of {} encoded tensors came from {}\n", result.from_cache, n_encoded,
               lasting ? "the cache" : "the run before");
  }
  if (result.n_damaged > 0) {
    fmt::print(stderr, "warning: {} damaged and made anew: is the disk sound?\n",
               result.n_damaged == 1 ? "a kept tensor was"
                                     : fmt::format("{} kept tensors were", result.n_damaged));
  }
  if (result.not_kept > 0) {
    fmt::print(stderr, "warning: the cache could not take {} tensors: {}\n", result.not_kept,
               result.cache_error);
  }
}

}  // namespace

RunCache::RunCache(const Args& args, const std::filesystem::path& output) {
  const std::filesystem::path folder = cache_folder(args, output);
  if (folder.empty()) return;
  if (args.given("cache")) {
    max_bytes_ = parse_size("--cache-max", args.str("cache-max"));
  } else {
    refuse_foreign(folder);
    resume_folder_ = folder;
  }
  cache_.emplace(folder, encoder_version());
  cache_->tidy();
}

RunCache::~RunCache() {
  std::error_code not_empty;
  if (!resume_folder_.empty()) std::filesystem::remove(resume_folder_, not_empty);
}

void RunCache::finish(const cook::RunResult& result, std::size_t n_encoded) const {
  if (!cache_) return;
  print_use(result, n_encoded, resume_folder_.empty());
  if (resume_folder_.empty()) {
    const cook::TensorCache::Pruned pruned = cache_->prune(max_bytes_, result.cache_keys);
    if (pruned.n_used == 0) return;
    fmt::print(
        stderr, "warning: the cache keeps {} of the {} tensors of this run: --cache-max is {}\n",
        result.cache_keys.size() - pruned.n_used, result.cache_keys.size(), bytes_text(max_bytes_));
    return;
  }
  cache_->remove_all();
}

}  // namespace cli
