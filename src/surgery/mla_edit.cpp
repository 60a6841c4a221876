#include "surgery/mla_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/half.h"
#include "surgery/mla.h"

namespace surgery {
namespace {

using model::Role;

/// A tensor whose bytes lie in a file.
tensor::TensorView view_of(const DraftTensor& t) {
  if (t.flat() != nullptr) {
    throw base::Error(base::Fault::unsupported, "the tensor has no rows to take apart")
        .at("tensor", t.name)
        .at("type", t.flat()->name)
        .hint("`quern quantize` gives a file whose tensors have rows");
  }
  tensor::TensorView view = t.from->view(*t.info);
  view.shape = t.shape;
  return view;
}

/// Encodes whole rows, decodes them again and adds what was lost.
void encode_rows(const quant::Codec& codec, std::span<const float> x, std::size_t cols,
                 std::span<std::byte> out, ValueError& error) {
  const std::size_t rows = x.size() / cols;
  codec.encode({.x = x, .rows = rows, .cols = cols, .importance = {}}, out);
  const tensor::TensorView view{&codec, {{cols, rows, 1, 1}}, out};
  std::vector<float> y(x.size());
  tensor::decode_rows(view, 0, rows, y);
  error.add(x, y);
}

/// Head by head, over the threads of a team.
class ByHead : public MadeMla {
 public:
  ByHead(std::string name, const quant::Codec& codec, const MlaSizes& sizes,
         const tensor::Shape& shape)
      : MadeMla(std::move(name), codec), sizes_(sizes), shape_(shape) {}

  std::vector<std::byte> make(runtime::Team& team) final {
    std::vector<std::byte> out(tensor::tensor_bytes(*codec_, shape_));
    const std::size_t head_bytes = out.size() / sizes_.heads;
    std::vector<ValueError> errors(sizes_.heads);
    try {
      team.run(sizes_.heads, [&](std::size_t head, std::size_t) {
        make_head(head, std::span(out).subspan(head * head_bytes, head_bytes), errors[head]);
      });
    } catch (base::Error& e) {
      e.at("tensor", name_);
      throw;
    }
    for (const ValueError& e : errors) error_ += e;
    return out;
  }

 protected:
  virtual void make_head(std::size_t head, std::span<std::byte> out, ValueError& error) const = 0;
  const MlaSizes sizes_;

 private:
  const tensor::Shape shape_;
};

/// attn_k_b from attn_kv_b: [L, P] a head.
class KeysFromWhole final : public ByHead {
 public:
  KeysFromWhole(std::string name, const quant::Codec& codec, const MlaSizes& sizes,
                const tensor::TensorView& kv_b)
      : ByHead(std::move(name), codec, sizes, sizes.k_b()), kv_b_(kv_b) {}

 private:
  void make_head(std::size_t head, std::span<std::byte> out, ValueError& error) const override {
    const std::vector<float> keys = keys_of_kv_b(kv_b_, sizes_, head);
    encode_rows(*codec_, transposed(keys, sizes_.nope, sizes_.rank), sizes_.nope, out, error);
  }
  tensor::TensorView kv_b_;
};

/// attn_v_b from attn_kv_b: rows taken over.
class ValuesFromWhole final : public ByHead {
 public:
  ValuesFromWhole(std::string name, const MlaSizes& sizes, const tensor::TensorView& kv_b)
      : ByHead(std::move(name), *kv_b.codec, sizes, sizes.v_b()), kv_b_(kv_b) {}

 private:
  void make_head(std::size_t head, std::span<std::byte> out, ValueError&) const override {
    const std::size_t first = head * (sizes_.nope + sizes_.value) + sizes_.nope;
    const auto rows = kv_b_.rows(first, sizes_.value);
    std::copy(rows.begin(), rows.end(), out.begin());
  }
  tensor::TensorView kv_b_;
};

/// attn_kv_b from attn_k_b and attn_v_b: K rows encoded, V rows taken over if they have the type.
class WholeFromParts final : public ByHead {
 public:
  WholeFromParts(std::string name, const quant::Codec& codec, const MlaSizes& sizes,
                 const tensor::TensorView& k_b, const tensor::TensorView& v_b)
      : ByHead(std::move(name), codec, sizes, sizes.kv_b()), k_b_(k_b), v_b_(v_b) {}

 private:
  void make_head(std::size_t head, std::span<std::byte> out, ValueError& error) const override {
    const std::size_t key_bytes = sizes_.nope * codec_->row_bytes(sizes_.rank);
    encode_rows(*codec_, keys_of_k_b(k_b_, sizes_, head), sizes_.rank, out.first(key_bytes), error);
    const std::span<std::byte> values = out.subspan(key_bytes);
    if (v_b_.codec == codec_) {
      const auto rows = v_b_.rows(head * sizes_.value, sizes_.value);
      std::copy(rows.begin(), rows.end(), values.begin());
    } else {
      encode_rows(*codec_, values_of_v_b(v_b_, sizes_, head), sizes_.rank, values, error);
    }
  }
  tensor::TensorView k_b_, v_b_;
};

/// The plain types, narrowest first, as far as they are needed for the values seen.
class NarrowestPlain {
 public:
  void see(const std::vector<float>& values) {
    for (const float v : values) {
      const auto held = [&](float again) {
        return again == v || (std::isnan(v) && std::isnan(again));
      };
      f16_ = f16_ && held(base::f16_to_f32(base::f32_to_f16(v)));
      bf16_ = bf16_ && held(base::bf16_to_f32(base::f32_to_bf16(v)));
    }
  }
  const quant::Codec& codec() const {
    return *quant::find_codec(f16_ ? "f16" : bf16_ ? "bf16" : "f32");
  }

 private:
  bool f16_ = true, bf16_ = true;
};

class MlaConverter {
 public:
  MlaConverter(Draft& draft, MlaForm form, const quant::Codec* type)
      : draft_(draft), form_(form), type_(type) {}

  std::vector<std::shared_ptr<const MadeMla>> run() {
    const model::ModelSpec spec = model::describe(draft_.planned());
    if (spec.layers.empty() || !spec.layers.front().mla) {
      throw base::Error(base::Fault::bad_input, "the model has no latent attention (MLA)")
          .at("key", "general.architecture")
          .at("found", spec.architecture);
    }
    sizes_ = mla_sizes(spec);
    for (const int layer : mla_layer_numbers(spec)) convert_layer(layer);
    set_keys(spec);
    return std::move(made_);
  }

 private:
  static std::string name(Role role, int layer) { return model::tensor_name(role, layer); }
  DraftTensor* find(Role role, int layer) { return draft_.find(name(role, layer)); }

  /// The tensor with its bytes; what is made already in this run cannot be a source.
  tensor::TensorView source(Role role, int layer) {
    const DraftTensor* t = find(role, layer);
    if (t == nullptr) {
      throw base::Error(base::Fault::bad_input, "a layer lacks what is needed")
          .at("tensor", name(role, layer))
          .expected("attn_kv_b, or attn_k_b and attn_v_b");
    }
    return view_of(*t);
  }

  void convert_layer(int layer) {
    const bool any = find(Role::attn_kv_b, layer) != nullptr ||
                     find(Role::attn_k_b, layer) != nullptr ||
                     find(Role::attn_v_b, layer) != nullptr;
    if (!any) return;  // a layer of next-token prediction that was left out
    if (form_ == MlaForm::split) {
      make_parts(layer);
      shape_parts(layer, sizes_.k_b(), sizes_.v_b());
      if (find(Role::attn_kv_b, layer) != nullptr) draft_.remove(name(Role::attn_kv_b, layer));
      return;
    }
    if (find(Role::attn_kv_b, layer) == nullptr) make_whole(layer);
    if (form_ == MlaForm::both) {
      make_parts(layer);
      shape_parts(layer, sizes_.k_b_2d(), sizes_.v_b_2d());
      return;
    }
    for (const Role role : {Role::attn_k_b, Role::attn_v_b}) {
      if (find(role, layer) != nullptr) draft_.remove(name(role, layer));
    }
  }

  DraftTensor draft_of(std::shared_ptr<MadeMla> made, const tensor::Shape& shape) {
    made_.push_back(made);
    DraftTensor out{.name = made->name(), .codec = &made->codec(), .shape = shape};
    out.made = std::move(made);
    return out;
  }

  void make_parts(int layer) {
    if (find(Role::attn_k_b, layer) == nullptr) {
      const tensor::TensorView kv_b = source(Role::attn_kv_b, layer);
      const quant::Codec& codec =
          type_ == nullptr ? exact_keys(kv_b) : asked(sizes_.nope, sizes_.rank);
      auto made = std::make_shared<KeysFromWhole>(name(Role::attn_k_b, layer), codec, sizes_, kv_b);
      draft_.insert_after(name(Role::attn_kv_b, layer), draft_of(std::move(made), sizes_.k_b()));
    }
    if (find(Role::attn_v_b, layer) == nullptr) {
      const tensor::TensorView kv_b = source(Role::attn_kv_b, layer);
      check_groups(kv_b, layer);
      auto made = std::make_shared<ValuesFromWhole>(name(Role::attn_v_b, layer), sizes_, kv_b);
      draft_.insert_after(name(Role::attn_k_b, layer), draft_of(std::move(made), sizes_.v_b()));
    }
  }

  void make_whole(int layer) {
    const tensor::TensorView k_b = source(Role::attn_k_b, layer);
    const tensor::TensorView v_b = source(Role::attn_v_b, layer);
    const quant::Codec& codec =
        type_ == nullptr ? exact_whole(k_b, v_b) : asked(sizes_.rank, sizes_.nope);
    auto made =
        std::make_shared<WholeFromParts>(name(Role::attn_kv_b, layer), codec, sizes_, k_b, v_b);
    draft_.insert_before(name(Role::attn_k_b, layer), draft_of(std::move(made), sizes_.kv_b()));
  }

  const quant::Codec& exact_keys(const tensor::TensorView& kv_b) const {
    if (kv_b.codec->is_float()) return *kv_b.codec;
    NarrowestPlain plain;
    for (std::size_t head = 0; head < sizes_.heads; ++head) {
      plain.see(keys_of_kv_b(kv_b, sizes_, head));
    }
    return plain.codec();
  }

  const quant::Codec& exact_whole(const tensor::TensorView& k_b,
                                  const tensor::TensorView& v_b) const {
    if (k_b.codec == v_b.codec && k_b.codec->is_float()) return *k_b.codec;
    NarrowestPlain plain;
    for (std::size_t head = 0; head < sizes_.heads; ++head) {
      plain.see(keys_of_k_b(k_b, sizes_, head));
      plain.see(values_of_v_b(v_b, sizes_, head));
    }
    return plain.codec();
  }

  void shape_parts(int layer, const tensor::Shape& k_b, const tensor::Shape& v_b) {
    find(Role::attn_k_b, layer)->shape = k_b;
    find(Role::attn_v_b, layer)->shape = v_b;
  }

  /// The type asked for, if it can hold rows of `cols`, `rows` a head.
  const quant::Codec& asked(std::size_t cols, std::size_t rows) const {
    if (type_->encode == nullptr || cols % type_->block_elems != 0 ||
        rows % type_->group_rows != 0) {
      throw base::Error(base::Fault::unsupported, "the type cannot hold these rows")
          .at("type", type_->name)
          .at("found", fmt::format("{} rows of {}", rows, cols))
          .expected(fmt::format("rows in multiples of {}, row groups of {}", type_->block_elems,
                                type_->group_rows));
    }
    return *type_;
  }

  void check_groups(const tensor::TensorView& kv_b, int layer) const {
    const std::size_t group = kv_b.codec->group_rows;
    if (sizes_.nope % group == 0 && sizes_.value % group == 0) return;
    throw base::Error(base::Fault::unsupported, "rows of two heads are woven together")
        .at("tensor", name(Role::attn_kv_b, layer))
        .at("type", kv_b.codec->name)
        .hint("`quern quantize --unpack` gives a file with plain rows");
  }

  /// docs/spec/models.md 3.1, the table of flavours.
  void set_keys(const model::ModelSpec& spec) {
    gguf::Metadata& m = draft_.metadata();
    const auto key = [&](std::string_view rest) {
      return fmt::format("{}.attention.{}", spec.architecture, rest);
    };
    const auto set = [&](std::string_view rest, std::size_t value) {
      m.set(key(rest), static_cast<std::uint32_t>(value));
    };
    const std::size_t n_rot = spec.layers.front().mla->rope.n_rot;
    const bool split = form_ == MlaForm::split;
    set("head_count_kv", split ? 1 : sizes_.heads);
    set("key_length", n_rot + (split ? sizes_.rank : sizes_.nope));
    set("value_length", split ? sizes_.rank : sizes_.value);
    if (!split) {
      m.erase(key("key_length_mla"));
      m.erase(key("value_length_mla"));
      return;
    }
    // Where the converters write them, so that there and back is byte-identical.
    set_behind(m, {key("key_length"), key("value_length")}, key("key_length_mla"),
               n_rot + sizes_.nope);
    set_behind(m, {key("key_length_mla")}, key("value_length_mla"), sizes_.value);
  }

  /// A key that is new stands behind the last of `neighbours`.
  static void set_behind(gguf::Metadata& m, const std::vector<std::string>& neighbours,
                         const std::string& key, std::size_t value) {
    const bool is_new = !m.has(key);
    m.set(key, static_cast<std::uint32_t>(value));
    if (!is_new) return;
    std::vector<gguf::Metadata::Pair> pairs = m.pairs();
    const auto last = std::find_if(pairs.rbegin(), pairs.rend(), [&](const auto& pair) {
      return std::ranges::find(neighbours, pair.first) != neighbours.end();
    });
    std::rotate(last.base(), pairs.end() - 1, pairs.end());
    m = gguf::Metadata(std::move(pairs));
  }

  Draft& draft_;
  MlaForm form_;
  const quant::Codec* type_;  ///< null: what loses nothing
  MlaSizes sizes_;
  std::vector<std::shared_ptr<const MadeMla>> made_;
};

}  // namespace

std::vector<std::shared_ptr<const MadeMla>> convert_mla(Draft& draft, MlaForm form,
                                                        const quant::Codec* type) {
  return MlaConverter(draft, form, type).run();
}

}  // namespace surgery
