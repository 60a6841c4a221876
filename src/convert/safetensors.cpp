#include "convert/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/printable.h"
#include "convert/wrong_text.h"
#include "tensor/buffer.h"

namespace convert {
namespace {

constexpr std::size_t kPrefixBytes = 8;
constexpr std::string_view kMetadata = "__metadata__";
constexpr Dtype kDtypes[] = {{"F64", 8},     {"F32", 4},     {"F16", 2},     {"BF16", 2},
                             {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"F8_E8M0", 1}, {"I64", 8},
                             {"I32", 4},     {"I16", 2},     {"I8", 1},      {"U64", 8},
                             {"U32", 4},     {"U16", 2},     {"U8", 1},      {"BOOL", 1}};

base::Error bad(std::string_view what) {
  return base::Error(base::Fault::bad_file, fmt::format("safetensors: {}", what));
}

/// Builds the list while the JSON is read, so that a hostile header costs no more memory than its
/// own size a few times over.
class HeaderHandler {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  std::vector<SafeTensor> take() { return std::move(tensors_); }

  bool null() { return unexpected("null"); }
  bool boolean(bool) { return unexpected("true or false"); }
  bool number_integer(number_integer_t v) { return unexpected(std::to_string(v)); }
  bool number_float(number_float_t, const string_t& text) { return unexpected(text); }
  bool binary(binary_t&) { return unexpected("binary data"); }
  bool number_unsigned(number_unsigned_t v) {
    if (state_ != State::shape && state_ != State::offsets) return unexpected(std::to_string(v));
    std::vector<std::uint64_t>& list = state_ == State::shape ? tensors_.back().shape : offsets_;
    if (list.size() >= kMaxDimensions) fail("a list is too long", "more", kMaxDimensions);
    list.push_back(v);
    return true;
  }
  bool string(string_t& v) {
    if (state_ == State::metadata) return true;
    if (state_ != State::tensor || field_ != "dtype") return unexpected("a string");
    SafeTensor& tensor = tensors_.back();
    tensor.dtype = find_dtype(v);
    if (tensor.dtype == nullptr) fail("unknown element type", base::printable(v), type_names());
    return true;
  }
  bool start_object(std::size_t) {
    switch (state_) {
      case State::begin:
        state_ = State::top;
        return true;
      case State::top:
        if (key_ == kMetadata) {
          state_ = State::metadata;
        } else {
          state_ = State::tensor;
          tensors_.push_back({.name = key_, .dtype = nullptr, .shape = {}});
          offsets_.clear();
          seen_.clear();
        }
        return true;
      default:
        return unexpected("an object");
    }
  }
  bool key(string_t& v) {
    if (state_ == State::top) {
      key_ = std::move(v);
      if (key_.empty()) fail("a tensor without name", "''", "a name");
      if (!names_.insert(key_).second) {
        fail("two tensors of one name", base::printable(key_), "different names");
      }
    } else if (state_ == State::tensor) {
      field_ = std::move(v);
      const bool known = field_ == "dtype" || field_ == "shape" || field_ == "data_offsets";
      if (!known || !seen_.insert(field_).second) {
        fail(known ? "a field stands twice" : "unknown field", base::printable(field_),
             "dtype, shape, data_offsets");
      }
    }
    return true;
  }
  bool end_object() {
    if (state_ == State::tensor) end_tensor();
    state_ = state_ == State::top ? State::end : State::top;
    return true;
  }
  bool start_array(std::size_t) {
    if (state_ == State::tensor && field_ == "shape") {
      state_ = State::shape;
    } else if (state_ == State::tensor && field_ == "data_offsets") {
      state_ = State::offsets;
    } else {
      return unexpected("a list");
    }
    return true;
  }
  bool end_array() {
    state_ = State::tensor;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) {
    throw bad("the header is no JSON")
        .at("offset", kPrefixBytes + position)
        .hint("the file is damaged or cut off; fetch it again");
  }

 private:
  enum class State { begin, top, metadata, tensor, shape, offsets, end };

  static std::string type_names() {
    std::string out;
    for (const Dtype& d : kDtypes) out += fmt::format("{}{}", out.empty() ? "" : ", ", d.name);
    return out;
  }
  template <class Found, class Expected>
  [[noreturn]] void fail(std::string_view what, const Found& found,
                         const Expected& expected) const {
    auto error = bad(what).at("found", found).at("expected", expected);
    if (!key_.empty()) error.at("tensor", base::printable(key_));
    throw error;
  }
  [[noreturn]] bool unexpected(const std::string& found) const {
    constexpr std::string_view kExpected[] = {"an object",
                                              "an object for each tensor",
                                              "text",
                                              "dtype as text, shape and data_offsets as lists",
                                              "whole numbers >= 0",
                                              "whole numbers >= 0",
                                              "nothing more"};
    fail("the header has another form", found, kExpected[static_cast<std::size_t>(state_)]);
  }

  void end_tensor() {
    SafeTensor& tensor = tensors_.back();
    if (seen_.size() != 3 || offsets_.size() != 2) {
      fail("an incomplete tensor",
           fmt::format("{} fields, {} offsets", seen_.size(), offsets_.size()),
           "dtype, shape and two data_offsets");
    }
    if (offsets_[0] > offsets_[1]) {
      fail("a tensor ends before it begins", offsets_[1], fmt::format("at least {}", offsets_[0]));
    }
    tensor.offset = offsets_[0];
    tensor.size = offsets_[1] - offsets_[0];
    std::size_t bytes = tensor.dtype->bytes;
    try {
      for (const std::uint64_t n : tensor.shape) bytes = base::checked_mul(bytes, n);
    } catch (const base::Error&) {
      fail("a shape of more bytes than 64 bits can count",
           fmt::format("({})", fmt::join(tensor.shape, ", ")),
           fmt::format("{} bytes", tensor.size));
    }
    if (bytes != tensor.size) {
      fail("a tensor's bytes do not fit its shape", fmt::format("{} bytes", tensor.size),
           fmt::format("{} bytes", bytes));
    }
  }

  State state_ = State::begin;
  std::vector<SafeTensor> tensors_;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> seen_;
  std::string key_, field_;
  std::vector<std::uint64_t> offsets_;
};

/// The bytes behind the header belong to exactly one tensor each.
void check_places(std::vector<SafeTensor>& tensors, std::size_t data_start, std::size_t file_size) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const SafeTensor& a, const SafeTensor& b) {
    return std::pair(a.offset, a.size) < std::pair(b.offset, b.size);
  });
  const std::size_t data_size = file_size - data_start;
  std::size_t end = 0;
  for (SafeTensor& tensor : tensors) {
    const bool inside = tensor.size <= data_size && tensor.offset <= data_size - tensor.size;
    if (tensor.offset == end && inside) {
      end += tensor.size;
      tensor.offset += data_start;
      continue;
    }
    const std::string_view what = !inside               ? "a tensor reaches beyond the file"
                                  : tensor.offset < end ? "tensors overlap"
                                                        : "a gap in front of a tensor";
    throw bad(what)
        .at("tensor", base::printable(tensor.name))
        .at("found",
            fmt::format("data_offsets {} to {}", tensor.offset, tensor.offset + tensor.size))
        .at("expected", inside ? fmt::format("a begin at {}", end)
                               : fmt::format("an end at {} or before", data_size))
        .hint("the file is damaged or cut off; fetch it again");
  }
  if (end == data_size) return;
  throw bad("the file is longer than its tensors")
      .at("offset", data_start + end)
      .at("found", fmt::format("{} bytes more", data_size - end))
      .at("expected", "the end of the file")
      .hint("the file is damaged; fetch it again");
}

}  // namespace

const Dtype* find_dtype(std::string_view name) noexcept {
  const auto* it = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                [&](const Dtype& d) { return d.name == name; });
  return it == std::end(kDtypes) ? nullptr : it;
}

std::uint64_t SafeTensor::elements() const noexcept { return size / dtype->bytes; }

namespace {

/// A pointer to the file, a web page or the like has no length of a header.
void refuse_text(std::span<const std::byte> bytes) {
  constexpr std::size_t kLook = 40;
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min(kLook, bytes.size()));
  if (const auto pointer = lfs_pointer(head)) throw *pointer;
  const bool text = !head.empty() && std::all_of(head.begin(), head.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u >= ' ' && u != 127) || c == '\n' || c == '\r' || c == '\t';
  });
  if (!text) return;
  throw bad("a text file")
      .at("found", fmt::format("\"{}\"", base::printable(head)))
      .at("expected", "the length of a header in 8 bytes, and the header")
      .hint("an error message or a web page in place of the file? fetch it again");
}

}  // namespace

std::vector<SafeTensor> parse_safetensors(std::span<const std::byte> bytes) {
  refuse_text(bytes);
  base::Cursor cursor(bytes);
  const auto length = cursor.read<std::uint64_t>("the length of the header");
  const std::size_t most = std::min(kMaxHeaderBytes, cursor.left());
  if (length > most) {
    throw bad("the header is too long")
        .at("offset", 0)
        .at("found", fmt::format("{} bytes", length))
        .at("expected", fmt::format("at most {}", most))
        .hint("the file is cut off, or no safetensors file");
  }
  const auto header = cursor.take(length, "the header");
  const auto* text = reinterpret_cast<const char*>(header.data());
  if (length == 0 || *text != '{') {
    throw bad("the header is no JSON object")
        .at("offset", kPrefixBytes)
        .hint("the file is damaged, or no safetensors file");
  }
  HeaderHandler handler;
  nlohmann::json::sax_parse(text, text + header.size(), &handler);
  std::vector<SafeTensor> tensors = handler.take();
  check_places(tensors, kPrefixBytes + length, bytes.size());
  return tensors;
}

std::vector<SafeTensor> read_safetensors(const std::filesystem::path& path) {
  try {
    const tensor::Mapping mapping(path);
    return parse_safetensors(mapping.bytes());
  } catch (base::Error& e) {
    e.at("file", path.string());
    if (e.fault() == base::Fault::bad_file) e.hint("the file is damaged; fetch it again");
    throw;
  }
}

}  // namespace convert
