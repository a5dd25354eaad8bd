#ifndef WARREN_RUNTIME_LINUX_DETACHED_MOUNT_H_
#define WARREN_RUNTIME_LINUX_DETACHED_MOUNT_H_

#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

// Mounts that hang nowhere: made by the launcher, which may, and attached by init in its own mount
// namespace. They vanish when the last fd is closed. All need CAP_SYS_ADMIN on the host.
namespace warren {

// What a clone of a tree is for. All of them are nosuid and nodev.
enum class TreeUse { kReadAndExecute, kRead, kReadAndWrite };

// The tree of an open directory (O_PATH suffices), without what is mounted below it; `name` is for
// messages. Its owners are mapped by `user_namespace`: host root becomes the namespace's root; -1:
// they stay as they are. FAILED_PRECONDITION where the file system cannot be mapped.
absl::StatusOr<UniqueFd> CloneTree(int directory, const std::string& name, TreeUse use,
                                   int user_namespace = -1);
// The same by its path, to read and to execute.
absl::StatusOr<UniqueFd> CloneMappedTree(const std::string& path, int user_namespace);

struct DeviceTree {
  UniqueFd mount;
  // Readable when somebody inside has written to `bell`. Bytes alone come through it, never a
  // descriptor.
  UniqueFd bell;
};
// A new read-only tmpfs with the device nodes null, zero, full, random, urandom and tty, the usual
// links, and empty directories pts and shm: /dev of one sandbox. Each has its own, so that a lock
// on /dev/null meets nobody else's.
// `bell`: name of a FIFO in it that everybody may write to; null for none.
absl::StatusOr<DeviceTree> MakeDeviceTree(const char* bell = nullptr);

// The user namespace of a process, as an fd.
absl::StatusOr<UniqueFd> OpenUserNamespace(int pidfd);

}  // namespace warren

#endif  // WARREN_RUNTIME_LINUX_DETACHED_MOUNT_H_
