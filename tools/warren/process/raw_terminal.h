#ifndef WARREN_TOOLS_WARREN_PROCESS_RAW_TERMINAL_H_
#define WARREN_TOOLS_WARREN_PROCESS_RAW_TERMINAL_H_

#include <termios.h>

#include <memory>

#include "absl/status/statusor.h"
#include "warren/v1/process.pb.h"

namespace warren {

// Our terminal in raw mode: each key goes to whoever reads it, Ctrl-C too, and what is written is
// shown as it is. The terminal is as it was when this is gone, or when the process dies of a fault
// of its own (SIGSEGV, abort() and their like). Owner: a session; one at a time in a process.
// Thread-compatible. Does not own the descriptor.
class RawTerminal {
 public:
  static absl::StatusOr<std::unique_ptr<RawTerminal>> Enter(int fd);
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  // Around a stop of the process: the terminal is somebody else's meanwhile.
  void Suspend();
  void Resume();

 private:
  RawTerminal(int fd, const termios& raw) : fd_(fd), raw_(raw) {}

  const int fd_;
  const termios raw_;
};

// The size of the terminal behind `fd`; 24 by 80 where there is none, or it does not know.
v1::Terminal TerminalSize(int fd);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_PROCESS_RAW_TERMINAL_H_
