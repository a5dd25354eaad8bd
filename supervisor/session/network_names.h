#ifndef WARREN_SUPERVISOR_SESSION_NETWORK_NAMES_H_
#define WARREN_SUPERVISOR_SESSION_NETWORK_NAMES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "warren/internal/relay.pb.h"

namespace warren {

// The names that programs of one sandbox were given addresses for: each has its address for the
// sandbox's life, whatever relay it is that they ask. Thread-compatible.
class NetworkNames {
 public:
  // As the relay bounds them.
  static constexpr size_t kMaxNames = 1024;
  static constexpr size_t kMaxNameBytes = 64 << 10;
  // Of the names in one message.
  static constexpr size_t kMaxRestoreBytes = 32 << 10;

  // INVALID_ARGUMENT: the name, or its index, was given before, or there are too many.
  absl::Status Add(internal::NameAssigned assigned);
  // For a relay that knows none of them.
  std::vector<internal::RestoreNames> Restore() const;
  size_t size() const { return assigned_.size(); }
  void Clear();

 private:
  std::vector<internal::NameAssigned> assigned_;
  std::unordered_set<std::string> names_;
  std::unordered_set<uint32_t> indices_;
  size_t name_bytes_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_NETWORK_NAMES_H_
