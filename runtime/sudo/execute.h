#ifndef WARREN_RUNTIME_SUDO_EXECUTE_H_
#define WARREN_RUNTIME_SUDO_EXECUTE_H_

#include "runtime/sudo/request.h"

namespace warren::sudo {

// Makes the calling process the request's command: its user, directory and program; streams are as
// they are. Returns only where that failed, with the exit code, and has said on standard error why.
int Execute(const Request& request);

// Writes "sudo: " and `text` and a line's end to standard error.
void Complain(const std::string& text);

}  // namespace warren::sudo

#endif  // WARREN_RUNTIME_SUDO_EXECUTE_H_
