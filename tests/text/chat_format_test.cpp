#include "text/chat_format.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "gguf/file.h"
#include "support/support.h"

namespace text {
namespace {

using Json = nlohmann::ordered_json;

/// The small model's vocabulary; it has no template of its own.
class ChatFormatTest : public testing::Test {
 protected:
  ChatFormat format(std::string_view source) const {
    return ChatFormat(file_.metadata(), *tokenizer_, source);
  }
  static ChatRequest request(Json messages) {
    ChatRequest r;
    r.messages = std::move(messages);
    return r;
  }

  gguf::FileSet file_ = gguf::FileSet::open(test::source_path("data/tiny-mla-bf16.gguf"));
  std::unique_ptr<Tokenizer> tokenizer_ = make_tokenizer(file_.metadata());
};

const std::string kLong(1000000, 'a');
const Json kTalk = Json::array(
    {{{"role", "system"}, {"content", "be brief"}}, {{"role", "user"}, {"content", "hello"}}});

TEST_F(ChatFormatTest, WithoutATemplateItIsChatMl) {
  const ChatFormat f = format("");
  EXPECT_FALSE(f.from_model());
  EXPECT_EQ(f.render(request(kTalk)),
            "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n"
            "<|im_start|>assistant\n");
  ChatRequest r = request(kTalk);
  r.add_generation_prompt = false;
  EXPECT_EQ(f.render(r).find("assistant"), std::string::npos);
}

TEST_F(ChatFormatTest, SystemTextGoesToTheUserWhereTheTemplateHasNoSuchRole) {
  const ChatFormat f = format(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
      "{% endif %}[{{ m.role }}]{{ m.content }}{% endfor %}");
  EXPECT_FALSE(f.knows_system());
  EXPECT_EQ(f.render(request(kTalk)), "[user]be brief\n\nhello");
  EXPECT_TRUE(format("chatml").knows_system());
}

TEST_F(ChatFormatTest, ContentTakesTheFormThatTheTemplateReads) {
  const Json parts =
      Json::array({{{"type", "text"}, {"text", "a"}}, {{"type", "text"}, {"text", "b"}}});
  const Json talk = Json::array({{{"role", "user"}, {"content", parts}}});
  EXPECT_EQ(format("{% for m in messages %}{{ m.content }}{% endfor %}").render(request(talk)),
            "a\nb");
  const ChatFormat typed = format(
      "{% for m in messages %}{% for p in m.content %}{% if p.type == 'text' %}<{{ p.text }}>"
      "{% endif %}{% endfor %}{% endfor %}");
  const Json plain = Json::array({{{"role", "user"}, {"content", "x"}}});
  EXPECT_EQ(typed.render(request(plain)), "<x>");
  const Json image =
      Json::array({{{"role", "user"}, {"content", Json::array({Json{{"type", "image_url"}}})}}});
  EXPECT_THROW(typed.render(request(image)), base::Error);
}

TEST_F(ChatFormatTest, DeveloperIsSystemUnlessTheTemplateKnowsIt) {
  const Json talk = Json::array({{{"role", "developer"}, {"content", "d"}}});
  EXPECT_EQ(format("{% for m in messages %}{{ m.role }}{{ m.content }}{% endfor %}")
                .render(request(talk)),
            "systemd");
  EXPECT_EQ(format("{% for m in messages %}{% if m.role == 'developer' %}D{% endif %}"
                   "{{ m.content }}{% endfor %}")
                .render(request(talk)),
            "Dd");
}

TEST_F(ChatFormatTest, VariablesReachTheTemplateAndWin) {
  const ChatFormat f = format("{{ enable_thinking }} {{ effort }}");
  ChatRequest r = request(Json::array());
  EXPECT_EQ(f.render(r), "True ") << "automatic: the template has the switch";
  r.thinking = Thinking::off;
  r.variables = {{"effort", "high"}};
  EXPECT_EQ(f.render(r), "False high");
  r.variables["enable_thinking"] = true;
  EXPECT_EQ(f.render(r), "True high");
}

TEST_F(ChatFormatTest, ThereIsOneBos) {
  ASSERT_TRUE(tokenizer_->add_bos());
  const ChatRequest r = request(Json::array({{{"role", "user"}, {"content", "hi"}}}));
  const auto with = format("{{ bos_token }}{{ messages[0].content }}").encode(r);
  const auto without = format("{{ messages[0].content }}").encode(r);
  EXPECT_EQ(with, without);
  EXPECT_EQ(std::count(with.begin(), with.end(), tokenizer_->bos()), 1);
}

TEST_F(ChatFormatTest, TemplatesSeeTheSpecialTokensThatTheFileNames) {
  const auto shown = [&](gguf::Metadata metadata, const char* model) {
    metadata.set("tokenizer.ggml.model", std::string(model));
    const std::unique_ptr<Tokenizer> tokenizer = make_tokenizer(metadata);
    return ChatFormat(metadata, *tokenizer,
                      "[{{ bos_token }}][{{ eos_token }}]{{ bos_token is defined }}")
        .render(request(Json::array()));
  };
  gguf::Metadata named = file_.metadata();
  named.set("tokenizer.ggml.pre", std::string("gpt-2"));
  named.set("tokenizer.ggml.merges", gguf::Array::of_strings({}));
  gguf::Metadata unnamed = named;
  unnamed.erase("tokenizer.ggml.bos_token_id");
  unnamed.erase("tokenizer.ggml.eos_token_id");
  EXPECT_EQ(shown(named, "gpt2"), "[<s>][</s>]True");
  EXPECT_EQ(shown(unnamed, "gpt2"), "[][]False") << "not token 11";
  EXPECT_EQ(shown(unnamed, "llama"), "[<s>][</s>]True") << "what such vocabularies have";
}

TEST_F(ChatFormatTest, LongConversationsMayTakeMoreSteps) {
  const auto rendered = [&](const std::string& rounds) {
    const ChatFormat f =
        format("{% for i in range(" + rounds + ") %}{{ 'b' in messages[0].content }}{% endfor %}");
    return f.render(request(Json::array({{{"role", "user"}, {"content", kLong}}})));
  };
  EXPECT_EQ(rendered("200").size(), 200 * 5U) << "25 million steps";
  EXPECT_THROW(rendered("2000"), base::Error) << "250 million";
}

TEST_F(ChatFormatTest, BadMessagesAreRefused) {
  const ChatFormat plain = format("");
  const ChatFormat no_system = format(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
      "{% endif %}{{ m.content }}{% endfor %}");
  ASSERT_FALSE(no_system.knows_system());
  for (const char* messages :
       {R"({})", R"(5)", R"(["hello"])", R"([{"content": "a"}])", R"([{"role": 5}])",
        R"([{"role": null, "content": "a"}])", R"([{"role": "system", "content": 5}])",
        R"([{"role": "system", "content": {"text": "a"}}, {"role": "user", "content": "a"}])",
        R"([{"role": "user", "content": true}])",
        R"([{"role": "user", "content": [{"type": 5, "text": "a"}]}])",
        R"([{"role": "user", "content": [{"type": "text", "text": 5}]}])",
        R"([{"role": "user", "content": [{"text": "a"}]}])",
        R"([{"role": "user", "content": ["a"]}])", R"([{"role": "user", "content": [[]]}])"}) {
    for (const ChatFormat* f : {&plain, &no_system}) {
      try {
        f->render(request(Json::parse(messages)));
        ADD_FAILURE() << messages;
      } catch (const base::Error& e) {
        EXPECT_EQ(e.fault(), base::Fault::bad_input) << messages;
      }
    }
  }
  EXPECT_THROW(format("{% for %}"), base::Error);
}

}  // namespace
}  // namespace text
