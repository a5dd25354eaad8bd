#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_INPUT_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_INPUT_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "warren/e2b/process.pb.h"
#include "warren/v1/process.pb.h"

namespace warren {

// The messages of a stream from a client, one after the other, as they come: of one at a time is
// held, and charged to the exchange's memory.
//
// On the connection's strand. The exchange, whose body nobody else reads, outlives it.
class EnvelopeReader {
 public:
  explicit EnvelopeReader(Exchange& exchange);

  // The payload of the next; nothing: the client has said all. INVALID_ARGUMENT for what is no
  // envelope, is larger than a message may be, or is cut off, and for a compressed one;
  // RESOURCE_EXHAUSTED where all clients' bodies together take too much memory.
  Async<absl::StatusOr<std::optional<std::string>>> Next();

 private:
  // Until so much is held. False: the body ends before.
  Async<absl::StatusOr<bool>> Fill(size_t size);

  Exchange& exchange_;
  std::string held_;
  MemoryCharge charge_;
};

// To the standard input or the terminal of a process, in parts that it takes one after the other;
// done when it has taken all, or the exchange's client has gone, for it may never take it.
Async<absl::Status> WriteToProcess(Exchange& exchange, std::shared_ptr<SandboxHandle> sandbox,
                                   v1::Process process, e2b::ProcessInput input);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_INPUT_H_
