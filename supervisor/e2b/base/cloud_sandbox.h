#ifndef WARREN_SUPERVISOR_E2B_BASE_CLOUD_SANDBOX_H_
#define WARREN_SUPERVISOR_E2B_BASE_CLOUD_SANDBOX_H_

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "runtime/base/mutex.h"
#include "supervisor/session/execution_runner.h"
#include "supervisor/session/request_ids.h"
#include "supervisor/session/sandbox_use.h"
#include "supervisor/session/termination.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// What is known of its processes; supervisor/e2b/envd has it.
struct EnvdState;

// Where cells run.
class CloudRunner : public ExecutionRunner {
 public:
  // The sandbox has gone: what runs and what waits ends. Of the loop's thread.
  virtual void End(StopReason why) = 0;
  // The backend goes: what runs and what waits ends. When the loop's thread has ended.
  virtual void OnStop() = 0;
};
// By the contexts' ids.
using CloudContexts = std::map<std::string, std::shared_ptr<CloudRunner>>;

// What is known here of a sandbox of the cloud's. Of the loop's thread, but for what says
// otherwise.
struct CloudSandbox {
  explicit CloudSandbox(std::string sandbox_id) : id(std::move(sandbox_id)) {}

  // As the cloud has it. For any thread, as `use` is.
  const std::string id;
  // Whose it is; empty for the operator's.
  std::string tenant;
  // What the cloud wants to see of who reaches into it; empty where it wants nothing.
  std::string envd_token;
  std::string traffic_token;
  // Where the cloud says another domain than the configured one.
  std::string domain;
  // As it was told last, without what is only true for a moment.
  v1::Sandbox told;
  // Since it was made, or resumed; InfinitePast while it is paused.
  absl::Time runs_since = absl::InfinitePast();
  // Of earlier stretches.
  absl::Duration ran;
  // Of what is under way in it, for lifetimes that count from the last use.
  const std::shared_ptr<UseMeter> use = std::make_shared<UseMeter>();
  // Null before the first of them.
  std::shared_ptr<EnvdState> envd;
  // Somebody has asked to destroy it: why its cells end. For any thread.
  std::atomic<bool> destroying{false};
  // Creates of contexts with a request id. For any thread.
  ContextRequests context_requests;

  // Where its cells run, as far as they were used here: the interpreter's.
  Mutex contexts_mu;
  CloudContexts contexts ABSL_GUARDED_BY(contexts_mu);
  // It is not remembered any more: none is kept here, for they have the sandbox, and nobody would
  // let go of them.
  bool contexts_closed ABSL_GUARDED_BY(contexts_mu) = false;
};

using CloudSandboxRef = std::shared_ptr<CloudSandbox>;

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_BASE_CLOUD_SANDBOX_H_
