// {% for %} and its variable `loop`.
#include <fmt/format.h>

#include "text/template/arguments.h"
#include "text/template/at_line.h"
#include "text/template/statements.h"

namespace text::jinja {
namespace {

class For;

/// The variable `loop`: one object for all rounds, as in Jinja.
class Loop final : public Object {
 public:
  /// `again`: the statement, if the loop may be called; `around`: the names that it sees.
  Loop(std::vector<Value> items, std::size_t depth, const For* again, const Scope& around)
      : items_(std::move(items)), depth_(depth), again_(again), around_(&around) {}

  const std::vector<Value>& items() const noexcept { return items_; }
  void go_to(std::size_t at) noexcept { at_ = at; }
  /// The names around the loop may be gone from here on.
  void end() noexcept { around_ = nullptr; }

  std::string_view type_name() const noexcept override { return "LoopContext"; }
  std::optional<Value> attribute(Render& render, std::string_view name) const override;
  Method method(std::string_view name) const noexcept override;
  bool callable() const noexcept override { return true; }
  Value call(Render& render, const Arguments& arguments) override;
  std::vector<Value> held() const override {
    std::vector<Value> out = items_;
    out.insert(out.end(), seen_.begin(), seen_.end());
    return out;
  }
  void release() override {
    items_.clear();
    seen_.clear();
  }

 private:
  static Value cycle(Render& render, const Value& self, const Arguments& arguments);
  static Value changed(Render& render, const Value& self, const Arguments& arguments);

  std::vector<Value> items_;
  std::size_t at_ = 0;
  std::size_t depth_;
  const For* again_;  // of the template, which outlives every rendering
  const Scope* around_;
  bool asked_ = false;       // whether `changed` has been called
  std::vector<Value> seen_;  // its last arguments
};

class For final : public Statement {
 public:
  For(ForLoop loop, std::size_t line) : loop_(std::move(loop)), line_(line) {}

  Flow run(Render& render) const override {
    const Value over = at_line(line_, [&] { return loop_.over->value(render); });
    return rounds(render, over, 0);
  }

  /// loop(over) inside a recursive loop: the text of the rounds over other items.
  Value nested(Render& render, const Value& over, const Scope& around, std::size_t depth) const {
    const Render::Level level(render);
    Render::Capture capture(render);
    const Render::Block block(render, around);
    rounds(render, over, depth);
    return capture.take();
  }

 private:
  /// Ends a loop, also when its body throws.
  struct Ending {
    Loop& loop;
    explicit Ending(Loop& of) : loop(of) {}
    ~Ending() { loop.end(); }
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;
  };

  Flow rounds(Render& render, const Value& over, std::size_t depth) const {
    std::vector<Value> items = at_line(line_, [&] { return chosen_items(render, over); });
    if (items.empty()) return run_body(loop_.otherwise, render);
    const std::size_t bytes = items.size() * Render::kItemBytes;
    render.object();
    const auto loop = std::make_shared<Loop>(std::move(items), depth,
                                             loop_.recursive ? this : nullptr, render.scope());
    const Value variable = Value::ObjectPtr(loop);
    const Ending ending(*loop);
    for (std::size_t i = 0; i < loop->items().size(); ++i) {
      const Render::Block block(render);
      loop->go_to(i);
      at_line(line_, [&] { loop_.target.assign(render, loop->items()[i]); });
      render.scope().set(render, "loop", variable);
      if (run_body(loop_.body, render) == Flow::leave_loop) break;
    }
    constexpr int kOurs = 2;  // `loop` and `variable`: the template keeps no third
    if (loop.use_count() == kOurs) render.give_back(bytes);
    return Flow::next;
  }

  std::vector<Value> chosen_items(Render& render, const Value& over) const {
    std::vector<Value> items = iterate(render, over);
    if (loop_.condition == nullptr) return items;
    std::vector<Value> chosen;
    for (Value& item : items) {
      const Render::Block block(render);
      loop_.target.assign(render, item);
      if (truth(loop_.condition->value(render))) chosen.push_back(std::move(item));
    }
    return chosen;
  }

  ForLoop loop_;
  std::size_t line_;
};

std::optional<Value> Loop::attribute(Render&, std::string_view name) const {
  const auto n = static_cast<std::int64_t>(items_.size());
  const auto i = static_cast<std::int64_t>(at_);
  const auto depth = static_cast<std::int64_t>(depth_);
  if (name == "index") return i + 1;
  if (name == "index0") return i;
  if (name == "revindex") return n - i;
  if (name == "revindex0") return n - i - 1;
  if (name == "first") return i == 0;
  if (name == "last") return i + 1 == n;
  if (name == "length") return n;
  if (name == "depth") return depth + 1;
  if (name == "depth0") return depth;
  if (name == "previtem") return i == 0 ? Value::undefined("loop.previtem") : items_[at_ - 1];
  if (name == "nextitem") return i + 1 == n ? Value::undefined("loop.nextitem") : items_[at_ + 1];
  return std::nullopt;
}

Method Loop::method(std::string_view name) const noexcept {
  return name == "cycle" ? cycle : name == "changed" ? changed : nullptr;
}

Value Loop::cycle(Render&, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty()) throw failure("no items for cycling given");
  return arguments.positional[self.object_as<Loop>()->at_ % arguments.positional.size()];
}

Value Loop::changed(Render& render, const Value& self, const Arguments& arguments) {
  Loop& loop = *self.object_as<Loop>();
  const Value now = Value::tuple(arguments.positional);
  refuse_ring(render, &loop, now);
  if (loop.asked_ && equal(render, now, Value::tuple(loop.seen_))) return false;
  render.items(arguments.positional.size());
  loop.asked_ = true;
  loop.seen_ = arguments.positional;
  return true;
}

Value Loop::call(Render& render, const Arguments& arguments) {
  if (again_ == nullptr) {
    throw failure("The loop must have the 'recursive' marker to be called recursively.");
  }
  if (around_ == nullptr) throw failure("a loop cannot be called after its end");
  return again_->nested(render, Bound("loop", {"iterable"}, arguments).required(0), *around_,
                        depth_ + 1);
}

}  // namespace

StatementPtr make_for(ForLoop loop, std::size_t line) {
  return std::make_unique<For>(std::move(loop), line);
}

}  // namespace text::jinja
