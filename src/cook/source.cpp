#include "cook/source.h"

#include "base/error.h"
#include "cook/readable_file.h"
#include "gguf/rows.h"

namespace cook {
namespace {

class GgufSource final : public TensorSource {
 public:
  /// `spec` may be null.
  GgufSource(gguf::FileSet files, const model::ModelSpec* spec, base::Findings findings)
      : files_(std::move(files)), findings_(std::move(findings)) {
    for (const gguf::File& shard : files_.shards()) add_readable(shard);
    for (const gguf::TensorInfo& t : files_.tensors()) {
      tensors_.emplace_back(t.name, recipe::find_type(t.codec->id), t.shape, t.shard, spec);
    }
  }

  const gguf::Metadata& metadata() const noexcept override { return files_.metadata(); }
  const std::vector<recipe::InputTensor>& tensors() const noexcept override { return tensors_; }
  std::size_t n_shards() const noexcept override { return readable_.size(); }
  const base::Findings& findings() const noexcept override { return findings_; }
  std::vector<std::filesystem::path> paths() const override {
    std::vector<std::filesystem::path> out;
    for (const gguf::File& shard : files_.shards()) out.push_back(shard.path());
    return out;
  }

  bool without_rows(std::size_t tensor) const noexcept override {
    return files_.tensors()[tensor].flat != nullptr;
  }
  void read(std::size_t tensor, std::size_t offset, std::span<std::byte> out) const override {
    const gguf::TensorInfo& info = files_.tensors()[tensor];
    try {
      if (info.flat != nullptr) return read_from_rows(info, offset, out);
      readable_[info.shard].read(info.offset + offset, out);
    } catch (base::Error& e) {
      e.at("tensor", info.name);
      throw;
    }
  }
  void will_need(std::size_t tensor, std::size_t offset, std::size_t size) const noexcept override {
    const gguf::TensorInfo& info = files_.tensors()[tensor];
    if (info.flat != nullptr) return;  // as rows it is larger than in the file
    readable_[info.shard].will_need(info.offset + offset, size);
  }
  void locate(std::size_t tensor, base::Error& e) const override {
    e.at("file", files_.shards()[files_.tensors()[tensor].shard].path().string())
        .hint("the file is damaged; --allow-broken copies such blocks");
  }
  void require_unchanged() const override {
    for (const ReadableFile& file : readable_) file.require_unchanged();
  }

 private:
  /// The header was read before: it must be of the same file.
  void add_readable(const gguf::File& shard) {
    readable_.emplace_back(shard.path());
    if (readable_.back().size() == shard.bytes().size()) return;
    throw base::Error(base::Fault::bad_input, "the file has changed while it was opened")
        .at("file", shard.path().string())
        .hint("another program writes it; begin again when that has ended");
  }

  /// Any bytes of the rows that stand for a tensor without rows.
  void read_from_rows(const gguf::TensorInfo& info, std::size_t offset,
                      std::span<std::byte> out) const {
    const std::size_t row = info.codec->row_bytes(info.shape.cols());
    const std::size_t first = offset / row, skip = offset % row;
    std::vector<std::byte> whole((skip + out.size() + row - 1) / row * row);
    gguf::read_rows(info, first, whole, [&](std::size_t at, std::span<std::byte> piece) {
      readable_[info.shard].read(info.offset + at, piece);
    });
    std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(skip), out.size(), out.begin());
  }

  gguf::FileSet files_;
  base::Findings findings_;
  std::vector<ReadableFile> readable_;  // one a shard
  std::vector<recipe::InputTensor> tensors_;
};

gguf::Metadata with_overrides(gguf::Metadata metadata, const std::vector<Override>& overrides) {
  for (const Override& o : overrides) apply_override(metadata, o);
  return metadata;
}

void refuse_empty(const gguf::FileSet& files) {
  if (!files.tensors().empty()) return;
  throw base::Error(base::Fault::bad_file, "the file holds no tensors")
      .hint("a vocabulary only, or a conversion that broke off");
}

/// Rows of a table that is looked up must lie one after the other.
void note_woven_lookup(const gguf::FileSet& files, const model::ModelSpec& spec,
                       base::Findings& findings) {
  const model::TensorRow* row = spec.find(model::Role::token_embd, -1);
  const gguf::TensorInfo* info = row == nullptr ? nullptr : files.find(row->name);
  if (info == nullptr || info->codec->group_rows == 1) return;
  findings.push_back(
      {.where = info->name,
       .text = "is " + std::string(info->codec->name) + ": interleaved rows cannot be looked up"});
}

/// What the architecture says; null if it is unknown. Adds to `findings`.
std::optional<model::ModelSpec> described(gguf::FileSet& files, const ModelCheck& check,
                                          base::Findings& findings) {
  const gguf::Metadata original = files.metadata();
  std::optional<model::ModelSpec> spec;
  try {
    refuse_empty(files);
    files.set_metadata(with_overrides(original, check.overrides));
    spec = model::describe(files);
    for (base::Finding& f : model::validate(*spec, files)) findings.push_back(std::move(f));
    note_woven_lookup(files, *spec, findings);
  } catch (base::Error& e) {
    if (e.fault() == base::Fault::unsupported) {
      findings.push_back(finding_of(e, base::Finding::Level::warning));
      findings.back().text += "; shapes and keys are not checked";
    } else if (e.fault() == base::Fault::bad_file && check.allow_broken) {
      findings.push_back(finding_of(e, base::Finding::Level::warning));
    } else {
      e.at("file", files.shards().front().path().string());
      if (e.fault() == base::Fault::bad_file) e.hint("--allow-broken goes on nevertheless");
      throw;
    }
  }
  files.set_metadata(original);
  return spec;
}

}  // namespace

const base::Findings& TensorSource::findings() const noexcept {
  static const base::Findings none;
  return none;
}

std::unique_ptr<TensorSource> open_gguf_source(const std::filesystem::path& path) {
  return std::make_unique<GgufSource>(gguf::FileSet::open(path), nullptr, base::Findings());
}

std::unique_ptr<TensorSource> open_gguf_model(const std::filesystem::path& path,
                                              const ModelCheck& check) {
  gguf::FileSet files = gguf::FileSet::open(path);
  base::Findings findings = files.findings();
  const std::optional<model::ModelSpec> spec = described(files, check, findings);
  return std::make_unique<GgufSource>(std::move(files), spec ? &*spec : nullptr,
                                      std::move(findings));
}

}  // namespace cook
