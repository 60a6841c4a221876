// How long a thread has computed.
#pragma once

namespace base {

/// Seconds of the processor that the calling thread has had so far: other work on the machine takes
/// the clock on, not this.
double thread_seconds() noexcept;

}  // namespace base
