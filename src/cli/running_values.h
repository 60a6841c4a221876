// Values that are printed while a run goes on, beside the bar of its progress.
#pragma once

#include <string>
#include <string_view>

#include "cli/progress.h"

namespace cli {

/// Prints each value as it comes. On a terminal with a bar the values stand above it, in lines of
/// its width. Into a pipe they may come out on that same terminal: there is no bar then.
class RunningValues {
 public:
  explicit RunningValues(TerminalProgress& progress);
  /// Ends a line that was begun, so that an error does not stand behind a value.
  ~RunningValues();
  RunningValues(const RunningValues&) = delete;
  RunningValues& operator=(const RunningValues&) = delete;

  void add(std::string_view text);
  /// After the last value; takes the bar away. On a terminal, `end` only where no line is open.
  void finish(std::string_view end);

 private:
  void add_above_bar(std::string_view text);

  TerminalProgress& progress_;
  bool above_bar_;
  bool open_ = false;  ///< the last line has no end
  std::string line_;   ///< above the bar: the last line, which more values may follow
};

}  // namespace cli
