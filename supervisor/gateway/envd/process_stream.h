#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_STREAM_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_STREAM_H_

#include <memory>

#include "supervisor/backend/backend.h"
#include "supervisor/backend/process_queue.h"
#include "supervisor/gateway/envd/connect_rpc.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"
#include "supervisor/gateway/http/waker.h"

namespace warren {

// What a client asked for: a refusal means another thing for each.
enum class ProcessCall { kStart, kConnect };

// What happens in one process, on its way to a client of envd's Start or Connect.
//
// On the connection's strand. Lifecycle: constructor → the operation, attached to queue() → Run,
// once.
class ProcessStream {
 public:
  // All outlive it. After `keepalive` without an event the client is sent one that says nothing.
  ProcessStream(Exchange& exchange, ConnectStream& stream, std::shared_ptr<SandboxHandle> sandbox,
                ProcessCall call, SteadyTime::duration keepalive);
  // Leaves what has not come to its end.
  ~ProcessStream();
  ProcessStream(const ProcessStream&) = delete;
  ProcessStream& operator=(const ProcessStream&) = delete;

  const std::shared_ptr<ProcessQueue>& queue() const { return queue_; }

  // Until the process has ended, the client has gone, or `until` has come, which ends this stream
  // and not the process. Then the stream has its end, but where the sandbox is gone.
  Async<void> Run(SteadyTime until);

 private:
  // True: the stream has ended, or its client has.
  Async<bool> SendAll();
  Async<void> SendExit(const v1::Termination& termination);
  Async<void> EndWith(const absl::Status& status);
  Async<bool> SendKeepalive();
  // For a sandbox that is gone: 502, or the connection's cut where the answer has begun.
  Async<void> CutOff();

  Exchange& exchange_;
  ConnectStream& stream_;
  const std::shared_ptr<SandboxHandle> sandbox_;
  const ProcessCall call_;
  const SteadyTime::duration keepalive_;
  const std::shared_ptr<Waker> waker_;
  const std::shared_ptr<ProcessQueue> queue_;
  SteadyTime next_keepalive_;
  // The last of the queue was taken.
  bool drained_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_STREAM_H_
