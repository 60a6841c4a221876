// The common front and back of every kind: special tokens, BOS and EOS, pieces, whole texts.
// Source: docs/spec/tokenizers.md 1.3, 2, 8.
#include "text/tokenizer.h"

#include <fmt/format.h>

#include <charconv>

#include "text/clean_spaces.h"
#include "text/kinds/kind.h"
#include "text/special_split.h"
#include "text/vocab.h"

namespace text {
namespace {

/// The byte of "<0xHH>"; any other text stands for itself.
std::string byte_piece(std::string_view text) {
  unsigned byte = 0;
  if (text.size() == 6 && text.starts_with("<0x") && text.back() == '>') {
    const auto [stop, code] = std::from_chars(text.data() + 3, text.data() + 5, byte, 16);
    if (code == std::errc() && stop == text.data() + 5) return {static_cast<char>(byte)};
  }
  return std::string(text);
}

class VocabTokenizer final : public Tokenizer {
 public:
  VocabTokenizer(const gguf::Metadata& metadata, const Kind& kind)
      : vocab_(Vocab::load(metadata)), behaviour_(kind.defaults(metadata, findings_)) {
    read_behaviour(metadata, vocab_, behaviour_, findings_);
    engine_ = kind.make(metadata, vocab_, behaviour_);
    ends_ = detect_special_tokens(vocab_, behaviour_.ids);
    splitter_ = std::make_unique<SpecialSplitter>(vocab_);
    mark_stripping(metadata, splitter_->list(), vocab_);
  }

  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<TokenId> out;
    out.reserve(text.size() / 3 + 2);
    const bool adds = options.add_special && !behaviour_.never_adds;
    const bool always = behaviour_.always_bos_and_sep;
    if (adds && (always || behaviour_.add_bos)) add(Role::bos, "BOS", out);
    for (const Fragment& fragment : splitter_->split(text, options.parse_special)) {
      if (fragment.token != kNone) {
        out.push_back(fragment.token);
      } else {
        engine_->encode(fragment.text, out);
      }
    }
    if (adds && always) add(Role::separator, "SEP", out);
    if (adds && !always && behaviour_.add_eos) add(Role::eos, "EOS", out);
    return out;
  }

  std::string piece(TokenId id, bool special) const override {
    check(id);
    if (!special && vocab_.has(id, kControl | kUnknown)) return "";
    if (vocab_.has(id, kControl | kUnknown | kUserDefined)) return std::string(vocab_.text(id));
    if (vocab_.has(id, kNormal)) return engine_->normal_piece(vocab_.text(id));
    if (vocab_.has(id, kByte)) return byte_piece(vocab_.text(id));
    return "";
  }

  std::string decode(std::span<const TokenId> ids, const DecodeOptions& options) const override {
    bool drop_space = behaviour_.add_space_prefix;
    if (options.remove_special && behaviour_.add_bos && !ids.empty() && ids.front() == bos()) {
      ids = ids.subspan(1);
      drop_space = false;  // as the public programs: the first word keeps its space
    }
    if (options.remove_special && behaviour_.add_eos && !ids.empty() && ids.back() == eos()) {
      ids = ids.first(ids.size() - 1);
    }
    std::string out;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::string text = piece(ids[i], options.special);
      const bool cut = i == 0 && drop_space && text.starts_with(' ');
      out.append(text, cut ? 1 : 0);
    }
    return behaviour_.clean_spaces ? clean_spaces(out) : out;
  }

  std::size_t size() const noexcept override { return vocab_.size(); }
  bool add_bos() const noexcept override { return behaviour_.add_bos; }
  bool add_eos() const noexcept override { return behaviour_.add_eos; }
  TokenId bos() const noexcept override { return behaviour_.ids[Role::bos]; }
  TokenId eos() const noexcept override { return behaviour_.ids[Role::eos]; }
  TokenId end_of_turn() const noexcept override { return behaviour_.ids[Role::end_of_turn]; }
  bool is_end_of_generation(TokenId id) const noexcept override {
    return vocab_.contains(id) && ends_[static_cast<std::size_t>(id)];
  }
  bool is_control(TokenId id) const noexcept override {
    return vocab_.contains(id) && vocab_.has(id, kControl);
  }
  TokenId find(std::string_view text) const noexcept override { return vocab_.find(text); }
  std::string_view stored_text(TokenId id) const override {
    check(id);
    return vocab_.text(id);
  }
  const base::Findings& findings() const noexcept override { return findings_; }

 private:
  void check(TokenId id) const {
    if (vocab_.contains(id)) return;
    throw base::Error(base::Fault::bad_input, "token id outside the vocabulary")
        .at("found", id)
        .expected(fmt::format("0 to {}", vocab_.size() - 1));
  }

  void add(Role role, std::string_view name, std::vector<TokenId>& out) const {
    const TokenId id = behaviour_.ids[role];
    if (id == kNone) {
      throw base::Error(base::Fault::bad_file,
                        fmt::format("the vocabulary asks for {} but names no such token", name))
          .hint("set the id in the file's metadata, or do not add special tokens");
    }
    out.push_back(id);
  }

  base::Findings findings_;
  Vocab vocab_;
  Behaviour behaviour_;
  std::unique_ptr<Engine> engine_;
  std::vector<bool> ends_;
  std::unique_ptr<SpecialSplitter> splitter_;
};

std::string known_models() {
  std::string out;
  for (const Kind* kind : all_kinds())
    out += fmt::format("{}{}", out.empty() ? "" : ", ", kind->model);
  return out;
}

}  // namespace

std::unique_ptr<Tokenizer> make_tokenizer(const gguf::Metadata& metadata) {
  constexpr std::string_view kModel = "tokenizer.ggml.model";
  const std::optional<std::string_view> model = metadata.string(kModel);
  if (!model) {
    throw base::Error(base::Fault::bad_file, "the file does not name its kind of tokenizer")
        .at("key", kModel)
        .hint("the file carries no vocabulary; use one that does");
  }
  for (const Kind* kind : all_kinds()) {
    if (kind->model == *model) return std::make_unique<VocabTokenizer>(metadata, *kind);
  }
  throw base::Error(base::Fault::unsupported, "this kind of tokenizer is not built in")
      .at("key", kModel)
      .at("found", *model)
      .expected("one of " + known_models());
}

}  // namespace text
