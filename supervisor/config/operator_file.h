#ifndef WARREN_SUPERVISOR_CONFIG_OPERATOR_FILE_H_
#define WARREN_SUPERVISOR_CONFIG_OPERATOR_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The files that a file of backends names. Thread-safe.
namespace warren {

// Who may be able to read one.
enum class FileReaders { kAnybody, kOwnerAndGroup };

// The first `max_bytes` of a regular file, or all of it. Errors say what is wrong with which file
// and, behind "; ", what to do: NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION of what is no
// regular file or is readable to others than `readers`. Nothing of its content is in them.
absl::StatusOr<std::string> ReadOperatorFile(const std::string& path, size_t max_bytes,
                                             FileReaders readers);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_OPERATOR_FILE_H_
