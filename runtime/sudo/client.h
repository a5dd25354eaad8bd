#ifndef WARREN_RUNTIME_SUDO_CLIENT_H_
#define WARREN_RUNTIME_SUDO_CLIENT_H_

#include "runtime/sudo/request.h"

namespace warren::sudo {

// Whether the sandbox grants root; says on standard error why not.
bool IsGranted();

// Has the sandbox's agent run it, ringing for one where there is none. Returns the command's exit
// code; 128 and the signal's number where one ended it.
int RunThroughAgent(Request request);

}  // namespace warren::sudo

#endif  // WARREN_RUNTIME_SUDO_CLIENT_H_
