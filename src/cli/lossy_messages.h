// What cannot be said must not end the work.
#pragma once

namespace cli {

/// From now on writing to stderr never fails: a message that a full disk or a closed pipe does not
/// take is lost, and the program goes on.
void let_messages_be_lost() noexcept;

}  // namespace cli
