#ifndef WARREN_TOOLS_WARREN_REPORT_H_
#define WARREN_TOOLS_WARREN_REPORT_H_

#include "absl/strings/string_view.h"
#include "tools/warren/client.h"

// What goes wrong, for people: on standard error, each line of it begun by "warren: ".
namespace warren {

// A line for people that is no error.
void Say(absl::string_view message);

// Says what failed and returns the exit code for it, kExitWarren.
int Fail(absl::string_view message);
// The same of a call; `what` is a verb and its object.
int FailCall(const Client& client, absl::string_view what, const grpc::Status& status);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_REPORT_H_
