#include "gguf/read_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "base/checked.h"
#include "base/printable.h"
#include "gguf/layout.h"
#include "gguf/read_value.h"

namespace gguf {
namespace {

base::Error bad(std::string message, std::size_t offset) {
  return base::Error(base::Fault::bad_file, std::move(message)).at("offset", offset);
}

tensor::Shape read_shape(base::Cursor& in) {
  const std::size_t start = in.position();
  const auto n_dims = in.read<std::uint32_t>("number of dimensions");
  if (n_dims == 0 || n_dims > 4) {
    throw bad("wrong number of dimensions", start).at("found", n_dims).expected("1 to 4");
  }
  constexpr std::uint64_t kMax = (std::uint64_t{1} << 63) - 1;
  tensor::Shape shape;
  std::uint64_t product = 1;
  for (std::uint32_t d = 0; d < n_dims; ++d) {
    const std::size_t offset = in.position();
    const auto ne = in.read<std::uint64_t>("dimension");
    if (ne == 0) {
      throw bad(fmt::format("dimension {} is 0", d), offset).at("found", 0).expected("at least 1");
    }
    if (ne > kMax / product) {
      throw bad("tensor has too many elements", offset)
          .at("found", fmt::format("{} * {}", product, ne))
          .expected("at most 2^63 - 1");
    }
    product *= ne;
    shape.ne[d] = ne;
  }
  return shape;
}

void read_type(base::Cursor& in, TensorInfo& info) {
  const std::size_t offset = in.position();
  const auto id = in.read<std::uint32_t>("tensor type");
  info.flat = quant::find_flat_format(id);
  info.codec = info.flat != nullptr ? info.flat->rows : quant::find_codec(id);
  if (info.codec == nullptr) {
    throw bad(fmt::format("tensor type id {} cannot be read: {}", id, quant::why_unknown(id)),
              offset)
        .at("found", id)
        .expected("an id listed by `quern types`");
  }
}

void read_rest_of_info(base::Cursor& in, TensorInfo& info) {
  const std::size_t dims_offset = in.position();
  info.shape = read_shape(in);
  read_type(in, info);
  try {
    info.size = info.flat != nullptr ? tensor::tensor_bytes(*info.flat, info.shape)
                                     : tensor::tensor_bytes(*info.codec, info.shape);
  } catch (base::Error& e) {
    e.at("shape", info.shape.to_string()).at("offset", dims_offset);
    throw;
  }
  info.offset = in.read<std::uint64_t>("tensor offset");
}

}  // namespace

std::vector<TensorInfo> read_tensor_infos(base::Cursor& in, std::size_t n, HeaderMemory& memory) {
  std::vector<TensorInfo> tensors;
  std::unordered_set<std::string_view> names;  // views into the file's bytes
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t offset = in.position();
    const std::string_view name = read_name(in, {"tensor name", "tensor", kMaxNameBytes}, i, n);
    try {
      if (!names.insert(name).second) throw bad("tensor name appears twice", offset);
      memory.take(sizeof(TensorInfo) + name.size(), offset);
      TensorInfo info;
      info.name = name;
      read_rest_of_info(in, info);
      tensors.push_back(std::move(info));
    } catch (base::Error& e) {
      e.at("tensor", base::printable(name));
      throw;
    }
  }
  return tensors;
}

namespace {

void check_place(const TensorInfo& t, const DataSection& data) {
  const auto fail = [&](std::string message) {
    std::size_t absolute = 0;
    if (__builtin_add_overflow(data.start, t.offset, &absolute)) absolute = ~std::size_t{0};
    return bad(std::move(message), absolute).at("tensor", base::printable(t.name));
  };
  if (t.offset % data.alignment != 0) {
    throw fail("tensor data is not aligned")
        .at("found", fmt::format("offset {} in the data section", t.offset))
        .expected(fmt::format("a multiple of {}", data.alignment));
  }
  const std::size_t room = data.file_size > data.start ? data.file_size - data.start : 0;
  if (t.offset > room || t.size > room - t.offset) {
    throw fail("tensor data lies outside the file")
        .at("found", fmt::format("{} bytes at {} of the data section", t.size, t.offset))
        .expected(fmt::format("at most {} bytes", room))
        .hint("the file is truncated: compare its size with the original");
  }
}

/// Indices in order of offset.
std::vector<std::size_t> by_offset(const std::vector<TensorInfo>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return tensors[a].offset < tensors[b].offset;
  });
  return order;
}

void check_layout(const std::vector<TensorInfo>& tensors, const DataSection& data,
                  base::Findings& findings) {
  const auto note = [&findings](std::string where, std::string text) {
    findings.push_back({base::Finding::Level::warning, std::move(where), std::move(text)});
  };
  const std::vector<std::size_t> order = by_offset(tensors);
  std::size_t end = 0;
  std::size_t n_gaps = 0;
  const TensorInfo* before = nullptr;
  const TensorInfo* first_gap = nullptr;
  for (const std::size_t i : order) {
    const TensorInfo& t = tensors[i];
    if (before != nullptr && t.offset < before->offset + before->size) {
      throw bad("tensors overlap", data.start + t.offset)
          .at("tensor", base::printable(t.name))
          .at("found", fmt::format("begins at {} in the data section", t.offset))
          .expected(fmt::format("at least {}, where {} ends", before->offset + before->size,
                                base::printable(before->name)));
    }
    if (t.offset != end && ++n_gaps == 1) first_gap = &t;
    before = &t;
    end = base::round_up(t.offset + t.size, data.alignment);
  }
  if (!std::is_sorted(order.begin(), order.end())) {
    note("tensor data", "does not lie in the order of the tensor list; llama.cpp refuses the file");
  }
  if (first_gap != nullptr) {
    note(base::printable(first_gap->name),
         fmt::format("gap in front of the data ({} gaps in the file); llama.cpp refuses the file",
                     n_gaps));
  }
  const std::size_t room = data.file_size > data.start ? data.file_size - data.start : 0;
  if (room > end) {
    note("tensor data", fmt::format("{} unused bytes behind the last tensor", room - end));
  }
}

}  // namespace

void place_tensors(std::vector<TensorInfo>& tensors, const DataSection& data,
                   base::Findings& findings) {
  for (const TensorInfo& t : tensors) check_place(t, data);
  check_layout(tensors, data, findings);
  for (TensorInfo& t : tensors) t.offset += data.start;
}

}  // namespace gguf
