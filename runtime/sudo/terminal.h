#ifndef WARREN_RUNTIME_SUDO_TERMINAL_H_
#define WARREN_RUNTIME_SUDO_TERMINAL_H_

#include <termios.h>

#include <cstdint>
#include <string>

#include "runtime/base/unique_fd.h"

namespace warren::sudo {

// A terminal of the command's own, copied to and from the one that `sudo` was called on: no process
// takes another session's. Lifecycle: Open → Raw → (OnInput, OnOutput, OnResize)* → Drain →
// destructor, which leaves the caller's as it was.
class Terminal {
 public:
  // False where standard input is no terminal, or one whose foreground is another's: then the
  // command has the caller's streams as they are.
  bool Open();
  ~Terminal() { Cook(); }

  bool open() const { return master_.valid(); }
  int master() const { return master_.get(); }
  // The command's end, until it is given away.
  int peer() const { return peer_.get(); }
  void ClosePeer() { peer_.reset(); }

  // The caller's terminal passes on all that is typed; and is as it was.
  void Raw();
  void Cook();

  // Whether more of what is typed can be taken.
  bool takes_input() const { return typed_.empty() && !input_ended_; }
  bool has_input() const { return !typed_.empty(); }
  void OnInput();
  void WriteInput();
  // False when the command's end is closed.
  bool OnOutput();
  void OnResize();
  // What the command wrote before its end.
  void Drain();

 private:
  UniqueFd master_;
  UniqueFd peer_;
  termios before_ = {};
  bool raw_ = false;
  bool input_ended_ = false;
  std::string typed_;
  int output_ = 1;
};

}  // namespace warren::sudo

#endif  // WARREN_RUNTIME_SUDO_TERMINAL_H_
