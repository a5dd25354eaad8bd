#ifndef WARREN_TESTS_SUPPORT_KILL_PROCESS_H_
#define WARREN_TESTS_SUPPORT_KILL_PROCESS_H_

#include <signal.h>
#include <sys/types.h>

#include <cerrno>

namespace warren {

// kill(2) for one process, never for a group or everybody: tests run as root, and a pid of -1 that
// stands for "not found" would end every process of the machine.
inline int KillProcess(pid_t pid, int signal) {
  if (pid > 1) return ::kill(pid, signal);
  errno = ESRCH;
  return -1;
}

}  // namespace warren

#endif  // WARREN_TESTS_SUPPORT_KILL_PROCESS_H_
