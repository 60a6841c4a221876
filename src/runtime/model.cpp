#include "runtime/model.h"

#include "runtime/layer.h"

namespace runtime {

Model Model::open(const std::filesystem::path& path, model::Rules rules) {
  Model m;
  m.files_ = gguf::FileSet::open(path);
  try {
    m.spec_ = model::describe(m.files_);
    m.findings_ = m.files_.findings();
    base::Findings more = model::validate(m.spec_, m.files_);
    m.findings_.insert(m.findings_.end(), more.begin(), more.end());
    check_runnable(m.spec_, m.files_);
    model::follow(m.spec_, rules);
    m.rules_ = rules;
  } catch (base::Error& e) {
    e.at("file", path.string());
    throw;
  }
  return m;
}

const text::Tokenizer& Model::tokenizer() const {
  std::call_once(tokenizer_->once,
                 [this] { tokenizer_->built = text::make_tokenizer(files_.metadata()); });
  return *tokenizer_->built;
}

}  // namespace runtime
