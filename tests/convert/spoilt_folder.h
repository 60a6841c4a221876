// Golden folders that a test changes before they are read.
#pragma once

#include <functional>

#include "convert/convert_support.h"

namespace test {

inline void expect_all(const std::string& text, const std::vector<std::string>& pieces) {
  for (const std::string& piece : pieces) EXPECT_NE(text.find(piece), std::string::npos) << text;
}

/// A copy of a golden folder to be spoilt.
class SpoiltFolder {
 public:
  explicit SpoiltFolder(const std::string& name) {
    test::copy_folder(test::source_path("tests/golden/models/" + name), path());
  }
  std::filesystem::path path() const { return dir_ / "model"; }
  std::filesystem::path operator/(const std::string& name) const { return path() / name; }
  nlohmann::json json(const std::string& name) const {
    return nlohmann::json::parse(test::read_text(*this / name));
  }
  void put(const std::string& name, const nlohmann::json& json) {
    test::write_text(*this / name, json.dump());
  }
  void change_config(const std::function<void(nlohmann::json&)>& change) {
    nlohmann::json config = json("config.json");
    change(config);
    put("config.json", config);
  }
  /// Header and data of model.safetensors changed and written again.
  void change_tensors(const std::function<void(nlohmann::json&, std::vector<std::byte>&)>& change) {
    const auto bytes = test::read_bytes(*this / "model.safetensors");
    std::uint64_t n = 0;
    std::memcpy(&n, bytes.data(), 8);
    nlohmann::json header =
        nlohmann::json::parse(std::string(reinterpret_cast<const char*>(bytes.data() + 8), n));
    std::vector<std::byte> data(bytes.begin() + 8 + static_cast<std::ptrdiff_t>(n), bytes.end());
    change(header, data);
    test::write_bytes(*this / "model.safetensors",
                      test::SafetensorsBuilder::with_header(header.dump(), data));
  }
  void rename_tensor(const std::string& from, const std::string& to) {
    change_tensors([&](nlohmann::json& header, auto&) {
      header[to] = header.at(from);
      header.erase(from);
    });
  }
  std::string refused(base::Fault fault, convert::Options options = {}) const {
    return test::refusal(fault, [&] { convert::open_hf_source(path(), options); });
  }

 private:
  test::TempDir dir_;
};

}  // namespace test
