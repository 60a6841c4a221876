#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "base/progress.h"
#include "text/template/value.h"

namespace text::jinja {

/// What one rendering may do. The worst template ends within about two seconds and 200 MB of these;
/// published ones need less than a hundredth.
struct Limits {
  std::size_t steps = 20'000'000;             ///< operations; so is a look at 8 bytes of a string
  std::size_t depth = 1000;                   ///< of expressions, blocks and macro calls together
  std::size_t bytes = std::size_t{1} << 24;   ///< of any one string, and of the output
  std::size_t memory = std::size_t{1} << 27;  ///< bytes of all strings and lists that it makes
};

/// Names of one block. Blocks see the names of those around them.
class Scope {
 public:
  explicit Scope(const Scope* outer) : outer_(outer) {}
  /// Counts the names that it compares.
  const Value* find(Render& render, std::string_view name) const;
  void set(Render& render, std::string_view name, Value value);
  /// Without counting: for what the caller gives.
  void set(std::string_view name, Value value);
  const Scope* outer() const noexcept { return outer_; }
  /// Memory that was counted for the names.
  std::size_t made() const noexcept { return made_; }
  const std::vector<std::pair<std::string, Value>>& names() const noexcept { return names_; }

 private:
  const Scope* outer_;
  std::vector<std::pair<std::string, Value>> names_;
  std::size_t made_ = 0;
};

/// One rendering: names, output, and what is left of the limits.
class Render {
 public:
  /// `stop`, if given, must outlive this.
  Render(const Limits& limits, const std::tm& now, const base::StopFlag* stop = nullptr)
      : limits_(limits), now_(now), stop_(stop), steps_left_(limits.steps) {}

  // All that a rendering does is counted before it is done. Each throws Fault::bad_input when the
  // template does too much.

  /// Counts work. Throws Fault::interrupted if a stop was requested.
  void step(std::size_t n = 1) {
    if (n > steps_left_) too_much("steps", limits_.steps);
    steps_left_ -= n;
    if (stop_ != nullptr) stop_->check();
  }
  /// Characters that are looked at one by one.
  void look(std::size_t bytes) { step(1 + bytes / 8); }
  /// Bytes that are copied or compared.
  void pass(std::size_t bytes) { step(1 + bytes / 64); }
  /// What a filter, method or function is given: strings by their length, others by their items.
  void look(const Value& value);
  void look(const Arguments& arguments);

  /// Bytes of memory that new values keep.
  void made(std::size_t bytes) {
    if (bytes > limits_.memory - made_) too_much("bytes in all values", limits_.memory);
    made_ += bytes;
  }
  /// Memory that is free again.
  void give_back(std::size_t bytes) noexcept { made_ -= bytes; }
  /// A new string of this size.
  void string(std::size_t bytes) {
    if (bytes > limits_.bytes) too_much("bytes in one string", limits_.bytes);
    pass(bytes);
    made(kStringBytes + bytes);
  }
  /// New items of a list.
  void items(std::size_t n) {
    step(n);
    made(n > limits_.memory ? n : n * kItemBytes);
  }
  /// A new list, mapping or object, without its items.
  void object() { made(kObjectBytes); }
  /// Adds to a text that is a new value in the end.
  void append(std::string& out, std::string_view more) {
    grow(out, more.size());
    out += more;
  }
  /// Counts what a text becomes longer by.
  void grow(const std::string& out, std::size_t more) {
    if (more > limits_.bytes || out.size() > limits_.bytes - more) {
      too_much("bytes in one string", limits_.bytes);
    }
    pass(more);
    made(more);
  }
  void write(std::string_view text) { append(*out_, text); }

  /// Memory that is given back when this goes.
  class Held {
   public:
    Held(Render& render, std::size_t bytes) : render_(render), bytes_(bytes) { render.made(bytes); }
    ~Held() { render_.made_ -= bytes_; }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

   private:
    Render& render_;
    std::size_t bytes_;
  };

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
    ~Block() {
      render_.scope_ = before_;
      render_.made_ -= scope_.made();
    }
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

  // What values take in memory, with what the allocator adds.
  static constexpr std::size_t kItemBytes = 32;
  static constexpr std::size_t kStringBytes = 64;
  static constexpr std::size_t kObjectBytes = 112;
  static constexpr std::size_t kCharacterBytes = kItemBytes + kStringBytes;  ///< of a list of them
  std::string take_output() { return std::move(output_); }

 private:
  [[noreturn]] void too_much(std::string_view what, std::size_t limit) const;

  Limits limits_;
  std::tm now_;
  const base::StopFlag* stop_;
  std::size_t steps_left_;
  std::size_t made_ = 0;
  std::size_t depth_ = 0;
  std::string output_;
  std::string* out_ = &output_;
  Scope top_{nullptr};
  Scope* scope_ = &top_;
};

}  // namespace text::jinja
