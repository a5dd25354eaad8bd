#ifndef WARREN_RUNTIME_STORE_STORE_DIRECTORY_H_
#define WARREN_RUNTIME_STORE_STORE_DIRECTORY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"
#include "runtime/base/unique_fd.h"

namespace warren {

inline constexpr char kTreeDirectory[] = "tree";
inline constexpr char kManifestFile[] = "manifest";
inline constexpr char kSetFile[] = "set";

// The store's directory:
//   packages/KEY/{tree/…, manifest}   sets/DIGEST/{tree/…, set}   resolutions/DIGEST   tmp/N
// Whatever is not in tmp is whole: it is made there, synced, and moved; and what goes is moved
// there first. So a power cut or a killed process leaves nothing half made but in tmp.
//
// One process has it at a time. Thread-safe.
class StoreDirectory {
 public:
  enum class Folder { kPackages, kSets, kResolutions, kTemporary };

  // Makes what is not there. UNAVAILABLE: another process has it.
  static absl::StatusOr<std::unique_ptr<StoreDirectory>> Open(UniqueFd root);

  absl::StatusOr<std::vector<std::string>> List(Folder folder) const;
  absl::StatusOr<UniqueFd> OpenEntry(Folder folder, const std::string& name) const;
  // Nanoseconds since the epoch: when it was used last.
  absl::StatusOr<int64_t> UsedAt(Folder folder, const std::string& name) const;
  void SetUsedAt(Folder folder, const std::string& name, int64_t nanoseconds) const;

  // A new directory in tmp: its name.
  absl::StatusOr<std::string> MakeTemporary() const;
  // Syncs what was written there, moves it to its place, and syncs that. ALREADY_EXISTS.
  absl::Status Publish(const std::string& temporary, Folder folder, const std::string& name) const;
  // From its place into tmp: the name there, to be removed.
  absl::StatusOr<std::string> Retire(Folder folder, const std::string& name) const;
  absl::Status RemoveTemporary(const std::string& name) const;

  // A record that is a file by itself; takes the place of one that is there.
  absl::Status PutRecord(Folder folder, const std::string& name,
                         const google::protobuf::MessageLite& message) const;
  absl::Status GetRecord(Folder folder, const std::string& name,
                         google::protobuf::MessageLite& message) const;

 private:
  explicit StoreDirectory(UniqueFd root) : root_(std::move(root)) {}
  int FolderFd(Folder folder) const { return folders_[static_cast<size_t>(folder)].get(); }
  std::string NextTemporary() const;

  // Its lock is this descriptor's.
  const UniqueFd root_;
  UniqueFd folders_[4];
  mutable std::atomic<uint64_t> last_temporary_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_STORE_DIRECTORY_H_
