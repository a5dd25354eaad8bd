#ifndef WARREN_RUNTIME_LAUNCH_INIT_ANCHOR_H_
#define WARREN_RUNTIME_LAUNCH_INIT_ANCHOR_H_

namespace warren::child {

// The anchor: pid 1 of the pid namespace that all zygotes and sandboxes descend from, and root of
// the template user namespace; root of nothing outside. It clones them, and the agents, on the
// launcher's word, and waits for all of them and for what is orphaned below it: the contexts of a
// zygote that ended. It reports each end on `exits`, the non-blocking write end of a pipe. When it
// dies the kernel kills every process below; it dies with the launcher. `executable` is the sealed
// memfd of this program. Returns the exit code when the launcher closes the socket.
int RunAnchor(int control, int executable, int exits);

}  // namespace warren::child

#endif  // WARREN_RUNTIME_LAUNCH_INIT_ANCHOR_H_
