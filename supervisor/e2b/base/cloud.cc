#include "supervisor/e2b/base/cloud.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"

namespace warren {
namespace {

// Of the memory that is kept for clients that come back.
constexpr int64_t kKeptShare = 4;

// docs/TIMING.md, of a host of pace 1.
constexpr std::chrono::seconds kLastBytes{1};

absl::Status Paused() {
  return absl::FailedPreconditionError("the sandbox is paused; resume it first");
}

}  // namespace

Cloud::Cloud(CloudOptions options, IoLoop& loop)
    : options_(std::move(options)),
      loop_(loop),
      memory_(options_.buffer_memory),
      detached_(loop, options_.buffer_memory / kKeptShare, &memory_) {}

void Cloud::Post(Task task) {
  MutexLock lock(&mu_);
  if (!stopped_) loop_.Post(std::move(task));
}

MonotonicTime Cloud::After(std::chrono::nanoseconds time) const {
  return MonotonicClock::now() + std::chrono::nanoseconds(static_cast<int64_t>(
                                     static_cast<double>(time.count()) * options_.pace));
}

void Cloud::Ask(HttpRequest request, HttpAgain again, OnAnswer on_answer) {
  // What is told of the stop may ask why.
  if (http_ == nullptr || stopping_)
    return on_answer(absl::UnavailableError("the backend is being shut down"));
  const uint64_t number = ++last_ask_;
  asking_[number].on_answer = std::move(on_answer);
  auto ask =
      AskHttp(*http_, loop_, &memory_, std::move(request), again,
              [this, number](absl::StatusOr<HttpAnswer> answer) {
                auto found = asking_.find(number);
                if (found == asking_.end()) return;
                // It may go only when its own callback is over.
                loop_.Post([ask = std::shared_ptr<HttpAsk>(std::move(found->second.ask))] {});
                OnAnswer told = std::move(found->second.on_answer);
                asking_.erase(found);
                told(std::move(answer));
              });
  // It may have been answered in place.
  auto found = asking_.find(number);
  if (found != asking_.end()) found->second.ask = std::move(ask);
}

void Cloud::LetEnd(std::unique_ptr<HttpCall> call) {
  if (call != nullptr) loop_.AddTimer(After(kLastBytes), [call = std::move(call)] {});
}

void Cloud::Explain(CloudSandboxRef sandbox, absl::Status status,
                    absl::AnyInvocable<void(absl::Status)> told) {
  if (!absl::IsUnavailable(status)) return told(std::move(status));
  Ask(ControlRequest(options_, "GET", absl::StrCat("/sandboxes/", PercentEncode(sandbox->id))),
      HttpAgain::kAlways,
      [self = shared_from_this(), sandbox, status = std::move(status),
       told = std::move(told)](absl::StatusOr<HttpAnswer> answer) mutable {
        if (!answer.ok()) return told(std::move(status));
        if (answer->head.status == 404) {
          // It is told what its own call came to; the others hear that the sandbox has ended.
          told(NoSuchCloudSandbox());
          return self->Forget(sandbox->id);
        }
        auto json = ParseCloudJson(answer->body, "the cloud's word on a sandbox");
        if (json.ok() && TextField(*json, "state") == "paused") return told(Paused());
        told(std::move(status));
      });
}

CloudSandboxRef Cloud::Find(const std::string& sandbox_id) {
  auto found = known_.find(sandbox_id);
  return found == known_.end() ? nullptr : found->second;
}

void Cloud::Remember(CloudSandboxRef sandbox) {
  if (known_.size() >= kMaxKnown && known_.count(sandbox->id) == 0) {
    // Whatever is not in use will do: it is asked for anew.
    for (auto each = known_.begin(); each != known_.end(); ++each) {
      if (each->second->use->in_use()) continue;
      DropContexts(*each->second);
      known_.erase(each);
      break;
    }
  }
  known_[sandbox->id] = std::move(sandbox);
}

CloudContexts Cloud::DropContexts(CloudSandbox& sandbox) {
  // They hold the sandbox.
  CloudContexts contexts;
  MutexLock lock(&sandbox.contexts_mu);
  contexts.swap(sandbox.contexts);
  sandbox.contexts_closed = true;
  return contexts;
}

void Cloud::Forget(const std::string& sandbox_id) {
  if (auto found = known_.find(sandbox_id); found != known_.end()) {
    const CloudSandboxRef sandbox = std::move(found->second);
    known_.erase(found);
    const StopReason why = sandbox->destroying ? StopReason::kDestroyed : StopReason::kExpired;
    for (auto& [context_id, context] : DropContexts(*sandbox)) context->End(why);
  }
  detached_.ForgetSandbox(sandbox_id);
  if (on_forgotten_) on_forgotten_(sandbox_id);
}

void Cloud::Stop() {
  {
    MutexLock lock(&mu_);
    stopped_ = true;
  }
  stopping_ = true;
  auto asking = std::move(asking_);
  asking_.clear();
  for (auto& [number, each] : asking) {
    each.ask.reset();
    absl::Status status = absl::UnavailableError("the backend is being shut down");
    MarkMayBeSent(status);
    each.on_answer(std::move(status));
  }
  for (auto& [id, sandbox] : known_) {
    for (auto& [context_id, context] : DropContexts(*sandbox)) context->OnStop();
  }
  http_.reset();
  detached_.Stop();
}

}  // namespace warren
