#include "convert/json_file.h"

#include "base/error.h"
#include "convert/wrong_text.h"
#include "tensor/buffer.h"

namespace convert {
namespace {
constexpr std::size_t kMaxBytes = std::size_t{512} << 20;
}

std::string read_text(const std::filesystem::path& path) {
  const tensor::Mapping mapping(path);
  const auto bytes = mapping.bytes();
  if (bytes.size() > kMaxBytes) {
    throw base::Error(base::Fault::bad_file, "the file is too large for what it is")
        .at("file", path.string())
        .at("found", bytes.size())
        .at("expected", "at most 512 MiB");
  }
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

nlohmann::json parse_json(std::string_view text, const std::string& name) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& e) {
    throw json_error(text, e.byte, e.what()).at("file", name);
  } catch (const nlohmann::json::out_of_range&) {
    throw base::Error(base::Fault::bad_file, "a number in the JSON file is out of range")
        .at("file", name);
  }
}

nlohmann::json read_json(const std::filesystem::path& path) {
  return parse_json(read_text(path), path.string());
}

}  // namespace convert
