#include "cli/line_reader.h"

#include <histedit.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/paste.h"
#include "cli/screen_rows.h"
#include "cli/terminal.h"

namespace cli {
namespace {

// A signal handler has no argument to carry state.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
volatile std::sig_atomic_t g_resized = 0, g_resumed = 0;

void on_signal(int signal) { (signal == SIGCONT ? g_resumed : g_resized) = 1; }

/// Notes a signal while it lives. With SA_RESTART in `flags` what waits goes on waiting; without, a
/// wait for a key ends, which must not be at other times: a write that it ends would be an error.
class SignalWatch {
 public:
  SignalWatch(int signal, int flags) : signal_(signal) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = flags;
    sigemptyset(&action.sa_mask);
    ::sigaction(signal_, &action, &before_);
  }
  ~SignalWatch() { ::sigaction(signal_, &before_, nullptr); }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  int signal_;
  struct sigaction before_ {};
};

/// The line anew for a window of another width. Terminals wrap what they show anew themselves, so
/// that it begins as many rows above the cursor as the text in front of it now takes.
void redraw(EditLine* editor) {
  g_resized = 0;
  struct winsize window {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) return;
  const LineInfoW* const line = ::el_wline(editor);
  const std::size_t rows = rows_above_end(
      {line->buffer, static_cast<std::size_t>(line->cursor - line->buffer)}, window.ws_col);
  ::el_resize(editor);
  std::fputs("\r", stdout);
  if (rows > 0) std::fprintf(stdout, "\033[%zuA", rows);
  std::fputs("\033[J", stdout);
  ::el_set(editor, EL_REFRESH);
}

/// After Ctrl-Z and fg: the shell has set the terminal as it likes it, and stands in a new row.
void resume(EditLine* editor) {
  g_resumed = 0;
  g_resized = 0;
  Keyboard::hold();
  ::el_set(editor, EL_PREP_TERM, 0);
  ::el_set(editor, EL_PREP_TERM, 1);
  ::el_resize(editor);
  ::el_set(editor, EL_REFRESH);
}

/// One byte of the keyboard; -1 at the end, and for a signal that asks to stop.
int read_byte(EditLine* editor) {
  // A signal may come just before the wait begins, or to another thread: it is noticed soon anyway.
  constexpr int kPatienceMs = 200;
  unsigned char byte = 0;
  while (!interrupt_flag().requested()) {
    if (g_resumed != 0) resume(editor);
    if (g_resized != 0) redraw(editor);
    pollfd key{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&key, 1, kPatienceMs) == 0) continue;
    const ssize_t n = key.revents == 0 ? -1 : ::read(STDIN_FILENO, &byte, 1);
    if (n == 1) return byte;
    if (n == 0 || errno != EINTR) break;
  }
  return -1;
}

/// One code point for libedit, whose own function would read on after a signal. 1: there is one.
int read_character(EditLine* editor, wchar_t* character) {
  const int first = read_byte(editor);
  if (first < 0) return 0;
  int code = first;
  if (first >= 0xC0) {
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    code = first & (0x3F >> more);
    for (int i = 0; i < more; ++i) {
      const int byte = read_byte(editor);
      if (byte < 0) return 0;
      code = (code << 6) | (byte & 0x3F);
    }
  }
  *character = static_cast<wchar_t>(code);
  return 1;
}

/// What the terminal sends between the marks of a paste goes into the line as it is.
unsigned char take_paste(EditLine* editor, int /*unused*/) {
  std::string bytes;
  while (!bytes.ends_with(kPasteEnd)) {
    const int byte = read_byte(editor);
    if (byte < 0) break;
    bytes += static_cast<char>(byte);
  }
  if (bytes.ends_with(kPasteEnd)) bytes.resize(bytes.size() - kPasteEnd.size());
  const std::string text = pasted_text(bytes);
  if (!text.empty() && ::el_insertstr(editor, text.c_str()) != 0) return CC_ERROR;
  return CC_REFRESH;
}

struct Key {
  const char* keys;
  const char* function;
};
constexpr Key kKeys[] = {
    {"\033[200~", "quern-paste"},       {"^I", "quern-complete"},
    {"^W", "ed-delete-prev-word"},      {"^R", "em-inc-search-prev"},
    {"\033[1~", "ed-move-to-beg"},      {"\033[4~", "ed-move-to-end"},
    {"\033[7~", "ed-move-to-beg"},      {"\033[8~", "ed-move-to-end"},
    {"\033[H", "ed-move-to-beg"},       {"\033[F", "ed-move-to-end"},
    {"\033OH", "ed-move-to-beg"},       {"\033OF", "ed-move-to-end"},
    {"\033[3~", "ed-delete-next-char"}, {"\033[2~", "em-toggle-overwrite"},
    {"\033[1;5C", "em-next-word"},      {"\033[1;5D", "ed-prev-word"},
};

}  // namespace

/// libedit with what it needs.
class LineReader::Editor {
 public:
  Editor() : history_(::history_init()), editor_(::el_init("quern", stdin, stdout, stderr)) {
    if (!history_ || !editor_) {
      throw base::Error(base::Fault::io, "cannot set up the terminal");
    }
    EditLine* const e = editor_.get();
    HistEvent event{};
    ::history(history_.get(), &event, H_SETSIZE, 1000);
    ::el_set(e, EL_CLIENTDATA, this);
    ::el_set(e, EL_HIST, ::history, history_.get());
    ::el_set(e, EL_PROMPT_ESC, &show_prompt, kNoWidth);
    ::el_set(e, EL_EDITOR, "emacs");
    // Where it may shift what stands there, libedit loses the end of lines of three rows and more.
    for (const char* insert : {"im", "ei", "ic", "IC"}) ::el_set(e, EL_SETTC, insert, "", nullptr);
    ::el_set(e, EL_GETCFN, &read_character);
    // Wide: el_set would make copies of the names and never free them.
    ::el_wset(e, EL_ADDFN, L"quern-paste", L"insert what is pasted", &take_paste);
    ::el_wset(e, EL_ADDFN, L"quern-complete", L"complete the name of a file", &::_el_fn_complete);
    for (const Key& key : kKeys) ::el_set(e, EL_BIND, key.keys, key.function, nullptr);
    // Between lines too; libedit alone would have the terminal show and edit what is typed.
    ::el_set(e, EL_SETTY, "-x", "-echo", "-icanon", "-iexten", nullptr);
    ::el_source(e, nullptr);  // ~/.editrc, where there is one
  }

  std::optional<std::string> next(const std::string& prompt) {
    prompt_ = prompt;
    ::el_resize(editor_.get());
    int n = 0;
    if (g_resumed != 0) Keyboard::hold();
    g_resumed = 0;
    g_resized = 0;
    const SignalWatch resized(SIGWINCH, 0), resumed(SIGCONT, 0);
    const char* const line = ::el_gets(editor_.get(), &n);
    if (line == nullptr || n <= 0) return std::nullopt;
    std::string text(line, static_cast<std::size_t>(n));
    while (!text.empty() && text.back() == '\n') text.pop_back();
    HistEvent event{};
    if (!text.empty()) ::history(history_.get(), &event, H_ENTER, text.c_str());
    return text;
  }

 private:
  struct End {
    void operator()(EditLine* e) const noexcept { ::el_end(e); }
    void operator()(History* h) const noexcept { ::history_end(h); }
  };

  static char* show_prompt(EditLine* e) {
    void* self = nullptr;
    ::el_get(e, EL_CLIENTDATA, &self);
    return static_cast<Editor*>(self)->prompt_.data();
  }

  Keyboard keyboard_ = {};
  SignalWatch resumed_{SIGCONT, SA_RESTART};
  std::unique_ptr<History, End> history_;
  std::unique_ptr<EditLine, End> editor_;
  std::string prompt_ = {};
};

LineReader::LineReader() {
  interrupt_flag();  // installs the handlers
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1) return;
  if (std::setlocale(LC_CTYPE, "") == nullptr || MB_CUR_MAX == 1) {
    std::setlocale(LC_CTYPE, "C.UTF-8");
  }
  editor_ = std::make_unique<Editor>();
}
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;

std::optional<std::string> LineReader::next(const std::string& prompt) {
  std::optional<std::string> line;
  if (editor_ != nullptr) {
    line = editor_->next(prompt);
  } else if (std::string text; std::getline(std::cin, text)) {
    if (!text.empty() && text.back() == '\r') text.pop_back();
    line = std::move(text);
  }
  if (!line) interrupt_flag().check();
  return line;
}

}  // namespace cli
