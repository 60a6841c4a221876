// Folders converted for tests, and folders made up for them.
#pragma once

#include <cstring>
#include <nlohmann/json.hpp>

#include "convert/source.h"
#include "cook/run_plan.h"
#include "gguf/file.h"
#include "support/support.h"

namespace test {

/// A golden model folder: the copy in the repository, else the shared one (which may be absent).
inline std::filesystem::path model_folder(const std::string& name) {
  const auto own = source_path("tests/golden/models/" + name);
  return std::filesystem::exists(own) ? own : shared_path("golden/models/" + name);
}

struct ConvertOptions {
  std::string type = "F32";
  convert::Options options = {};
  std::size_t threads = 2;
  bool keep_packed = true;  ///< MXFP4 stays as it is, whatever `type`
};

/// Converts a folder to `out`. Returns the findings of the conversion.
inline base::Findings convert_folder(const std::filesystem::path& folder,
                                     const std::filesystem::path& out,
                                     const ConvertOptions& options = {}) {
  const auto source = convert::open_hf_source(folder, options.options);
  cook::Request request;
  request.output = out;
  request.recipe.recipe = recipe::recipe_for_word(request.recipe.policy, options.type);
  request.recipe.keep_quantized = options.keep_packed;
  request.recipe.allow_requantize = !options.keep_packed;
  const cook::Plan plan = cook::make_plan(*source, request);
  runtime::Team team(options.threads);
  base::SilentProgress progress;
  const base::StopFlag stop;
  test::run_plan(*source, plan, team, progress, stop);
  return source->plan().findings;
}

/// A safetensors file in the making.
class SafetensorsBuilder {
 public:
  template <class T>
  SafetensorsBuilder& add(const std::string& name, const char* dtype,
                          const std::vector<std::uint64_t>& shape, const std::vector<T>& values) {
    const std::size_t begin = data_.size();
    const auto bytes = std::as_bytes(std::span(values));
    data_.insert(data_.end(), bytes.begin(), bytes.end());
    header_[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {begin, data_.size()}}};
    return *this;
  }
  std::vector<std::byte> bytes() const { return with_header(header_.dump(), data_); }
  static std::vector<std::byte> with_header(const std::string& header,
                                            std::span<const std::byte> data = {}) {
    std::vector<std::byte> out(8 + header.size());
    const std::uint64_t n = header.size();
    std::memcpy(out.data(), &n, 8);
    std::memcpy(out.data() + 8, header.data(), header.size());
    out.insert(out.end(), data.begin(), data.end());
    return out;
  }

 private:
  nlohmann::json header_ = nlohmann::json::object();
  std::vector<std::byte> data_;
};

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  write_bytes(path, std::as_bytes(std::span(text)));
}

/// A copy of a model folder that a test may spoil.
inline void copy_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::create_directories(to);
  for (const auto& entry : std::filesystem::directory_iterator(from)) {
    if (entry.path().extension() == ".f32" || entry.path().extension() == ".i32") continue;
    std::filesystem::copy_file(entry.path(), to / entry.path().filename());
    std::filesystem::permissions(to / entry.path().filename(), std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
  }
}

/// The message of the error that `act` ends with.
template <class Act>
std::string refusal(base::Fault fault, Act&& act) {
  try {
    act();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), fault) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "not refused";
  return "";
}

}  // namespace test
