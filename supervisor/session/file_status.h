#ifndef WARREN_SUPERVISOR_SESSION_FILE_STATUS_H_
#define WARREN_SUPERVISOR_SESSION_FILE_STATUS_H_

#include <string>

#include "absl/status/status.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// What a call does, and to what: for its errors.
struct FileSubject {
  // "read".
  std::string verb;
  // As the client named it, made absolute.
  std::string path;
};

// How a call ended, for its client: codes as file.proto says, and a text that names what was done,
// the path with what is not text in it escaped, what failed, and what to do.
absl::Status FileStatus(const FileSubject& subject, const internal::StreamEnd& end);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_FILE_STATUS_H_
