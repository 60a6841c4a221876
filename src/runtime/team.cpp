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

/// Waits until `value` differs from `old`: spins briefly, then sleeps.
template <class T>
void wait_change(const std::atomic<T>& value, T old) noexcept {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

struct Team::Impl {
  std::vector<std::thread> threads;
  const std::function<void(std::size_t, std::size_t)>* task = nullptr;
  std::size_t n = 0;
  std::atomic<std::uint32_t> round{0};
  std::atomic<std::uint32_t> busy{0};  // workers that have not finished the round
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
    round.fetch_add(1, std::memory_order_release);
    round.notify_all();
    for (std::thread& t : threads) t.join();
    threads.clear();
  }

  void serve(std::size_t thread) noexcept {
    for (std::uint32_t seen = 0;;) {
      wait_change(round, seen);
      ++seen;
      if (quit.load(std::memory_order_acquire)) return;
      work(thread);
      if (busy.fetch_sub(1, std::memory_order_acq_rel) == 1) busy.notify_one();
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
  impl.busy.store(static_cast<std::uint32_t>(impl.threads.size()), std::memory_order_relaxed);
  impl.round.fetch_add(1, std::memory_order_release);
  impl.round.notify_all();
  impl.work(0);
  for (;;) {
    const std::uint32_t left = impl.busy.load(std::memory_order_acquire);
    if (left == 0) break;
    wait_change(impl.busy, left);
  }
  if (impl.error) std::rethrow_exception(std::exchange(impl.error, nullptr));
}

}  // namespace runtime
