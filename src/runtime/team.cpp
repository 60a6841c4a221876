#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/runtime.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace runtime {
namespace {

// About 20 us of spinning: longer than the gap between two steps of a layer, shorter than what
// another process would miss.
constexpr int kSpins = 400;

void pause() noexcept {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

/// Spins briefly until done() holds. False if it does not.
template <class Done>
bool spin(const Done& done) noexcept {
  for (int i = 0; i < kSpins; ++i) {
    if (done()) return true;
    pause();
  }
  return false;
}

}  // namespace

/// A round of work is open to whoever comes: the caller works at once, closes it when nothing is
/// left to hand out, and waits for those that came. A worker that sleeps, or that the system has
/// given no processor, is not waited for; with more threads than free processors a round that
/// every worker had to join took twice as long as one thread alone.
struct Team::Impl {
  // The state of the round: workers inside, whether it is open, its number (of which only changes
  // count: a worker joins a round once).
  static constexpr std::uint32_t kInside = 0xffff, kOpen = 0x10000, kRound = 0x20000;

  std::vector<std::thread> threads;
  const std::function<void(std::size_t, std::size_t)>* task = nullptr;
  std::size_t n = 0;
  std::atomic<std::uint32_t> state{0};
  std::atomic<std::uint32_t> emptied{0};  // changes when the last worker leaves a closed round
  std::atomic<std::size_t> next{0};
  std::atomic<bool> quit{false};
  std::mutex error_lock;
  std::exception_ptr error;

  void work(std::size_t thread) noexcept {
    try {
      for (;;) {
        const std::size_t i = next.fetch_add(1, std::memory_order_relaxed);
        if (i >= n) return;
        (*task)(i, thread);
      }
    } catch (...) {
      next.store(n, std::memory_order_relaxed);
      const std::lock_guard hold(error_lock);
      if (!error) error = std::current_exception();
    }
  }

  /// Ends and joins all threads.
  void stop() noexcept {
    quit.store(true, std::memory_order_release);
    state.fetch_add(kRound, std::memory_order_release);
    state.notify_all();
    for (std::thread& t : threads) t.join();
    threads.clear();
  }

  void open() noexcept {
    const std::uint32_t old = state.load(std::memory_order_relaxed);
    state.store((old + kRound) | kOpen, std::memory_order_release);
    state.notify_all();
  }

  /// Whoever is inside when this returns has left: the task may go away.
  void close() noexcept {
    state.fetch_and(~kOpen, std::memory_order_acq_rel);
    const auto empty = [&] { return (state.load(std::memory_order_acquire) & kInside) == 0; };
    if (spin(empty)) return;
    for (;;) {
      const std::uint32_t old = emptied.load(std::memory_order_acquire);
      if (empty()) return;
      emptied.wait(old, std::memory_order_acquire);
    }
  }

  void leave() noexcept {
    const std::uint32_t old = state.fetch_sub(1, std::memory_order_acq_rel);
    if ((old & (kOpen | kInside)) != 1) return;  // still open, or others are inside
    emptied.fetch_add(1, std::memory_order_release);
    emptied.notify_one();
  }

  void serve(std::size_t thread) noexcept {
    constexpr std::uint32_t kNumber = ~(kInside | kOpen);
    std::uint32_t joined = 0;  // number of the round joined last
    for (;;) {
      std::uint32_t seen = state.load(std::memory_order_acquire);
      if (quit.load(std::memory_order_acquire)) return;  // after the state that it changes
      if ((seen & kOpen) == 0 || (seen & kNumber) == joined) {
        const auto changed = [&] { return state.load(std::memory_order_acquire) != seen; };
        if (!spin(changed)) state.wait(seen, std::memory_order_acquire);
      } else if (state.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel)) {
        joined = seen & kNumber;
        work(thread);
        leave();
      }
    }
  }
};

Team::Team(std::size_t n_threads) : impl_(std::make_unique<Impl>()) {
  if (n_threads == 0) {
    throw base::Error(base::Fault::bad_usage, "a team needs at least one thread");
  }
  try {
    for (std::size_t t = 1; t < n_threads; ++t) {
      impl_->threads.emplace_back([impl = impl_.get(), t] { impl->serve(t); });
    }
  } catch (const std::exception& e) {  // no memory or no process slot for one more
    const std::size_t started = size();
    impl_->stop();
    throw base::Error(base::Fault::io, "cannot start a thread")
        .at("reason", e.what())
        .at("started", started)
        .at("wanted", n_threads)
        .hint("give fewer threads");
  }
}

Team::~Team() { impl_->stop(); }

std::size_t Team::size() const noexcept { return impl_->threads.size() + 1; }

void Team::run(std::size_t n, const std::function<void(std::size_t, std::size_t)>& task) {
  Impl& impl = *impl_;
  if (n <= 1 || impl.threads.empty()) {
    for (std::size_t i = 0; i < n; ++i) task(i, 0);
    return;
  }
  impl.task = &task;
  impl.n = n;
  impl.next.store(0, std::memory_order_relaxed);
  impl.open();
  impl.work(0);
  impl.close();
  if (impl.error) std::rethrow_exception(std::exchange(impl.error, nullptr));
}

}  // namespace runtime
