#include "convert/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/printable.h"
#include "convert/json_file.h"
#include "convert/presence.h"

namespace convert {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kSingle = "model.safetensors";

/// A file that an index names must lie in the folder itself.
void check_file_name(const std::string& name, const fs::path& index) {
  const bool plain = name.ends_with(kSuffix) && name.find_first_of("/\\") == std::string::npos &&
                     name.find('\0') == std::string::npos && !name.starts_with('.');
  if (plain) return;
  throw base::Error(base::Fault::bad_file, "the index names a file that is not in the folder")
      .at("file", index.string())
      .at("found", base::printable(name))
      .at("expected", "the name of a .safetensors file beside it");
}

/// Names that count themselves ("model-00001-of-00002.safetensors") tell which are not there.
void check_numbers(const std::set<std::string>& names, const fs::path& folder) {
  constexpr std::string_view kOf = "-of-";
  constexpr std::size_t kDigits = 5;
  for (const std::string& name : names) {
    const std::string_view stem = std::string_view(name).substr(0, name.size() - kSuffix.size());
    const std::size_t of =
        stem.size() < 2 * kDigits + kOf.size() ? 0 : stem.size() - kDigits - kOf.size();
    if (of == 0 || stem.substr(of, kOf.size()) != kOf) continue;
    const std::string_view count_text = stem.substr(of + kOf.size());
    std::size_t count = 0;
    const auto [end, code] =
        std::from_chars(count_text.data(), count_text.data() + count_text.size(), count);
    if (code != std::errc() || end != count_text.data() + count_text.size()) continue;
    for (std::size_t no = 1; no <= count; ++no) {
      const std::string other =
          fmt::format("{}{:05}{}{}{}", stem.substr(0, of - kDigits), no, kOf, count_text, kSuffix);
      if (names.contains(other)) continue;
      throw base::Error(base::Fault::io, "a file of the model is missing")
          .at("file", (folder / other).string())
          .at("found", fmt::format("{} of {} files", names.size(), count))
          .hint("the model is not downloaded whole; fetch the rest");
    }
  }
}

base::Error no_folder(const fs::path& path) {
  const bool there = fs::exists(path);
  base::Error e(base::Fault::io, there ? "HF_DIR is not a folder" : "no such folder");
  e.at("file", path.string()).expected("a folder with config.json and .safetensors files");
  if (path.extension() == ".gguf") {
    e.hint("a GGUF file needs no conversion; `quern quantize` changes its types");
  } else if (there && fs::exists(path.parent_path() / "config.json")) {
    e.hint("give the folder that holds this file");
  }
  return e;
}

/// A folder without config.json is none of a model, or one in another form.
base::Error no_config(const fs::path& folder) {
  base::Error e(base::Fault::io, "the folder has no config.json");
  e.at("file", folder.string())
      .expected(
          "a Hugging Face model folder: config.json, model*.safetensors, and tokenizer.json, "
          "tokenizer.model or tiktoken.model");
  std::error_code ignored;
  const bool original = fs::exists(folder / "params.json", ignored);
  bool gguf = false;
  std::string below;
  const auto look = [&](const fs::path& inside) {
    if (below.empty() && fs::exists(inside / "config.json", ignored)) below = inside.string();
  };
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    gguf = gguf || entry.path().extension() == ".gguf";
    look(entry.path());
  }
  // A hub's cache: models--OWNER--NAME/snapshots/REVISION.
  for (fs::directory_iterator at(folder / "snapshots", ignored), end; at != end; ++at) {
    look(at->path());
  }
  if (!below.empty()) {
    e.hint(fmt::format("{} has one", below));
  } else if (gguf) {
    e.hint("its GGUF files need no conversion; `quantize` changes their types");
  } else if (original) {
    e.hint("params.json is the publisher's own form; take the Hugging Face form of the model");
  } else {
    e.hint("download all files of the model, not only its weights");
  }
  return e;
}

}  // namespace

ModelFolder::ModelFolder(fs::path path)
    : path_(std::move(path)), config_(nlohmann::json::object()) {}

ModelFolder ModelFolder::open(const fs::path& path) {
  if (!is_there(path) || !fs::is_directory(path)) throw no_folder(path);
  ModelFolder folder(path);
  folder.read_config();
  folder.read_shards();
  return folder;
}

void ModelFolder::read_config() {
  const fs::path file = path_ / "config.json";
  if (!is_there(file)) throw no_config(path_);
  try {
    const model::HfConfig whole(read_json(file));
    nlohmann::json merged = whole.json();
    model::HfConfig deciding = whole;
    if (whole.has("text_config")) {
      vision_ = true;
      deciding = whole.object("text_config");
      for (const auto& [key, value] : deciding.json().items()) {
        if (!value.is_null()) merged[key] = value;
      }
    }
    const std::vector<std::string> classes = deciding.strings("architectures");
    const std::vector<std::string> outer = whole.strings("architectures");
    class_ = !classes.empty() ? classes.front() : outer.empty() ? "" : outer.front();
    type_ = deciding.string_or("model_type", "");
    config_ = model::HfConfig(std::move(merged));
  } catch (base::Error& e) {
    e.at("file", file.string()).hint("is it the model's own config.json? fetch it again");
    throw;
  }
}

std::vector<std::string> ModelFolder::shard_names(
    std::unordered_map<std::string, std::string>& index) {
  const fs::path file = path_ / kIndex;
  std::set<std::string> names;
  if (is_there(file)) {
    const nlohmann::json root = read_json(file, kListLimits);
    const auto map = root.is_object() ? root.find("weight_map") : root.end();
    if (!root.is_object() || map == root.end() || !map->is_object()) {
      throw base::Error(base::Fault::bad_file, "the index has no weight_map")
          .at("file", file.string());
    }
    for (const auto& [tensor, shard] : map->items()) {
      if (!shard.is_string()) {
        throw base::Error(base::Fault::bad_file, "the index does not name a file")
            .at("file", file.string())
            .at("tensor", base::printable(tensor));
      }
      const auto& name = shard.get_ref<const std::string&>();
      check_file_name(name, file);
      index.emplace(tensor, name);
      names.insert(name);
    }
    if (!names.contains(std::string(kSingle)) && is_there(path_ / kSingle)) {
      findings_.push_back({.where = (path_ / kSingle).string(),
                           .text = fmt::format("is passed over: {} names other files", kIndex)});
    }
    return {names.begin(), names.end()};
  }
  if (is_there(path_ / kSingle)) return {std::string(kSingle)};
  for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("model") && name.ends_with(kSuffix)) names.insert(name);
  }
  check_numbers(names, path_);
  return {names.begin(), names.end()};
}

void ModelFolder::add_shard(const std::string& name) {
  const fs::path file = path_ / name;
  if (!is_there(file)) {
    throw base::Error(base::Fault::io, "a file of the model is missing")
        .at("file", file.string())
        .hint("the model is not downloaded whole; fetch the rest");
  }
  std::vector<SafeTensor> found = read_safetensors(file);
  std::sort(found.begin(), found.end(),
            [](const SafeTensor& a, const SafeTensor& b) { return a.name < b.name; });
  for (SafeTensor& t : found) tensors_.push_back({.info = std::move(t), .shard = shards_.size()});
  shards_.push_back(file);
  files_.emplace_back(file);
}

void ModelFolder::read_shards() {
  std::unordered_map<std::string, std::string> index;
  const std::vector<std::string> names = shard_names(index);
  if (names.empty()) {
    throw base::Error(base::Fault::io, "the folder has no safetensors files")
        .at("file", path_.string())
        .at("expected", "model.safetensors, or model.safetensors.index.json and its files")
        .hint("older folders hold pytorch_model.bin: save them again with transformers");
  }
  for (const std::string& name : names) add_shard(name);
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const auto [at, is_new] = by_name_.emplace(tensors_[i].info.name, i);
    if (is_new) continue;
    throw base::Error(base::Fault::bad_file, "two files hold the same tensor")
        .at("tensor", base::printable(tensors_[i].info.name))
        .at("file", shards_[tensors_[i].shard].string())
        .at("first", shards_[tensors_[at->second].shard].string());
  }
  check_index(index);
}

void ModelFolder::check_index(const std::unordered_map<std::string, std::string>& index) {
  if (index.empty()) return;
  for (const auto& [tensor, shard] : index) {
    const auto found = find(tensor);
    if (found && shards_[tensors_[*found].shard].filename() == shard) continue;
    throw base::Error(base::Fault::bad_file, "the index and the files do not agree")
        .at("tensor", base::printable(tensor))
        .at("found", found ? "in " + shards_[tensors_[*found].shard].filename().string()
                           : std::string("in no file"))
        .at("expected", "in " + shard)
        .at("file", (path_ / kIndex).string())
        .hint("a file is incomplete or of another model");
  }
  for (const Tensor& t : tensors_) {
    if (index.count(t.info.name) != 0) continue;
    findings_.push_back(
        {.where = base::printable(t.info.name), .text = "is in a file but not in the index"});
  }
}

std::optional<std::size_t> ModelFolder::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? std::nullopt : std::optional(at->second);
}

void ModelFolder::read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const {
  const Tensor& t = tensors_[tensor];
  try {
    files_[t.shard].read(t.info.offset + offset, out);
  } catch (base::Error& e) {
    e.at("tensor", t.info.name);
    throw;
  }
}

void ModelFolder::will_need(std::size_t tensor, std::size_t offset,
                            std::size_t size) const noexcept {
  const Tensor& t = tensors_[tensor];
  files_[t.shard].will_need(t.info.offset + offset, size);
}

void ModelFolder::require_unchanged() const {
  for (const cook::ReadableFile& file : files_) file.require_unchanged();
}

}  // namespace convert
