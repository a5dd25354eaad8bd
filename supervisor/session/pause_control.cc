#include "supervisor/session/pause_control.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace warren {

absl::Status PausedError() {
  return absl::FailedPreconditionError("the sandbox is paused; resume it first");
}

void PauseControl::Pause(std::shared_ptr<void> keep, Done done) {
  Ask({Step::kPause, std::move(keep), std::move(done)});
}

void PauseControl::Resume(std::shared_ptr<void> keep, Done done) {
  Ask({Step::kResume, std::move(keep), std::move(done)});
}

void PauseControl::Ask(Asked asked) {
  {
    MutexLock lock(&mu_);
    asked_.push_back(std::move(asked));
    if (busy_) return;
  }
  BeginNext();
}

void PauseControl::BeginNext() {
  Asked next;
  bool sends = false;
  {
    MutexLock lock(&mu_);
    if (busy_ || asked_.empty()) return;
    busy_ = true;
    next = std::move(asked_.front());
    asked_.pop_front();
    sends = (next.step == Step::kPause) != paused_;
    if (sends && next.step == Step::kPause) runs_.store(false, std::memory_order_release);
  }
  if (sends) return Send(std::move(next));
  // It is so already; the next one is not sent before this is answered all the same.
  loop_.Post([this, next = std::move(next)]() mutable { Answer(next, absl::OkStatus()); });
}

void PauseControl::Send(Asked asked) {
  internal::LauncherRequest request;
  if (asked.step == Step::kPause) {
    // Before it stops: a deadline that passes while it does is not the cell's.
    host_.StandStill();
    request.mutable_pause_sandbox()->set_sandbox_id(sandbox_id_);
  } else {
    request.mutable_resume_sandbox()->set_sandbox_id(sandbox_id_);
  }
  link_.Call(std::move(request),
             [this, asked = std::move(asked)](absl::StatusOr<LauncherMessage> reply) mutable {
               OnReply(std::move(asked), reply.status());
             });
}

void PauseControl::OnReply(Asked asked, absl::Status status) {
  bool runs = false;
  {
    MutexLock lock(&mu_);
    if (status.ok()) paused_ = asked.step == Step::kPause;
    runs = !paused_;
  }
  if (!status.ok()) {
    spdlog::info("event=pause_refused sandbox={} error=\"{}\"", sandbox_id_,
                 absl::CEscape(status.message()));
  } else if (runs) {
    spdlog::info("event=sandbox_resumed sandbox={}", sandbox_id_);
  } else {
    spdlog::info("event=sandbox_paused sandbox={}", sandbox_id_);
  }
  if (runs) GoOn();
  // The launcher knows it no more: it is being ended.
  if (absl::IsNotFound(status) || absl::IsCancelled(status)) {
    status = absl::FailedPreconditionError(
        absl::StrCat("sandbox ", sandbox_id_, " is dead; create a new one"));
  }
  Answer(asked, std::move(status));
}

void PauseControl::Answer(Asked& asked, absl::Status status) {
  {
    MutexLock lock(&mu_);
    busy_ = false;
  }
  asked.done(std::move(status));
  BeginNext();
}

void PauseControl::GoOn() {
  {
    MutexLock lock(&mu_);
    runs_.store(true, std::memory_order_release);
    // With the lock held: none that comes now may overtake them.
    for (KeptSignal& signal : signals_)
      link_.Call(std::move(signal.request), std::move(signal.on_reply));
    signals_.clear();
  }
  host_.GoOn();
}

void PauseControl::Signal(internal::LauncherRequest request, LauncherLink::ReplyCallback on_reply) {
  MutexLock lock(&mu_);
  if (!runs()) {
    signals_.push_back({std::move(request), std::move(on_reply)});
    return;
  }
  link_.Call(std::move(request), std::move(on_reply));
}

}  // namespace warren
