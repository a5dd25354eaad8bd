#ifndef WARREN_RUNTIME_LINUX_HOST_LOCKS_H_
#define WARREN_RUNTIME_LINUX_HOST_LOCKS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// Numbers that one process of the host has at a time, whatever its network, mount and pid
// namespaces; only root of the host can take any (docs/adr/0019-host-locks.md). They are locks on
// the bytes of an empty file, so that the kernel frees them with their owner, however it ends.
// Lifecycle: Open → Take → destructor, which also removes the file when nobody has any.
class HostLocks {
 public:
  // The numbers called `name`. FAILED_PRECONDITION when others than root could have a hand in it.
  static absl::StatusOr<HostLocks> Open(const std::string& name);
  // The same in a directory, for tests.
  static absl::StatusOr<HostLocks> OpenIn(UniqueFd directory, const std::string& name);

  HostLocks(HostLocks&&) = default;
  HostLocks& operator=(HostLocks&&) = delete;
  ~HostLocks();

  // Takes `first` to `first + count - 1`, all or none. False when somebody else has one of them.
  absl::StatusOr<bool> Take(uint32_t first, uint32_t count);

 private:
  HostLocks(UniqueFd directory, std::string name)
      : directory_(std::move(directory)), name_(std::move(name)) {}
  absl::Status OpenFile();
  bool FileIsGone() const;

  UniqueFd directory_;
  std::string name_;
  UniqueFd file_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LINUX_HOST_LOCKS_H_
