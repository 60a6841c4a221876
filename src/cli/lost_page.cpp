#include "cli/lost_page.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>

#include "cli/interrupt.h"

namespace cli {
namespace {

/// The first page that was lost.
struct LostPage {
  std::atomic<bool> lost{false}, described{false};
  std::array<char, 4096> file{};  ///< ends with a zero
  std::uint64_t offset = 0;
};

// As the stop flag of interrupt.cpp: a signal handler has no argument to carry state.
LostPage g_page;                     // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
std::uintptr_t g_page_bytes = 4096;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

/// /proc/self/maps, character by character: in a signal handler there are no streams.
class Maps {
 public:
  Maps() : fd_(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}
  Maps(const Maps&) = delete;
  Maps& operator=(const Maps&) = delete;
  ~Maps() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// The next character, 0 at the end.
  char next() noexcept {
    if (at_ == n_) {
      const ssize_t n = fd_ < 0 ? 0 : ::read(fd_, buffer_.data(), buffer_.size());
      if (n <= 0) return last_ = '\0';
      n_ = static_cast<std::size_t>(n);
      at_ = 0;
    }
    return last_ = buffer_[at_++];
  }
  char last() const noexcept { return last_; }
  /// A number in hexadecimal digits, and the character behind it.
  std::uint64_t number() noexcept {
    std::uint64_t v = 0;
    for (;;) {
      const char c = next();
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) return v;
      v = v * 16 + static_cast<std::uint64_t>(digit);
    }
  }
  /// To the end of the word or the line.
  void skip_word() noexcept {
    for (char c = next(); c != ' ' && c != '\n' && c != '\0';) c = next();
  }
  void skip_line() noexcept {
    while (last_ != '\n' && last_ != '\0') next();
  }

 private:
  int fd_;
  std::array<char, 1024> buffer_{};
  std::size_t at_ = 0, n_ = 0;
  char last_ = '\0';
};

/// Which file is mapped at the page. A line: begin-end rights offset device inode file.
void describe(std::uintptr_t page) noexcept {
  Maps maps;
  for (;;) {
    const std::uint64_t begin = maps.number();
    const std::uint64_t end = maps.number();
    if (maps.last() == '\0') return;
    if (page < begin || page >= end) {
      maps.skip_line();
      continue;
    }
    maps.skip_word();
    g_page.offset = maps.number() + (page - begin);
    maps.skip_word();
    maps.skip_word();
    std::size_t n = 0;
    for (char c = maps.next(); c != '\n' && c != '\0'; c = maps.next()) {
      if (n + 1 < g_page.file.size() && (n > 0 || c != ' ')) g_page.file[n++] = c;
    }
    return;
  }
}

/// Puts zeros in the place of the page, so that the thread goes on; only calls that a handler may
/// make. Every kernel stays free of checks, whatever the file does.
void on_lost_page(int, siginfo_t* info, void*) {
  const int error = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const std::uintptr_t in_page = address % g_page_bytes;
  char* const page = static_cast<char*>(info->si_addr) - in_page;
  const bool of_a_file = info->si_code == BUS_ADRERR && address >= g_page_bytes;
  if (of_a_file && !g_page.lost.exchange(true)) {
    describe(address - in_page);
    g_page.described = true;
  }
  if (!of_a_file || ::mmap(page, g_page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                           -1, 0) == MAP_FAILED) {
    std::signal(SIGBUS, SIG_DFL);  // comes again, and ends the program
    return;
  }
  request_stop();
  errno = error;
}

}  // namespace

void guard_mapped_files() {
  g_page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction action {};
  action.sa_sigaction = on_lost_page;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

bool page_was_lost() noexcept { return g_page.lost; }

base::Error lost_page_error() {
  base::Error error(base::Fault::io,
                    "cannot read: the file has become shorter, or the disk cannot read it");
  if (g_page.described && g_page.file[0] == '/') {
    error.at("file", std::string(g_page.file.data())).at("offset", g_page.offset);
  }
  return error;
}

}  // namespace cli
