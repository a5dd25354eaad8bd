#ifndef WARREN_SUPERVISOR_MAIN_PRIVILEGES_H_
#define WARREN_SUPERVISOR_MAIN_PRIVILEGES_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace warren {

struct ServingUser {
  uid_t uid = 0;
  gid_t gid = 0;
};

// Without a user "warren" and without --user: a number that no package and no login uses.
inline constexpr uid_t kFallbackUid = 60990;

// A user's name or number; empty for "warren" or kFallbackUid. INVALID_ARGUMENT when there is none,
// or it is root.
absl::StatusOr<ServingUser> FindServingUser(const std::string& user);

// FAILED_PRECONDITION, with the remedy, unless this process is root.
absl::Status CheckRoot();

// Open files: as many as the hard limit allows. Returns that number.
absl::StatusOr<int64_t> RaiseOpenFiles();

// Gives root up for good: groups, ids, every capability, and what exec could bring back. Call it
// while there is one thread, for credentials belong to threads. Checks the result.
absl::Status DropPrivileges(const ServingUser& user);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_PRIVILEGES_H_
