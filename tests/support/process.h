// The program under test as a process that a test stops and goes on with.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace test {

/// Starts the quern program in silence; its process, which must be waited for.
pid_t start_quern(const std::vector<std::string>& arguments);

}  // namespace test
