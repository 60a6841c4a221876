#include "gguf/writer.h"

#include <fmt/format.h>

#include <cassert>

#include "base/error.h"
#include "gguf/copy_range.h"
#include "gguf/header.h"

namespace gguf {

std::size_t file_size(const Metadata& metadata, const std::vector<TensorPlan>& tensors) {
  return plan_layout(metadata, tensors).file_size;
}

Writer::Writer(const std::filesystem::path& path, const Metadata& metadata,
               const std::vector<TensorPlan>& tensors)
    : file_(path), written_(tensors.size()) {
  try {
    const Layout layout = plan_layout(metadata, tensors);
    size_ = layout.file_size;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      places_.push_back({tensors[i].name, layout.offsets[i], layout.sizes[i]});
    }
    file_.reserve(size_);
    file_.write(0, layout.header);
  } catch (base::Error& e) {
    e.at("file", path.string());
    throw;
  }
}

void Writer::write(std::size_t index, std::size_t offset, std::span<const std::byte> bytes) {
  const Place& place = places_[index];
  assert(offset <= place.size && bytes.size() <= place.size - offset);
  try {
    file_.write(place.offset + offset, bytes);
  } catch (base::Error& e) {
    e.at("tensor", place.name);
    throw;
  }
  written_[index].fetch_add(bytes.size(), std::memory_order_relaxed);
}

void Writer::copy(std::size_t index, const std::filesystem::path& source, std::size_t source_offset,
                  const base::StopFlag& stop) {
  const Place& place = places_[index];
  try {
    copy_range({source, source_offset}, {file_.temporary_path(), place.offset}, place.size, stop);
  } catch (base::Error& e) {
    e.at("tensor", place.name);
    throw;
  }
  written_[index].fetch_add(place.size, std::memory_order_relaxed);
}

void Writer::finish() { whole().commit(); }

base::OutputFile& Writer::whole() {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const std::size_t written = written_[i].load();
    if (written == places_[i].size) continue;
    throw base::Error(base::Fault::bad_input, "tensor was not written whole")
        .at("file", file_.path().string())
        .at("tensor", places_[i].name)
        .at("found", fmt::format("{} bytes", written))
        .expected(fmt::format("{} bytes", places_[i].size));
  }
  return file_;
}

}  // namespace gguf
