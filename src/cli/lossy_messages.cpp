#include "cli/lossy_messages.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace cli {
namespace {

ssize_t write_or_lose(void* /*cookie*/, const char* text, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = ::write(STDERR_FILENO, text + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(size);
}

}  // namespace

void let_messages_be_lost() noexcept {
  std::FILE* file = ::fopencookie(
      nullptr, "w", {.read = nullptr, .write = write_or_lose, .seek = nullptr, .close = nullptr});
  if (file == nullptr) return;
  std::setvbuf(file, nullptr, _IONBF, 0);
  stderr = file;
}

}  // namespace cli
