// quern chat: a conversation in the terminal.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "base/output_file.h"
#include "base/printable.h"
#include "cli/chat_template_option.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"
#include "cli/painter.h"
#include "cli/sampling_options.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "cli/terminal.h"
#include "convert/json_file.h"
#include "eval/corpus.h"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

bool is_object(const std::string& text) { return Json::parse(text, nullptr, false).is_object(); }

constexpr std::array<Option, 13> kOwnOptions{{
    {.names = "-sys, --system-prompt",
     .value = "TEXT",
     .help = "system message; escapes are replaced",
     .values = kText},
    {.names = "-sysf, --system-prompt-file",
     .value = "FILE",
     .help = "file with the system message",
     .values = kFile},
    {.names = "-p, --prompt",
     .value = "TEXT",
     .help = "first message; escapes are replaced",
     .values = kText},
    {.names = "-st, --single-turn", .help = "end after the first reply"},
    {.names = "-n, --n-predict, --predict",
     .value = "N",
     .default_value = "-1",
     .help = "tokens of a reply at most; -1, -2: what the context holds",
     .values = integers(-2, kManyItems)},
    {.names = "-c, --ctx-size",
     .value = "N",
     .default_value = "0",
     .help = "context in tokens; 0 = what the model was trained with, at most 8192",
     .values = integers(0, kManyItems)},
    kUbatchOption,
    {.names = "-r, --reverse-prompt",
     .value = "TEXT",
     .help = "text that ends a reply; may be given several times",
     .repeats = true,
     .values = kWord},
    {.names = "--chat-template",
     .value = "TEXT",
     .help = "Jinja text, or the name of a built-in template (chatml, llama3, gemma, ...) [the "
             "model's own, else by its vocabulary]",
     .values = form("Jinja text or the name of a built-in template")},
    {.names = "--chat-template-file",
     .value = "FILE",
     .help = "file with the template",
     .values = kFile},
    {.names = "--chat-template-kwargs",
     .value = "JSON",
     .help = "object whose members become variables of the template",
     .values = form("a JSON object", is_object)},
    {.names = "--reasoning",
     .value = "on|off|auto",
     .default_value = "auto",
     .help = "whether the model thinks first, if its template has the switch",
     .values = one_of()},
    {.names = "-co, --color",
     .value = "auto|always|never",
     .default_value = "auto",
     .help = "colours; auto = in a terminal, unless NO_COLOR is set",
     .bare = "always",
     .values = one_of("auto|always|never|on|off")},
}};
constexpr auto kOptions =
    join(join(kModelOptions, kComputeOptions), join(kOwnOptions, kSamplingOptions));

constexpr std::string_view kHelp =
    "  /help         this list\n"
    "  /retry        another reply to the last message\n"
    "  /undo         take back the last message and its reply\n"
    "  /clear        start anew, with the same system message\n"
    "  /system TEXT  another system message (starts anew)\n"
    "  /save FILE    write the conversation as JSON\n"
    "  /load FILE    read one\n"
    "  /exit         end; so does Ctrl-D. Ctrl-C stops a reply\n"
    "  A line that ends in \\ goes on in the next one; // at the start sends a /.\n";

/// Commands, and which of them take words.
struct ChatCommand {
  std::string_view name;
  bool takes_words = false;
};
constexpr ChatCommand kCommands[] = {{"help"},       {"retry"},        {"undo"},
                                     {"clear"},      {"system", true}, {"save", true},
                                     {"load", true}, {"exit"},         {"quit"}};

/// Throws Fault::bad_usage for a command that is none, and for words behind one that takes none:
/// they would be part of a message.
void check_command(const std::string& name, const std::string& rest) {
  constexpr std::string_view kHint =
      "/help lists them; // at the start sends a message that begins with /";
  const auto* const known = std::ranges::find(kCommands, name, &ChatCommand::name);
  if (known == std::end(kCommands)) {
    std::vector<std::string_view> names;
    for (const ChatCommand& c : kCommands) names.push_back(c.name);
    const std::string_view near = base::nearest(name, names);
    throw base::Error(base::Fault::bad_usage, "unknown command /" + base::printable(name))
        .hint(fmt::format("{}{}", near.empty() ? "" : fmt::format("did you mean /{}? ", near),
                          kHint));
  }
  if (known->takes_words || rest.find_first_not_of(' ') == std::string::npos) return;
  throw base::Error(base::Fault::bad_usage, fmt::format("/{} takes no words", name))
      .at("found", base::printable(rest, 60))
      .hint(kHint);
}

std::string system_message(const Args& args) {
  if (args.given("system-prompt") && args.given("system-prompt-file")) {
    throw base::Error(base::Fault::bad_usage, "give --system-prompt or --system-prompt-file");
  }
  if (args.given("system-prompt-file")) {
    return eval::load_corpus(args.str("system-prompt-file"), false, nullptr);
  }
  return eval::process_escapes(args.str("system-prompt"));
}

text::Thinking thinking(const Args& args) {
  const std::string mode = args.str("reasoning");
  return mode == "on"    ? text::Thinking::on
         : mode == "off" ? text::Thinking::off
                         : text::Thinking::automatic;
}

std::size_t context_size(const Args& args, const runtime::Model& model) {
  constexpr std::size_t kUsual = 8192;
  const auto asked = static_cast<std::size_t>(args.integer("ctx-size"));
  const std::size_t trained = model.spec().n_ctx_train;
  return asked != 0 ? asked : std::min(kUsual, trained == 0 ? kUsual : trained);
}

Json read_json(const std::string& path) {
  const std::string text = eval::load_corpus(path, false, nullptr);
  Json all = Json::parse(text, nullptr, false);
  // Copies of deeper ones would overflow the stack.
  if (!all.is_discarded()) convert::require_limits(text, path, convert::kListLimits);
  return all;
}

bool is_conversation(const std::string& path) {
  constexpr std::uintmax_t kMost = std::uintmax_t{1} << 26;
  if (!std::filesystem::is_regular_file(path) || std::filesystem::file_size(path) > kMost) {
    return false;
  }
  const Json all = read_json(path);
  return all.is_object() && all.contains("messages");
}

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  return local;
}

/// The loop between a person and the model.
class Chat {
 public:
  Chat(const text::ChatFormat& format, Talk& talk, text::ChatRequest request, Colours colours)
      : format_(format), talk_(talk), request_(std::move(request)), painter_(colours) {}

  int run(const std::string& first, bool single) {
    if (reader_.interactive()) tell("/help lists the commands, Ctrl-D ends");
    std::string text = first;
    bool given = !text.empty();
    for (;;) {
      if (!given && !read(text)) return failed_;
      if (given) {  // a message as it stands, whatever it begins with
        if (reader_.interactive()) print_now(fmt::format("> {}\n", text));
      } else if (text.starts_with("//")) {
        text.erase(0, 1);
      } else if (text.starts_with('/')) {
        if (!command(text)) return told_to_end_ ? interrupt_exit_code() : failed_;
        continue;
      }
      given = false;
      if (text.empty()) continue;
      request_.messages.push_back({{"role", "user"}, {"content", text}});
      const bool stopped = reply() == Reply::End::interrupted;
      if (single || told_to_end_ || (stopped && !reader_.interactive())) {
        return stopped ? interrupt_exit_code() : failed_;
      }
    }
  }

 private:
  /// False at the end of the input, and for a second Ctrl-C in turn.
  bool read(std::string& text) {
    for (bool again = false;; again = true) {
      try {
        return read_message(text);
      } catch (const base::Error&) {
        if (!reader_.interactive()) throw;
        print_now("\n");
        if (told_to_end()) throw;
        if (again) return false;
        clear_interrupt();
        tell("Ctrl-C again, or Ctrl-D, ends");
      }
    }
  }

  bool read_message(std::string& text) {
    text.clear();
    for (;;) {
      const auto line = reader_.next(painter_.prompt(text.empty() ? ">" : "|"));
      if (!line) {
        if (reader_.interactive()) print_now("\n");
        return !text.empty();
      }
      text += *line;
      if (text.empty() || text.back() != '\\') return true;
      text.back() = '\n';
    }
  }

  Reply::End reply() {
    request_.now = local_time();
    const std::size_t n_before = request_.messages.size();
    painter_.begin(thinks_at_once());
    try {
      const Reply r = talk_.answer(request_, [this](std::string_view t) { painter_.show(t); });
      painter_.end();
      settle_interrupt();
      request_.messages.push_back({{"role", "assistant"}, {"content", r.text}});
      report(r);
      return r.end;
    } catch (const base::Error& e) {
      if (!reader_.interactive()) throw;
      if (request_.messages.size() == n_before) request_.messages.erase(n_before - 1);
      painter_.end();
      if (e.fault() == base::Fault::interrupted) settle_interrupt();
      tell(e.what());
      return Reply::End::stop;
    }
  }

  /// A reply is what Ctrl-C stops; any other signal means the program.
  void settle_interrupt() {
    told_to_end_ = told_to_end();
    clear_interrupt();
  }

  void report(const Reply& r) {
    if (r.n_dropped > 0) {
      tell(fmt::format("the context was full: the {} oldest messages left it", r.n_dropped));
    }
    if (r.end == Reply::End::context) tell("the context is full; -c sets it, /clear starts anew");
    if (r.end == Reply::End::interrupted) tell("stopped");
    if (!reader_.interactive()) return;
    tell(fmt::format("{} prompt tokens ({} kept) {:.1f} t/s, {} made {:.1f} t/s", r.n_prompt,
                     r.n_reused, rate(r.n_prompt, r.prompt_s), r.n_made, rate(r.n_made, r.made_s)));
  }

  /// False: the end.
  bool command(const std::string& text) {
    const std::size_t blank = text.find(' ');
    const std::string name = text.substr(1, blank - 1);
    const std::string rest = blank == std::string::npos ? "" : text.substr(blank + 1);
    try {
      check_command(name, rest);
      if (name == "exit" || name == "quit") return false;
      obey(name, rest);
    } catch (const base::Error& e) {
      if (!reader_.interactive()) {
        // What follows would be said into another conversation, or is not computed either.
        if (name == "load" || name == "retry" || e.fault() == base::Fault::interrupted) throw;
        if (failed_ == 0) failed_ = e.fault() == base::Fault::bad_usage ? 2 : 1;
      }
      tell(fmt::format("error: {}", e.what()));
    }
    return !told_to_end_;
  }

  void obey(const std::string& name, const std::string& rest) {
    if (name == "help") {
      print_now(kHelp);
    } else if (name == "retry") {
      if (!take_back("assistant")) return tell("there is no reply yet");
      reply();
    } else if (name == "undo") {
      undo();
    } else if (name == "clear") {
      clear();
    } else if (name == "system") {
      request_.messages = Json::array();
      if (!rest.empty()) request_.messages.push_back({{"role", "system"}, {"content", rest}});
      tell(rest.empty() ? "started anew without a system message" : "started anew");
    } else if (name == "save") {
      save(rest);
    } else if (name == "load") {
      load(rest);
    }
  }

  void undo() {
    take_back("assistant");
    const Json& m = request_.messages;
    const Json content = m.empty() ? Json() : m.back().at("content");
    if (!take_back("user")) return tell("nothing to take back");
    const std::string text = content.is_string() ? content.get<std::string>() : content.dump();
    tell(fmt::format("taken back: {}", base::printable(text, 60)));
  }

  bool take_back(std::string_view role) {
    Json& m = request_.messages;
    if (m.empty() || m.back().at("role") != role) return false;
    m.erase(m.size() - 1);
    return true;
  }

  void clear() {
    Json& m = request_.messages;
    const bool system = !m.empty() && m.front().at("role") == "system";
    m = system ? Json::array({m.front()}) : Json::array();
  }

  void save(const std::string& path) {
    if (path.empty()) throw base::Error(base::Fault::bad_usage, "/save needs a file name");
    if (request_.messages.empty()) {
      throw base::Error(base::Fault::bad_usage, "there is nothing to save yet");
    }
    if (std::filesystem::exists(path) && !is_conversation(path)) {
      throw base::Error(base::Fault::bad_usage, "the file is not a saved conversation")
          .at("file", path)
          .hint("nothing is replaced; give another name");
    }
    const Json all = {{"messages", request_.messages}};
    const std::string text = all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    base::write_file(path, std::as_bytes(std::span(text)));
    tell(fmt::format("{} messages written to {}", request_.messages.size(), path));
  }

  void load(const std::string& path) {
    if (path.empty()) throw base::Error(base::Fault::bad_usage, "/load needs a file name");
    const Json all = read_json(path);
    if (!all.is_object() || !all.contains("messages")) {
      throw base::Error(base::Fault::bad_input, "not a saved conversation")
          .at("file", path)
          .expected(R"({"messages": [...]})");
    }
    text::ChatRequest loaded = request_;
    loaded.messages = all.at("messages");
    format_.render(loaded);  // refuses what the template cannot take
    request_ = std::move(loaded);
    tell(fmt::format("{} messages read", request_.messages.size()));
  }

  bool thinks_at_once() const {
    try {
      std::string text = format_.render(request_);
      while (!text.empty() && text.back() == '\n') text.pop_back();
      return text.ends_with("<think>");
    } catch (const base::Error&) {
      return false;  // told by the reply itself
    }
  }

  void tell(const std::string& text) const { painter_.tell(text); }

  static double rate(std::size_t n, double seconds) {
    return seconds > 0 ? static_cast<double>(n) / seconds : 0;
  }

  const text::ChatFormat& format_;
  Talk& talk_;
  text::ChatRequest request_;
  LineReader reader_;
  Painter painter_;
  bool told_to_end_ = false;
  int failed_ = 0;  ///< exit code of the first command that failed, where no person has seen it
};

/// What the options say about a conversation. Throws what the template makes of a first message: it
/// is better told before any is typed.
text::ChatRequest first_request(const Args& args, const text::ChatFormat& format,
                                const std::string& system) {
  text::ChatRequest request;
  request.thinking = thinking(args);
  if (args.given("chat-template-kwargs")) {
    request.variables = Json::parse(args.str("chat-template-kwargs"));
  }
  if (!system.empty()) request.messages.push_back({{"role", "system"}, {"content", system}});
  if (request.thinking != text::Thinking::automatic && !format.has_thinking_switch()) {
    fmt::print(stderr,
               "warning: the chat template has no switch enable_thinking: --reasoning changes "
               "nothing\n");
  }
  text::ChatRequest trial = request;
  trial.now = local_time();
  trial.messages.push_back({{"role", "user"}, {"content", "hello"}});
  format.render(trial);
  return request;
}

TalkOptions talk_options(const Args& args, const text::ChatFormat& format,
                         const text::Tokenizer& tokenizer, std::size_t n_ctx) {
  TalkOptions options{.n_ctx = n_ctx, .stops = args.list("reverse-prompt")};
  const std::int64_t n = args.integer("predict");
  if (n >= 0) options.n_predict = static_cast<std::size_t>(n);
  for (const std::string& text : format.stops()) {
    options.stops.push_back(text);
    const text::TokenId id = tokenizer.find(text);
    if (id >= 0) options.stop_tokens.push_back(id);
  }
  return options;
}

int run(const Args& args) {
  const runtime::SampleOptions sampling = sampling_options(args);
  const runtime::EvaluateOptions how = evaluate_options(args);
  const std::string system = system_message(args);
  const GivenTemplate given = given_template(args);
  Session session(args);
  const runtime::Model model = runtime::Model::open(required(args, "model"), rules(args));
  print_findings(model.findings());
  const text::ChatFormat format(model.files().metadata(), model.tokenizer(), given.text,
                                &interrupt_flag(), given.called);
  tell_template(format, model.files().metadata(), model.tokenizer());
  const text::ChatRequest request = first_request(args, format, system);
  const std::size_t n_ctx = context_size(args, model);
  warn_beyond_training(model, n_ctx);
  check_biases(sampling, model.tokenizer());
  runtime::Sampler sampler(sampling, &model.tokenizer());
  runtime::Decoder decoder(
      model,
      {.mla = how.mla, .cache = how.cache, .batch_tokens = how.batch_tokens, .context = n_ctx},
      session.runtime());
  Talk talk(model.tokenizer(), format, decoder, sampler, interrupt_flag(),
            talk_options(args, format, model.tokenizer(), n_ctx));
  fmt::print(stderr, "quern: {}\nseed {}, context {} tokens\n", session.machine(), sampling.seed,
             n_ctx);
  const std::string colour = args.str("color");
  Chat chat(format, talk, request,
            {.replies = wants_colour(colour, STDOUT_FILENO),
             .remarks = wants_colour(colour, STDERR_FILENO)});
  return chat.run(eval::process_escapes(args.str("prompt")), args.flag("single-turn"));
}

}  // namespace

const Command chat_command{
    .name = "chat",
    .summary = "talk with a model",
    .usage = "-m MODEL [-sys TEXT] [-p TEXT] [options]",
    .details =
        "Each line is a message; lines that start with / are commands (/help lists them). Ctrl-C "
        "stops a reply. When the context is full, the oldest messages leave it, which is told. "
        "Without a terminal, stdin holds one message a line (\\ at its end joins the next one), "
        "replies "
        "go to stdout, and a command that fails is told and sets the exit code.",
    .options = kOptions,
    .run = run};

}  // namespace cli
