#ifndef WARREN_RUNTIME_STORE_STORE_FILES_H_
#define WARREN_RUNTIME_STORE_STORE_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message_lite.h"
#include "runtime/base/unique_fd.h"

// The store's files, each named below an open directory and no link. Thread-safe.
namespace warren {

absl::StatusOr<UniqueFd> OpenDirectory(int directory, const std::string& name);
// What is in it, but for "." and "..".
absl::StatusOr<std::vector<std::string>> ListDirectory(int directory);

// All of it; a write that is cut short is gone on with.
absl::Status WriteBytes(int fd, absl::string_view bytes);

// A new file that holds the message as a StoreRecord; not on disk before it is synced.
absl::Status WriteRecord(int directory, const std::string& name,
                         const google::protobuf::MessageLite& message);
// DATA_LOSS: it is none, or damaged.
absl::Status ReadRecord(int directory, const std::string& name,
                        google::protobuf::MessageLite& message);

// A file, or a directory with all that is in it. NOT_FOUND is OK.
absl::Status RemoveTree(int directory, const std::string& name);

// What is in a directory and below, without itself.
struct TreeCount {
  int64_t files = 0;
  int64_t directories = 0;
  // Links, sockets, devices: anything else.
  int64_t others = 0;
  bool operator==(const TreeCount&) const = default;
};
absl::StatusOr<TreeCount> CountTree(int directory);

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_STORE_FILES_H_
