#ifndef WARREN_SUPERVISOR_E2B_BASE_CLOUD_H_
#define WARREN_SUPERVISOR_E2B_BASE_CLOUD_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/e2b/base/cloud_options.h"
#include "supervisor/e2b/base/cloud_sandbox.h"
#include "supervisor/e2b/http/http_ask.h"
#include "supervisor/session/detached_executions.h"

namespace warren {

// What the parts of the E2B backend share: the loop on whose one thread everything happens, the
// HTTP client, the sandboxes that are known. Handles and operations hold it, so that they may
// outlive the backend: what they ask then is dropped, and answered as UNAVAILABLE (SureReply).
//
// Of the loop's thread, but for Post, options, memory and detached.
class Cloud : public std::enable_shared_from_this<Cloud> {
 public:
  // Sandboxes that are remembered; beyond, those that were used least lately are asked for anew.
  static constexpr size_t kMaxKnown = 16384;

  // Stop comes before the loop goes.
  Cloud(CloudOptions options, IoLoop& loop);

  const CloudOptions& options() const { return options_; }
  MemoryBudget& memory() { return memory_; }
  DetachedExecutions& detached() { return detached_; }
  // Runs it on the loop's thread; dropped after Stop.
  void Post(Task task);

  // ---- Of the loop's thread
  void Begin(std::unique_ptr<HttpClient> http) { http_ = std::move(http); }
  HttpClient& http() { return *http_; }
  IoLoop& loop() { return loop_; }
  // So long from now, of a host of pace 1.
  MonotonicTime After(std::chrono::nanoseconds time) const;

  // Asks, keeps the call until it is answered, and hands over the answer, whatever its status; at
  // Stop UNAVAILABLE.
  using OnAnswer = absl::AnyInvocable<void(absl::StatusOr<HttpAnswer>)>;
  void Ask(HttpRequest request, HttpAgain again, OnAnswer on_answer);

  // Of a call whose answer has said all that matters: the last bytes of it are waited for, for a
  // moment, so that its connection serves the next one. Its sink pauses it no more.
  void LetEnd(std::unique_ptr<HttpCall> call);

  // What a call into a sandbox failed with, where the reason may be that there is no such sandbox,
  // or that it is paused: the control plane is asked, and NOT_FOUND or FAILED_PRECONDITION told
  // then.
  void Explain(CloudSandboxRef sandbox, absl::Status status,
               absl::AnyInvocable<void(absl::Status)> told);

  // Null where it is not known.
  CloudSandboxRef Find(const std::string& sandbox_id);
  void Remember(CloudSandboxRef sandbox);
  // The cloud says that it has it no more: what waits for it is told elsewhere.
  void Forget(const std::string& sandbox_id);
  // Told the ids of what is forgotten. Before the first request.
  void OnForgotten(std::function<void(const std::string&)> on_forgotten) {
    on_forgotten_ = std::move(on_forgotten);
  }
  // Nothing of the loop's or the client's is touched after it. Once the loop's thread has ended.
  void Stop();

 private:
  struct Asking {
    std::unique_ptr<HttpAsk> ask;
    OnAnswer on_answer;
  };

  static CloudContexts DropContexts(CloudSandbox& sandbox);

  const CloudOptions options_;
  IoLoop& loop_;
  MemoryBudget memory_;
  DetachedExecutions detached_;
  std::unique_ptr<HttpClient> http_;
  std::function<void(const std::string&)> on_forgotten_;
  std::unordered_map<uint64_t, Asking> asking_;
  uint64_t last_ask_ = 0;
  bool stopping_ = false;
  std::unordered_map<std::string, CloudSandboxRef> known_;

  Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_BASE_CLOUD_H_
