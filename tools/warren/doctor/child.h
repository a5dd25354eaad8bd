#ifndef WARREN_TOOLS_WARREN_DOCTOR_CHILD_H_
#define WARREN_TOOLS_WARREN_DOCTOR_CHILD_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Things that are tried in a child, so that the process itself stays where it is.
namespace warren::doctor {

// What `body` returns in a forked child, which ends with it and with everything it made:
// namespaces, mounts, filters. INTERNAL when the child ends without an answer, DEADLINE_EXCEEDED
// after ten seconds.
absl::Status InChild(const std::function<absl::Status()>& body);

// Writes "0 `first` `count`" into both id maps of a child.
absl::Status MapIds(int pid, unsigned first, unsigned count);

// The same, but the child is first put into a new user namespace whose ids 0 to 65535 are those
// from 1000000 of the host, and is root there: what the processes of a template are.
absl::Status InMappedChild(const std::function<absl::Status()>& body);

// Runs a program with the given arguments (argv[0] first) and returns what it wrote to standard
// output, to 64 KiB. Its exit code must be 0.
absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& arguments);

}  // namespace warren::doctor

#endif  // WARREN_TOOLS_WARREN_DOCTOR_CHILD_H_
