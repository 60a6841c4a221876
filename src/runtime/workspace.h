// Scratch memory of one driver: a stack of blocks for activations, one buffer a thread for kernels,
// rotation tables. Reused from layer to layer, so a layer allocates nothing once warm.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/spec.h"
#include "tensor/buffer.h"

namespace runtime {

/// A stack of memory. Spans live until the Frame that was open when they were taken closes.
class Stack {
 public:
  /// n values of T, contents undefined, aligned to 64.
  template <class T>
  std::span<T> take(std::size_t n) {
    return {reinterpret_cast<T*>(take_bytes(n * sizeof(T))), n};
  }

  class Frame {
   public:
    explicit Frame(Stack& stack) noexcept
        : stack_(stack), block_(stack.block_), used_(stack.used_) {}
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;
    ~Frame() {
      stack_.block_ = block_;
      stack_.used_ = used_;
    }

   private:
    Stack& stack_;
    std::size_t block_, used_;
  };

 private:
  std::byte* take_bytes(std::size_t size);

  std::vector<tensor::Buffer> blocks_;
  std::size_t block_ = 0;  ///< the one that is filled now
  std::size_t used_ = 0;   ///< bytes used of it
};

/// cos and sin of every position and pair (docs/spec/models.md 1.5), made as positions appear.
class RopeTables {
 public:
  /// Rows for positions [0, n_positions): [n_positions, n_rot] floats, cos and sin of pair i at 2i
  /// and 2i + 1, magnitude included. `divisors` null or n_rot / 2 floats. The pointer is valid
  /// until the next call.
  const float* rows(const model::RopePlan& plan, const float* divisors, std::size_t n_positions);

 private:
  struct Table {
    model::RopePlan plan;
    const float* divisors = nullptr;
    std::vector<float> values = {};
  };
  std::vector<Table> tables_;
};

struct Workspace {
  Stack stack;
  RopeTables rope;
  std::vector<tensor::Buffer> thread_scratch;

  /// At least `size` bytes for each of n threads.
  void reserve_scratch(std::size_t n_threads, std::size_t size);
};

}  // namespace runtime
