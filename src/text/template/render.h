#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "text/template/value.h"

namespace text::jinja {

struct Limits {
  std::size_t steps = 20'000'000;            ///< operations, each string weighed by its length
  std::size_t depth = 1000;                  ///< of expressions, blocks and macro calls together
  std::size_t bytes = std::size_t{1} << 26;  ///< of any one string, and of the output
};

/// Names of one block. Blocks see the names of those around them.
class Scope {
 public:
  explicit Scope(const Scope* outer) : outer_(outer) {}
  const Value* find(std::string_view name) const;
  void set(std::string_view name, Value value);
  const Scope* outer() const noexcept { return outer_; }
  const std::vector<std::pair<std::string, Value>>& names() const noexcept { return names_; }

 private:
  const Scope* outer_;
  std::vector<std::pair<std::string, Value>> names_;
};

/// One rendering: names, output, and what is left of the limits.
class Render {
 public:
  Render(const Limits& limits, const std::tm& now) : limits_(limits), now_(now) {}

  /// Counts work. Throws Fault::bad_input when the template does too much.
  void step(std::size_t n = 1) {
    steps_ += n;
    if (steps_ > limits_.steps) too_much("steps", limits_.steps);
  }
  /// A new string of this size: counted, and refused beyond the limit.
  void string(std::size_t bytes) {
    if (bytes > limits_.bytes) too_much("bytes in one string", limits_.bytes);
    step(bytes / 64);
  }
  /// Items that a new list keeps in memory.
  void items(std::size_t n) { step(n > limits_.steps ? n : 8 * n); }
  void write(std::string_view text) {
    string(out_->size() + text.size() > limits_.bytes ? limits_.bytes + 1 : text.size());
    out_->append(text);
  }

  /// Holds one level of depth.
  class Level {
   public:
    explicit Level(Render& render) : render_(render) {
      if (++render_.depth_ > render_.limits_.depth) {
        --render_.depth_;
        render_.too_much("levels of nesting", render_.limits_.depth);
      }
    }
    ~Level() { --render_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Render& render_;
  };

  /// Sends output to another string while it lives.
  class Capture {
   public:
    explicit Capture(Render& render) : render_(render), before_(render.out_) {
      render.out_ = &text_;
    }
    ~Capture() { render_.out_ = before_; }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    std::string take() { return std::move(text_); }

   private:
    Render& render_;
    std::string* before_;
    std::string text_;
  };

  /// Opens a block of names while it lives; inside `outer`, or inside the current one.
  class Block {
   public:
    explicit Block(Render& render) : Block(render, *render.scope_) {}
    Block(Render& render, const Scope& outer)
        : render_(render), before_(render.scope_), scope_(&outer) {
      render.scope_ = &scope_;
    }
    ~Block() { render_.scope_ = before_; }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

   private:
    Render& render_;
    Scope* before_;
    Scope scope_;
  };

  Scope& scope() noexcept { return *scope_; }
  Scope& top() noexcept { return top_; }
  const std::tm& now() const noexcept { return now_; }
  const Limits& limits() const noexcept { return limits_; }
  std::string take_output() { return std::move(output_); }

 private:
  [[noreturn]] void too_much(std::string_view what, std::size_t limit) const;

  Limits limits_;
  std::tm now_;
  std::size_t steps_ = 0;
  std::size_t depth_ = 0;
  std::string output_;
  std::string* out_ = &output_;
  Scope top_{nullptr};
  Scope* scope_ = &top_;
};

}  // namespace text::jinja
