#ifndef WARREN_RUNTIME_SUDO_SERVER_H_
#define WARREN_RUNTIME_SUDO_SERVER_H_

namespace warren::sudo {

// Serves one client on `connection`, as the root that it is to give: reads the request, runs the
// command as a child, passes signals on, and tells of its end. When the client goes before that, it
// ends, and whoever started it kills all that is left. What the command leaves behind, services for
// one, it waits for. Returns the exit code.
int Serve(int connection);

}  // namespace warren::sudo

#endif  // WARREN_RUNTIME_SUDO_SERVER_H_
