#ifndef WARREN_RUNTIME_BASE_SUDO_PATHS_H_
#define WARREN_RUNTIME_BASE_SUDO_PATHS_H_

// Where `sudo` and those who serve it meet in a sandbox (docs/adr/0030-sudo.md).
namespace warren {

// The client, which is the server too where it is called with kSudoServe: on a mount that nobody
// inside can write to.
inline constexpr char kSudoProgram[] = "/opt/warren/bin/sudo";
inline constexpr char kSudoServe[] = "--serve";

// What the agent listens on. Root's directory.
inline constexpr char kSudoDirectory[] = "/run/warren";
inline constexpr char kSudoSocket[] = "/run/warren/sudo";

// A FIFO by which the launcher hears that an agent is wanted, where the template grants root.
inline constexpr char kSudoBell[] = "/dev/warren-sudo";
inline constexpr char kSudoBellName[] = "warren-sudo";

}  // namespace warren

#endif  // WARREN_RUNTIME_BASE_SUDO_PATHS_H_
