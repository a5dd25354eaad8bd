#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_DETACHED_SET_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_DETACHED_SET_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/launch/launcher/resources.h"

namespace warren {

// What lies under kWorkerDirectory: Warren's Python files and the tools of sandboxes, or these
// alone.
enum class WarrenFiles { kWorker, kTools };

// The detached mounts of one sandbox or zygote, in the order of PlanFdIndices.
class DetachedSet {
 public:
  // Owners are mapped by the user namespace of `init_pidfd`. `bell` as MakeDeviceTree has it.
  static absl::StatusOr<DetachedSet> Make(const LaunchTemplate& source,
                                          const LaunchResources& resources, int init_pidfd,
                                          WarrenFiles files, const char* bell = nullptr);
  std::vector<int> fds() const;
  size_t size() const { return mounts_.size(); }
  UniqueFd TakeBell() { return std::move(bell_); }

 private:
  DetachedSet() = default;
  std::vector<UniqueFd> mounts_;
  UniqueFd bell_;
};

// A plain struct as a message.
template <typename Struct>
absl::string_view AsBytes(const Struct& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_DETACHED_SET_H_
