#include "text/builtin_formats.h"

#include <algorithm>

namespace text {
namespace {

// Roles that a format does not know are left out; ChatFormat then gives system texts to the user.
constexpr BuiltInFormat kFormats[] = {
    {.name = "gemma",
     .tokens = "<start_of_turn> <end_of_turn>",
     .stops = "<end_of_turn> <start_of_turn>",
     .source = "{{ bos_token }}{% for m in messages %}{% if m.role != 'system' %}<start_of_turn>"
               "{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}"
               "<end_of_turn>\n{% endif %}{% endfor %}"
               "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"},
    {.name = "llama4",
     .tokens = "<|header_start|> <|header_end|> <|eot|>",
     .stops = "<|eot|> <|header_start|>",
     .source = "{{ bos_token }}{% for m in messages %}<|header_start|>{{ m.role }}<|header_end|>"
               "\n\n{{ m.content | trim }}<|eot|>{% endfor %}"
               "{% if add_generation_prompt %}<|header_start|>assistant<|header_end|>\n\n"
               "{% endif %}"},
    {.name = "llama3",
     .tokens = "<|start_header_id|> <|end_header_id|> <|eot_id|>",
     .stops = "<|eot_id|> <|start_header_id|>",
     .source = "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}"
               "<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>{% endfor %}"
               "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n"
               "{% endif %}"},
    {.name = "phi4",
     .tokens = "<|im_start|> <|im_sep|> <|im_end|>",
     .stops = "<|im_end|> <|im_start|>",
     .source = "{% for m in messages %}<|im_start|>{{ m.role }}<|im_sep|>{{ m.content }}<|im_end|>"
               "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant<|im_sep|>"
               "{% endif %}"},
    {.name = "kimi-k2",
     .tokens = "<|im_user|> <|im_middle|> <|im_end|>",
     .stops = "<|im_end|> <|im_user|>",
     .source = "{% for m in messages %}<|im_{{ m.role }}|>{{ m.role }}<|im_middle|>"
               "{{ m.content }}<|im_end|>{% endfor %}"
               "{% if add_generation_prompt %}<|im_assistant|>assistant<|im_middle|>{% endif %}"},
    {.name = "chatml",
     .tokens = "<|im_start|> <|im_end|>",
     .stops = "<|im_end|> <|im_start|>",
     .source = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
               "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"},
    {.name = "command-r",
     .tokens = "<|START_OF_TURN_TOKEN|> <|END_OF_TURN_TOKEN|>",
     .stops = "<|END_OF_TURN_TOKEN|>",
     .source = "{{ bos_token }}{% set names = {'system': 'SYSTEM', 'user': 'USER', "
               "'assistant': 'CHATBOT'} %}{% for m in messages %}<|START_OF_TURN_TOKEN|>"
               "<|{{ names[m.role] }}_TOKEN|>{{ m.content | trim }}<|END_OF_TURN_TOKEN|>"
               "{% endfor %}{% if add_generation_prompt %}<|START_OF_TURN_TOKEN|>"
               "<|CHATBOT_TOKEN|>{% endif %}"},
    {.name = "deepseek3",
     .tokens = "<｜User｜> <｜Assistant｜>",
     .stops = "<｜end▁of▁sentence｜> <｜User｜>",
     .source = "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}"
               "{% elif m.role == 'user' %}<｜User｜>{{ m.content }}{% else %}<｜Assistant｜>"
               "{{ m.content }}<｜end▁of▁sentence｜>{% endif %}{% endfor %}"
               "{% if add_generation_prompt %}<｜Assistant｜>{% endif %}"},
    {.name = "chatglm4",
     .tokens = "[gMASK] <sop> <|user|> <|assistant|>",
     .stops = "<|user|> <|endoftext|>",
     .source = "[gMASK]<sop>{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}"
               "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"},
    {.name = "phi3",
     .tokens = "<|user|> <|assistant|> <|end|>",
     .stops = "<|end|> <|user|>",
     .source = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
               "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"},
    {.name = "gpt-oss",
     .tokens = "<|start|> <|message|> <|channel|>",
     .stops = "<|return|> <|start|>",
     .source = "{% for m in messages %}<|start|>{{ m.role }}"
               "{% if m.role == 'assistant' %}<|channel|>final{% endif %}<|message|>"
               "{{ m.content }}<|end|>{% endfor %}"
               "{% if add_generation_prompt %}<|start|>assistant{% endif %}"},
    {.name = "granite",
     .tokens = "<|start_of_role|> <|end_of_role|>",
     .stops = "<|end_of_text|> <|start_of_role|>",
     .source = "{% for m in messages %}<|start_of_role|>{{ m.role }}<|end_of_role|>{{ m.content }}"
               "<|end_of_text|>\n{% endfor %}"
               "{% if add_generation_prompt %}<|start_of_role|>assistant<|end_of_role|>"
               "{% endif %}"},
    {.name = "seed_oss",
     .tokens = "<seed:bos> <seed:eos>",
     .stops = "<seed:eos> <seed:bos>",
     .source = "{% for m in messages %}<seed:bos>{{ m.role }}\n{{ m.content | trim }}<seed:eos>"
               "{% endfor %}{% if add_generation_prompt %}<seed:bos>assistant\n{% endif %}"},
    {.name = "exaone3",
     .tokens = "[|endofturn|] [|assistant|]",
     .stops = "[|endofturn|] [|user|]",
     .source = "{% for m in messages %}[|{{ m.role }}|]{{ m.content }}"
               "{{ '\\n' if m.role == 'user' else '[|endofturn|]\\n' }}{% endfor %}"
               "{% if add_generation_prompt %}[|assistant|]{% endif %}"},
    {.name = "mistral-v7-tekken",
     .tokens = "[INST] [SYSTEM_PROMPT] Ġthe",
     .stops = "</s> [INST]",
     .source = "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}[SYSTEM_PROMPT]"
               "{{ m.content }}[/SYSTEM_PROMPT]{% elif m.role == 'user' %}[INST]{{ m.content }}"
               "[/INST]{% else %}{{ m.content }}</s>{% endif %}{% endfor %}"},
    {.name = "mistral-v7",
     .tokens = "[INST] [SYSTEM_PROMPT]",
     .stops = "</s> [INST]",
     .source = "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}[SYSTEM_PROMPT] "
               "{{ m.content }}[/SYSTEM_PROMPT]{% elif m.role == 'user' %}[INST] {{ m.content }}"
               "[/INST]{% else %} {{ m.content }}</s>{% endif %}{% endfor %}"},
    {.name = "mistral-v3-tekken",
     .tokens = "[INST] [/INST] Ġthe",
     .stops = "</s> [INST]",
     .source = "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST]"
               "{{ m.content }}[/INST]{% elif m.role == 'assistant' %}{{ m.content }}</s>"
               "{% endif %}{% endfor %}"},
    {.name = "mistral-v3",
     .tokens = "[INST] [/INST]",
     .stops = "</s> [INST]",
     .source = "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}[INST] "
               "{{ m.content }}[/INST]{% elif m.role == 'assistant' %} {{ m.content }}</s>"
               "{% endif %}{% endfor %}"},
    // Their marks are plain text, which no vocabulary tells.
    {.name = "mistral-v1",
     .stops = "</s> [INST]",
     .source = "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %} [INST] "
               "{{ m.content }} [/INST]{% elif m.role == 'assistant' %} {{ m.content }}</s>"
               "{% endif %}{% endfor %}"},
    {.name = "llama2",
     .stops = "</s> [INST]",
     .source = "{% set ns = namespace(system='') %}{% for m in messages %}"
               "{% if m.role == 'system' %}"
               "{% set ns.system = '<<SYS>>\\n' + m.content + '\\n<</SYS>>\\n\\n' %}"
               "{% elif m.role == 'user' %}{{ bos_token }}[INST] {{ ns.system + m.content }} "
               "[/INST]{% set ns.system = '' %}{% else %} {{ m.content }} </s>{% endif %}"
               "{% endfor %}"},
    {.name = "zephyr",
     .stops = "</s> <|user|>",
     .source = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}</s>\n{% endfor %}"
               "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"},
    {.name = "falcon3",
     .stops = "<|endoftext|> <|user|>",
     .source = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}"
               "{{ '<|endoftext|>' if m.role == 'assistant' }}\n{% endfor %}"
               "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"},
    {.name = "openchat",
     .stops = "<|end_of_turn|>",
     .source = "{{ bos_token }}{% for m in messages %}{% if m.role != 'system' %}GPT4 Correct "
               "{{ m.role | title }}: {% endif %}{{ m.content }}<|end_of_turn|>{% endfor %}"
               "{% if add_generation_prompt %}GPT4 Correct Assistant:{% endif %}"},
    {.name = "vicuna",
     .stops = "</s> USER:",
     .source = "{% for m in messages %}{% if m.role == 'system' %}{{ m.content }} "
               "{% elif m.role == 'user' %}USER: {{ m.content }} {% else %}ASSISTANT: "
               "{{ m.content }}</s>{% endif %}{% endfor %}"
               "{% if add_generation_prompt %}ASSISTANT:{% endif %}"},
    {.name = "deepseek2",
     .stops = "<｜end▁of▁sentence｜>",
     .source = "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}"
               "\n\n{% elif m.role == 'user' %}User: {{ m.content }}\n\n{% else %}Assistant: "
               "{{ m.content }}<｜end▁of▁sentence｜>{% endif %}{% endfor %}"
               "{% if add_generation_prompt %}Assistant:{% endif %}"},
};

/// The first of `tokens` that the vocabulary does not have; empty if it has all.
std::string_view first_missing(const Tokenizer& tokenizer, std::string_view tokens) {
  while (!tokens.empty()) {
    const std::string_view token = tokens.substr(0, tokens.find(' '));
    if (tokenizer.find(token) < 0) return token;
    tokens.remove_prefix(std::min(tokens.size(), token.size() + 1));
  }
  return "";
}

}  // namespace

std::span<const BuiltInFormat> builtin_formats() noexcept { return kFormats; }

const BuiltInFormat* find_builtin_format(std::string_view name) noexcept {
  const auto* it = std::ranges::find(kFormats, name, &BuiltInFormat::name);
  return it == std::end(kFormats) ? nullptr : it;
}

const BuiltInFormat* builtin_format_of(const Tokenizer& tokenizer) {
  const auto* it = std::ranges::find_if(kFormats, [&](const BuiltInFormat& f) {
    return !f.tokens.empty() && first_missing(tokenizer, f.tokens).empty();
  });
  return it == std::end(kFormats) ? nullptr : it;
}

std::string_view first_missing_mark(const BuiltInFormat& format, const Tokenizer& tokenizer) {
  const std::string_view missing = first_missing(tokenizer, format.tokens);
  // A word stands there to tell vocabularies apart; it comes last and is no mark.
  return missing.starts_with('<') || missing.starts_with('[') ? missing : "";
}

std::string builtin_format_names() {
  std::string out;
  for (const BuiltInFormat& f : kFormats) {
    out += (out.empty() ? "" : ", ") + std::string(f.name);
  }
  return out;
}

bool looks_like_template(std::string_view text) noexcept {
  return text.find("{{") != std::string_view::npos || text.find("{%") != std::string_view::npos;
}

}  // namespace text
