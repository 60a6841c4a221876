#include "text/builtin_formats.h"

#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>

#include "text/chat_format.h"
#include "text/chat_template.h"
#include "text/vocabulary.h"

namespace text {
namespace {

using Json = nlohmann::ordered_json;

struct Case {
  const char* name;
  const char* text;  // of kTalk
};
// As the families' publishers write a conversation; <B> is the BOS text.
constexpr Case kCases[] = {
    {"gemma",
     "<B><start_of_turn>user\nU1<end_of_turn>\n<start_of_turn>model\nA1<end_of_turn>\n"
     "<start_of_turn>user\nU2<end_of_turn>\n<start_of_turn>model\n"},
    {"llama4",
     "<B><|header_start|>system<|header_end|>\n\nS<|eot|><|header_start|>user<|header_end|>\n\nU1"
     "<|eot|><|header_start|>assistant<|header_end|>\n\nA1<|eot|><|header_start|>user"
     "<|header_end|>\n\nU2<|eot|><|header_start|>assistant<|header_end|>\n\n"},
    {"llama3",
     "<B><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user"
     "<|end_header_id|>\n\nU1<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA1"
     "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nU2<|eot_id|><|start_header_id|>"
     "assistant<|end_header_id|>\n\n"},
    {"phi4",
     "<|im_start|>system<|im_sep|>S<|im_end|><|im_start|>user<|im_sep|>U1<|im_end|><|im_start|>"
     "assistant<|im_sep|>A1<|im_end|><|im_start|>user<|im_sep|>U2<|im_end|><|im_start|>assistant"
     "<|im_sep|>"},
    {"kimi-k2",
     "<|im_system|>system<|im_middle|>S<|im_end|><|im_user|>user<|im_middle|>U1<|im_end|>"
     "<|im_assistant|>assistant<|im_middle|>A1<|im_end|><|im_user|>user<|im_middle|>U2<|im_end|>"
     "<|im_assistant|>assistant<|im_middle|>"},
    {"chatml",
     "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU1<|im_end|>\n<|im_start|>assistant\nA1"
     "<|im_end|>\n<|im_start|>user\nU2<|im_end|>\n<|im_start|>assistant\n"},
    {"command-r",
     "<B><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>S<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|>"
     "<|USER_TOKEN|>U1<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>A1"
     "<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>U2<|END_OF_TURN_TOKEN|>"
     "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>"},
    {"deepseek3",
     "<B>S<｜User｜>U1<｜Assistant｜>A1<｜end▁of▁sentence｜><｜User｜>U2<｜Assistant｜>"},
    {"chatglm4",
     "[gMASK]<sop><|system|>\nS<|user|>\nU1<|assistant|>\nA1<|user|>\nU2<|assistant|>\n"},
    {"phi3",
     "<|system|>\nS<|end|>\n<|user|>\nU1<|end|>\n<|assistant|>\nA1<|end|>\n<|user|>\nU2<|end|>\n"
     "<|assistant|>\n"},
    {"gpt-oss",
     "<|start|>system<|message|>S<|end|><|start|>user<|message|>U1<|end|><|start|>assistant"
     "<|channel|>final<|message|>A1<|end|><|start|>user<|message|>U2<|end|><|start|>assistant"},
    {"granite",
     "<|start_of_role|>system<|end_of_role|>S<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>"
     "U1<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>A1<|end_of_text|>\n"
     "<|start_of_role|>user<|end_of_role|>U2<|end_of_text|>\n<|start_of_role|>assistant"
     "<|end_of_role|>"},
    {"seed_oss",
     "<seed:bos>system\nS<seed:eos><seed:bos>user\nU1<seed:eos><seed:bos>assistant\nA1<seed:eos>"
     "<seed:bos>user\nU2<seed:eos><seed:bos>assistant\n"},
    {"exaone3",
     "[|system|]S[|endofturn|]\n[|user|]U1\n[|assistant|]A1[|endofturn|]\n[|user|]U2\n"
     "[|assistant|]"},
    {"mistral-v7-tekken",
     "<B>[SYSTEM_PROMPT]S[/SYSTEM_PROMPT][INST]U1[/INST]A1</s>[INST]U2[/INST]"},
    {"mistral-v7", "<B>[SYSTEM_PROMPT] S[/SYSTEM_PROMPT][INST] U1[/INST] A1</s>[INST] U2[/INST]"},
    {"mistral-v3-tekken", "<B>[INST]U1[/INST]A1</s>[INST]U2[/INST]"},
    {"mistral-v3", "<B>[INST] U1[/INST] A1</s>[INST] U2[/INST]"},
    {"mistral-v1", "<B> [INST] U1 [/INST] A1</s> [INST] U2 [/INST]"},
    {"llama2", "<B>[INST] <<SYS>>\nS\n<</SYS>>\n\nU1 [/INST] A1 </s><B>[INST] U2 [/INST]"},
    {"zephyr",
     "<|system|>\nS</s>\n<|user|>\nU1</s>\n<|assistant|>\nA1</s>\n<|user|>\nU2</s>\n"
     "<|assistant|>\n"},
    {"falcon3",
     "<|system|>\nS\n<|user|>\nU1\n<|assistant|>\nA1<|endoftext|>\n<|user|>\nU2\n"
     "<|assistant|>\n"},
    {"openchat",
     "<B>S<|end_of_turn|>GPT4 Correct User: U1<|end_of_turn|>GPT4 Correct Assistant: "
     "A1<|end_of_turn|>GPT4 Correct User: U2<|end_of_turn|>GPT4 Correct Assistant:"},
    {"vicuna", "S USER: U1 ASSISTANT: A1</s>USER: U2 ASSISTANT:"},
    {"deepseek2", "<B>S\n\nUser: U1\n\nAssistant: A1<｜end▁of▁sentence｜>User: U2\n\nAssistant:"},
};

TEST(BuiltInFormats, WriteAConversationAsTheirFamilies) {
  const Json talk = Json::array({{{"role", "system"}, {"content", "S"}},
                                 {{"role", "user"}, {"content", "U1"}},
                                 {{"role", "assistant"}, {"content", "A1"}},
                                 {{"role", "user"}, {"content", "U2"}}});
  std::map<std::string, std::string> expected;
  for (const Case& c : kCases) expected[c.name] = c.text;
  for (const BuiltInFormat& f : builtin_formats()) {
    const ChatTemplate chat{f.source};
    const Json variables = {
        {"messages", talk}, {"add_generation_prompt", true}, {"bos_token", "<B>"}};
    EXPECT_EQ(chat.render(variables, std::tm{}), expected[std::string(f.name)]) << f.name;
    EXPECT_FALSE(f.stops.empty()) << f.name;
    EXPECT_TRUE(looks_like_template(f.source)) << f.name;
  }
  EXPECT_EQ(expected.size(), builtin_formats().size());
}

TEST(BuiltInFormats, AreChosenByTheVocabulary) {
  struct Row {
    std::vector<const char*> tokens;
    const char* name;
    ChatFormat::Origin origin;
    const char* stop;
  };
  using Origin = ChatFormat::Origin;
  const Row kRows[] = {
      {{"<start_of_turn>", "<end_of_turn>"}, "gemma", Origin::vocabulary, "<end_of_turn>"},
      {{"<start_of_turn>"}, "chatml", Origin::fallback, "<|im_end|>"},
      {{"<|im_start|>", "<|im_end|>"}, "chatml", Origin::vocabulary, "<|im_end|>"},
      {{"<|im_start|>", "<|im_end|>", "<|im_sep|>"}, "phi4", Origin::vocabulary, "<|im_end|>"},
      {{"[INST]", "[/INST]"}, "mistral-v3", Origin::vocabulary, "</s>"},
  };
  for (const Row& row : kRows) {
    std::vector<test::Token> more;
    for (const char* token : row.tokens) more.push_back({token, 0, 3});
    for (const char* own : {"", " ", "{{ messages[0].content }}"}) {
      gguf::Metadata metadata = test::vocabulary("llama", test::spm_tokens(more));
      if (*own != '\0') metadata.set("tokenizer.chat_template", std::string(own));
      const auto tokenizer = make_tokenizer(metadata);
      const ChatFormat format(metadata, *tokenizer);
      if (*own == '{') {
        EXPECT_TRUE(format.from_model());
        EXPECT_TRUE(format.stops().empty());
        continue;
      }
      EXPECT_EQ(format.name(), row.name);
      EXPECT_EQ(format.origin(), row.origin) << row.name;
      EXPECT_THAT(format.stops(), testing::Contains(row.stop));
    }
  }
}

}  // namespace
}  // namespace text
