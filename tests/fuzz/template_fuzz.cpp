// Any text is a chat template or is refused; rendering it ends within its limits, twice with the
// same text or the same words.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "text/chat_template.h"

namespace {

const nlohmann::ordered_json& context() {
  static const auto kContext = nlohmann::ordered_json::parse(R"j({
      "messages": [{"role": "system", "content": " a b "}, {"role": "user", "content": "h\u00e9 <x>"},
                   {"role": "assistant", "content": null, "tool_calls": [{"function":
                    {"name": "f", "arguments": {"x": [1, 2.5, null, true, "s"]}}}]},
                   {"role": "tool", "content": "{\"t\": 1}"}],
      "tools": [{"function": {"name": "f", "parameters": {"type": "object"}}}],
      "bos_token": "<s>", "add_generation_prompt": true, "n": 3})j");
  return kContext;
}

std::string outcome(const text::ChatTemplate& chat) {
  // Large enough that work which is not counted is seen as a slow run or as too much memory.
  constexpr text::jinja::Limits kSmall{
      .steps = 1'000'000, .depth = 200, .bytes = 1 << 22, .memory = 1 << 24};
  std::tm now{};
  now.tm_year = 126;
  now.tm_mday = 2;
  try {
    std::string text = chat.render(context(), now, kSmall);
    if (text.size() > kSmall.bytes) std::abort();
    return text;
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_input) std::abort();
    return e.what();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const text::ChatTemplate chat({reinterpret_cast<const char*>(data), size});
    if (outcome(chat) != outcome(chat)) std::abort();
  } catch (const base::Error& e) {
    if (e.fault() != base::Fault::bad_input && e.fault() != base::Fault::unsupported) std::abort();
  }
  return 0;
}
