#include "convert/vocabulary.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <set>

#include "base/printable.h"
#include "convert/json_file.h"
#include "convert/pre_name.h"
#include "convert/presence.h"
#include "convert/sentencepiece.h"
#include "convert/special_keys.h"
#include "convert/tiktoken.h"
#include "convert/tiktoken_pattern.h"
#include "convert/tokenizer_json.h"
#include "convert/wrong_text.h"
#include "tensor/buffer.h"
#include "text/tokenizer.h"

namespace convert {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// The vocabulary of one folder in the making.
class VocabularyReader {
 public:
  VocabularyReader(const ModelFolder& folder, std::size_t n_vocab, const std::string& pre)
      : folder_(folder), n_vocab_(n_vocab), pre_(pre) {}

  Vocabulary read() {
    try {
      read_files();
    } catch (base::Error& e) {
      if (!source_.empty()) e.at("file", source_.string());
      if (e.fault() == base::Fault::bad_file) {
        e.hint("the file is damaged or was changed; take it from where the model is published");
      }
      throw;
    }
    return std::move(out_);
  }

 private:
  void read_files() {
    const fs::path config = folder_.path() / "tokenizer_config.json";
    if (is_there(config)) tokenizer_config_ = read_json(config);
    read_tokenizer_json();
    const bool byte_bpe = json_ && json_->kind == TokenizerJson::Kind::byte_bpe;
    const fs::path pieces = folder_.path() / "tokenizer.model";
    if (!byte_bpe && is_there(pieces)) {
      source_ = pieces;
      from_sentencepiece(pieces);
    } else if (json_) {
      source_ = folder_.path() / "tokenizer.json";
      from_json();
    } else if (is_there(folder_.path() / "tiktoken.model")) {
      source_ = folder_.path() / "tiktoken.model";
      from_tiktoken(source_);
    } else {
      throw base::Error(base::Fault::io, "the folder has no vocabulary that can be read")
          .at("file", folder_.path().string())
          .at("expected", "tokenizer.json, tokenizer.model or tiktoken.model")
          .hint("fetch it from where the model is published");
    }
    note_idle_pre(out_.metadata.string("tokenizer.ggml.model") == "gpt2");
    set_special_keys(sources(), out_.metadata, out_.findings);
    set_chat_templates(sources(), out_.metadata, out_.findings);
    set_stop_keys(sources(), out_.metadata, out_.findings);
    check();
  }

  SpecialSources sources() const {
    return {.folder = folder_,
            .tokens = tokens_,
            .tokenizer_config = tokenizer_config_,
            .tokenizer = from_json_ ? &*json_ : nullptr};
  }

  void set(std::string_view key, gguf::Value value) {
    out_.metadata.set(fmt::format("tokenizer.ggml.{}", key), std::move(value));
  }

  /// With tokenizer.model beside it, a tokenizer.json that we cannot read is not needed.
  void read_tokenizer_json() {
    const fs::path file = folder_.path() / "tokenizer.json";
    if (!is_there(file)) return;
    const Json root = read_json(file, kListLimits);
    try {
      json_added_ = root.is_object() ? read_added_tokens(root) : std::vector<AddedToken>();
      json_ = parse_tokenizer_json(root);
    } catch (base::Error& e) {
      e.at("file", file.string());
      if (e.fault() != base::Fault::unsupported || !is_there(folder_.path() / "tokenizer.model")) {
        throw;
      }
      out_.findings.push_back(base::finding_of(e, base::Finding::Level::warning));
      out_.findings.back().text += "; tokenizer.json is passed over for tokenizer.model";
    }
  }

  /// added_tokens.json, tokenizer_config.json and tokenizer.json; later ones know more.
  void add_tokens() {
    const fs::path file = folder_.path() / "added_tokens.json";
    const Json simple = is_there(file) ? read_json(file) : Json::object();
    if (simple.is_object()) {
      for (const auto& [text, id] : simple.items()) {
        if (!id.is_number_integer()) continue;
        add({.id = id.get<std::int64_t>(), .content = text});
      }
    }
    const Json* decoder = member(tokenizer_config_, "added_tokens_decoder");
    if (decoder != nullptr && decoder->is_object()) {
      for (const auto& [id, token] : decoder->items()) add_decoder_token(id, token);
    }
    for (const AddedToken& token : json_added_) add(token);
    note_strips();
    note_whole_words();
  }

  void add(const AddedToken& token) {
    tokens_.add(token, out_.findings);
    if (token.strips) strips_.insert(token.content);
    if (token.whole) whole_words_.insert(token.content);
  }

  /// docs/spec/tokenizers.md 2.3.
  void note_strips() {
    if (strips_.empty()) return;
    out_.findings.push_back(
        {.where = base::printable(*strips_.begin()),
         .text = fmt::format("{} tokens take the white space beside them; programs do so only in "
                             "models whose general.name tells (phi-3, modern-bert)",
                             strips_.size())});
  }

  void note_whole_words() {
    if (whole_words_.empty()) return;
    out_.findings.push_back(
        {.where = base::printable(*whole_words_.begin()),
         .text = fmt::format("{} tokens are none inside a word (single_word), which GGUF cannot "
                             "say: programs take them there too",
                             whole_words_.size())});
  }

  void add_decoder_token(const std::string& id, const Json& token) {
    AddedToken added;
    const auto [end, code] = std::from_chars(id.data(), id.data() + id.size(), added.id);
    if (code != std::errc() || end != id.data() + id.size() || !token.is_object()) return;
    const Json* content = member(token, "content");
    if (content == nullptr || !content->is_string()) return;
    added.content = content->get<std::string>();
    added.special = flag(token, "special", false);
    added.strips = flag(token, "lstrip", false) || flag(token, "rstrip", false);
    added.whole = flag(token, "single_word", false);
    add(added);
  }

  void write_tokens(std::string_view model, const std::string& pre, bool scores) {
    add_tokens();
    tokens_.pad(n_vocab_);
    set("model", std::string(model));
    set("pre", pre);
    set("tokens", gguf::Array::of_strings(tokens_.texts()));
    if (scores) set("scores", gguf::Array::of_f32(tokens_.scores()));
    set("token_type", gguf::Array::of_i32(tokens_.types()));
  }

  void write_unigram(const std::string& charsmap, bool add_prefix, bool remove_extra) {
    if (!charsmap.empty()) {
      gguf::Array array{.type = gguf::ValueType::u8, .fixed = {}, .strings = {}};
      const auto bytes = std::as_bytes(std::span(charsmap));
      array.fixed.assign(bytes.begin(), bytes.end());
      set("precompiled_charsmap", std::move(array));
    }
    set("add_space_prefix", add_prefix);
    set("remove_extra_whitespaces", remove_extra);
  }

  void from_sentencepiece(const fs::path& file) {
    SentencePieceModel model;
    try {
      const tensor::Mapping mapping(file);
      const auto bytes = mapping.bytes();
      if (const auto pointer =
              lfs_pointer({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
        throw *pointer;
      }
      model = parse_sentencepiece(bytes);
    } catch (base::Error& e) {
      e.at("file", file.string());
      throw;
    }
    if (model.kind != SentencePieceModel::Kind::bpe &&
        model.kind != SentencePieceModel::Kind::unigram) {
      throw base::Error(base::Fault::unsupported, "a SentencePiece model of an unknown kind")
          .at("file", file.string())
          .expected("unigram or bpe");
    }
    for (std::size_t i = 0; i < model.pieces.size(); ++i) {
      SentencePieceModel::Piece& piece = model.pieces[i];
      tokens_.set(static_cast<std::int64_t>(i), std::move(piece.text), piece.score,
                  static_cast<TokenType>(piece.type));
    }
    const bool bpe = model.kind == SentencePieceModel::Kind::bpe;
    check_normalisation(file, model, bpe);
    write_tokens(bpe ? "llama" : "t5", "default", true);
    set_piece_ids(model);
    if (!bpe) {
      write_unigram(model.charsmap, model.add_dummy_prefix, model.remove_extra_whitespaces);
    } else if (!space_prefix(model.add_dummy_prefix)) {
      set("add_space_prefix", false);
    }
  }

  /// A GGUF vocabulary of kind "llama" puts U+2581 for spaces and does nothing else to a text.
  static void check_normalisation(const fs::path& file, const SentencePieceModel& model, bool bpe) {
    struct Row {
      bool done;
      std::string_view key, found, expected;
    };
    const Row rows[] = {
        {bpe && !model.charsmap.empty(), "normalizer_spec.precompiled_charsmap",
         "characters are replaced by others", "none (the rule \"identity\")"},
        {bpe && model.remove_extra_whitespaces, "normalizer_spec.remove_extra_whitespaces", "true",
         "false"},
        {!model.escape_whitespaces, "normalizer_spec.escape_whitespaces", "false", "true"},
        {model.whitespace_as_suffix, "trainer_spec.treat_whitespace_as_suffix", "true", "false"},
    };
    for (const Row& row : rows) {
      if (!row.done) continue;
      throw base::Error(base::Fault::unsupported, "the tokenizer does what GGUF cannot say")
          .at("file", file.string())
          .at("key", row.key)
          .at("found", row.found)
          .at("expected", row.expected)
          .hint("its ids would be wrong for usual text");
    }
  }

  std::optional<bool> config_flag(const char* key) const {
    const Json* value = member(tokenizer_config_, key);
    if (value == nullptr || !value->is_boolean()) return std::nullopt;
    return value->get<bool>();
  }

  /// tokenizer_config.json may say otherwise than the model.
  bool space_prefix(bool model_says) const {
    return config_flag("add_prefix_space").value_or(model_says);
  }

  /// Ids that no other file may tell; set_special_keys writes over them.
  void set_piece_ids(const SentencePieceModel& model) {
    const auto put = [&](std::string_view key, std::int32_t id) {
      if (id >= 0 && static_cast<std::size_t>(id) < model.pieces.size()) {
        set(key, static_cast<std::uint32_t>(id));
      }
    };
    put("bos_token_id", model.bos_id);
    put("eos_token_id", model.eos_id);
    put("unknown_token_id", model.unk_id);
  }

  void note_idle_pre(bool has_ways) {
    if (has_ways || pre_.empty()) return;
    out_.findings.push_back({.where = "tokenizer.ggml.pre",
                             .text = fmt::format("{} is not written: this kind of vocabulary knows "
                                                 "no ways of cutting text into words",
                                                 base::printable(pre_))});
  }

  void require_way_of_cutting() const {
    if (!pre_.empty() || !json_->pre_tokenizer.is_null()) return;
    throw base::Error(base::Fault::unsupported,
                      "tokenizer.json does not tell how text is cut into words")
        .at("file", (folder_.path() / "tokenizer.json").string())
        .at("key", "pre_tokenizer")
        .at("found", "null")
        .hint("--pre NAME names a way of cutting; ids of some texts may differ");
  }

  void note_dead_merges() {
    if (json_->n_dead_merges == 0) return;
    out_.findings.push_back(
        {.where = fmt::format("{} model.merges", (folder_.path() / "tokenizer.json").string()),
         .text = fmt::format("{} merges never happen, the first \"{}\": a part or the whole is no "
                             "token",
                             json_->n_dead_merges, base::printable(json_->dead_merge))});
  }

  void from_json() {
    from_json_ = true;
    note_dead_merges();
    tokens_ = json_->tokens;
    for (base::Finding& f : json_->findings) out_.findings.push_back(std::move(f));
    switch (json_->kind) {
      case TokenizerJson::Kind::byte_bpe: {
        require_way_of_cutting();
        const std::string pre =
            pre_.empty()
                ? find_pre_name(*json_, config_flag("clean_up_tokenization_spaces"), out_.findings)
                : pre_;
        write_tokens("gpt2", pre, false);
        set("merges", gguf::Array::of_strings(json_->merges));
        break;
      }
      case TokenizerJson::Kind::spm:
        write_tokens("llama", "default", true);
        if (!json_->add_prefix_space) set("add_space_prefix", false);
        break;
      case TokenizerJson::Kind::unigram:
        write_tokens("t5", "default", true);
        write_unigram(json_->charsmap, json_->add_prefix_space, json_->remove_extra_spaces);
        break;
    }
  }

  /// Its expression stands in a Python file beside it.
  void from_tiktoken(const fs::path& file) {
    try {
      json_ = parse_tiktoken(read_text(file));
      json_added_ = json_->added;
    } catch (base::Error& e) {
      e.at("file", file.string());
      throw;
    }
    if (pre_.empty()) {
      auto pre_tokenizer = tiktoken_pre_tokenizer(folder_.path());
      if (!pre_tokenizer) {
        throw base::Error(base::Fault::unsupported,
                          "a tiktoken vocabulary does not tell how it cuts text into words")
            .at("file", file.string())
            .expected("a tokenization*.py beside it that sets pat_str")
            .hint(
                "take that file from where the model is published, or name the way of cutting: "
                "for Kimi K2 --pre kimi-k2");
      }
      json_->pre_tokenizer = std::move(*pre_tokenizer);
    }
    from_json();
  }

  /// The file's own tokenizer must take any text there and back.
  void check() {
    const auto tokenizer = text::make_tokenizer(out_.metadata);
    for (const base::Finding& f : tokenizer->findings()) out_.findings.push_back(f);
    std::string back;
    try {
      for (const text::TokenId id : tokenizer->encode(probe_text(), {.add_special = false})) {
        back += tokenizer->piece(id, true);
      }
    } catch (const base::Error& e) {
      out_.findings.push_back({.where = "tokenizer", .text = e.what()});
      return;
    }
    if (back.starts_with(' ')) back.erase(0, 1);
    if (back == probe_text()) return;
    out_.findings.push_back({.where = "tokenizer",
                             .text = "a probe text does not come back whole from its tokens; the "
                                     "vocabulary lacks bytes or normalises"});
  }

  const ModelFolder& folder_;
  std::size_t n_vocab_;
  const std::string& pre_;
  fs::path source_;  ///< the file that the vocabulary comes from
  Json tokenizer_config_ = Json::object();
  std::optional<TokenizerJson> json_;
  std::vector<AddedToken> json_added_;  ///< also of a tokenizer.json that is not read else
  std::set<std::string> strips_, whole_words_;
  bool from_json_ = false;
  TokenList tokens_;
  Vocabulary out_;
};

}  // namespace

Vocabulary read_vocabulary(const ModelFolder& folder, std::size_t n_vocab, const std::string& pre) {
  return VocabularyReader(folder, n_vocab, pre).read();
}

}  // namespace convert
