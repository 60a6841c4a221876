#pragma once

namespace cli {

/// The whole program: picks the subcommand (also by the name it was called under), parses, runs,
/// and turns errors into one message and an exit code (1, 2 for wrong usage, 128 + the signal for
/// an interrupt).
int run_program(int argc, char** argv) noexcept;

}  // namespace cli
