#ifndef WARREN_SUPERVISOR_SESSION_FILE_USER_H_
#define WARREN_SUPERVISOR_SESSION_FILE_USER_H_

#include <cstdint>

namespace warren {

// As whom the kernel decides about a file, by number in the sandbox.
struct FileUser {
  uint32_t uid;
  uint32_t gid;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_FILE_USER_H_
