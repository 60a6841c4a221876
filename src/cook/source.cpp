#include "cook/source.h"

#include "base/error.h"
#include "cook/readable_file.h"

namespace cook {
namespace {

class GgufSource final : public TensorSource {
 public:
  explicit GgufSource(const std::filesystem::path& path) : files_(gguf::FileSet::open(path)) {
    for (const gguf::File& shard : files_.shards()) readable_.emplace_back(shard.path());
    for (const gguf::TensorInfo& t : files_.tensors()) {
      tensors_.emplace_back(t.name, recipe::find_type(t.codec->id), t.shape, t.shard);
    }
  }

  const gguf::Metadata& metadata() const noexcept override { return files_.metadata(); }
  const std::vector<recipe::InputTensor>& tensors() const noexcept override { return tensors_; }
  std::size_t n_shards() const noexcept override { return readable_.size(); }
  std::vector<std::filesystem::path> paths() const override {
    std::vector<std::filesystem::path> out;
    for (const gguf::File& shard : files_.shards()) out.push_back(shard.path());
    return out;
  }

  void read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const override {
    const gguf::TensorInfo& info = files_.tensors()[tensor];
    try {
      readable_[info.shard].read(info.offset + offset, out);
    } catch (base::Error& e) {
      e.at("tensor", info.name);
      throw;
    }
  }
  void will_need(std::size_t tensor, std::size_t offset, std::size_t size) const noexcept override {
    const gguf::TensorInfo& info = files_.tensors()[tensor];
    readable_[info.shard].will_need(info.offset + offset, size);
  }

 private:
  gguf::FileSet files_;
  std::vector<ReadableFile> readable_;  // one a shard
  std::vector<recipe::InputTensor> tensors_;
};

}  // namespace

std::unique_ptr<TensorSource> open_gguf_source(const std::filesystem::path& path) {
  return std::make_unique<GgufSource>(path);
}

}  // namespace cook
