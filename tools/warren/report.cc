#include "tools/warren/report.h"

#include <iostream>

#include "tools/warren/exit_code.h"

namespace warren {

void Say(absl::string_view message) { std::cerr << "warren: " << message << "\n"; }

int Fail(absl::string_view message) {
  Say(message);
  return kExitWarren;
}

int FailCall(const Client& client, absl::string_view what, const grpc::Status& status) {
  std::cerr << client.Explain(what, status);
  return kExitWarren;
}

}  // namespace warren
