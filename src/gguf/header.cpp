#include "gguf/header.h"

#include <fmt/format.h>

#include <unordered_set>

#include "base/bytes.h"
#include "base/checked.h"
#include "base/printable.h"
#include "gguf/layout.h"

namespace gguf {
namespace {

base::Error bad(std::string message) {
  return base::Error(base::Fault::bad_input, std::move(message));
}

/// Appends values in the byte order of the format.
class Sink {
 public:
  template <class T>
  void add(T v) {
    std::byte raw[sizeof(T)];
    base::store(raw, v);
    bytes_.insert(bytes_.end(), raw, raw + sizeof(T));
  }
  void add_string(std::string_view s) {
    add<std::uint64_t>(s.size());
    const auto raw = std::as_bytes(std::span(s));
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }
  void add_type(ValueType type) { add(static_cast<std::uint32_t>(type)); }
  void add_array(const Array& a) {
    if (a.type == ValueType::arr) throw bad("array of arrays cannot be written");
    add_type(a.type);
    add<std::uint64_t>(a.size());
    bytes_.insert(bytes_.end(), a.fixed.begin(), a.fixed.end());
    for (const std::string& s : a.strings) add_string(s);
  }
  void add_value(const Value& v) {
    add_type(type_of(v));
    std::visit(
        [this](const auto& x) {
          using T = std::decay_t<decltype(x)>;
          if constexpr (std::is_same_v<T, std::string>) {
            add_string(x);
          } else if constexpr (std::is_same_v<T, Array>) {
            add_array(x);
          } else if constexpr (std::is_same_v<T, bool>) {
            add<std::uint8_t>(x ? 1 : 0);
          } else {
            add(x);
          }
        },
        v);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

void check_name(std::string_view what, std::string_view name, std::size_t max_bytes) {
  if (!name.empty() && name.size() <= max_bytes && name.find('\0') == std::string_view::npos) {
    return;
  }
  throw bad(fmt::format("{} cannot be written", what))
      .at("found", fmt::format("\"{}\" ({} bytes)", base::printable(name), name.size()))
      .expected(fmt::format("1 to {} bytes without NUL", max_bytes));
}

std::size_t size_of(const TensorPlan& t) {
  try {
    return t.flat != nullptr ? tensor::tensor_bytes(*t.flat, t.shape)
                             : tensor::tensor_bytes(*t.codec, t.shape);
  } catch (const base::Error& e) {
    base::Error again = bad(e.message());
    for (const auto& [key, value] : e.facts()) again.at(key, value);
    throw again.at("shape", t.shape.to_string()).at("tensor", t.name);
  }
}

std::size_t add_metadata(Sink& out, const Metadata& metadata, bool keep_alignment) {
  std::unordered_set<std::string_view> keys;
  for (const auto& [key, value] : metadata.pairs()) {
    if (key == kAlignmentKey && !keep_alignment) continue;
    check_name("metadata key", key, kMaxKeyBytes);
    if (!keys.insert(key).second) {
      throw bad("metadata key appears twice").at("key", base::printable(key));
    }
    out.add_string(key);
    try {
      out.add_value(value);
    } catch (base::Error& e) {
      e.at("key", base::printable(key));
      throw;
    }
  }
  return keys.size();
}

void add_info(Sink& out, const TensorPlan& t, std::size_t offset) {
  out.add_string(t.name);
  out.add<std::uint32_t>(t.shape.n_dims());
  for (unsigned d = 0; d < t.shape.n_dims(); ++d) out.add<std::uint64_t>(t.shape.ne[d]);
  out.add(t.flat != nullptr ? t.flat->id : t.codec->id);
  out.add<std::uint64_t>(offset);
}

}  // namespace

std::vector<std::byte> header_bytes(const Metadata& metadata,
                                    const std::vector<TensorPlan>& tensors,
                                    const std::vector<std::size_t>& offsets, bool keep_alignment) {
  Sink pairs;
  const std::size_t n_pairs = add_metadata(pairs, metadata, keep_alignment);
  Sink infos;
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorPlan& t = tensors[i];
    check_name("tensor name", t.name, kMaxNameBytes);
    if (!names.insert(t.name).second) throw bad("tensor name appears twice").at("tensor", t.name);
    add_info(infos, t, offsets[i]);
  }
  Sink header;
  for (const std::byte b : kMagic) header.add(b);
  header.add(kVersion);
  header.add<std::uint64_t>(tensors.size());
  header.add<std::uint64_t>(n_pairs);
  std::vector<std::byte> out = header.take();
  for (const auto& part : {pairs.take(), infos.take()}) {
    out.insert(out.end(), part.begin(), part.end());
  }
  return out;
}

bool add_room(Metadata& metadata, std::size_t room) {
  constexpr std::size_t kOverhead = 8 + kRoomKey.size() + 4 + 8;  // lengths, key, type
  if (room < kOverhead) return false;
  metadata.set(kRoomKey, std::string(room - kOverhead, ' '));
  return true;
}

void align_with(Metadata& metadata, const std::vector<TensorPlan>& tensors,
                std::size_t source_offset) {
  metadata.erase(kRoomKey);
  if (tensors.empty() || source_offset % kDefaultAlignment != 0) return;
  const std::size_t start = plan_layout(metadata, tensors).header.size();
  const std::size_t room = (source_offset - start) % kBlockBytes;  // wraps as it should
  if (room > 0 && !add_room(metadata, room)) add_room(metadata, room + kBlockBytes);
}

Layout plan_layout(const Metadata& metadata, const std::vector<TensorPlan>& tensors) {
  Layout layout;
  std::size_t data_size = 0;
  for (const TensorPlan& t : tensors) {
    layout.sizes.push_back(size_of(t));
    layout.offsets.push_back(data_size);
    data_size =
        base::checked_add(data_size, base::round_up(layout.sizes.back(), kDefaultAlignment));
  }
  layout.header = header_bytes(metadata, tensors, layout.offsets, false);
  layout.header.resize(base::round_up(layout.header.size(), kDefaultAlignment));
  for (std::size_t& offset : layout.offsets) offset += layout.header.size();
  layout.file_size = base::checked_add(layout.header.size(), data_size);
  return layout;
}

}  // namespace gguf
