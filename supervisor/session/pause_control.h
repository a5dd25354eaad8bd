#ifndef WARREN_SUPERVISOR_SESSION_PAUSE_CONTROL_H_
#define WARREN_SUPERVISOR_SESSION_PAUSE_CONTROL_H_

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "runtime/base/mutex.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/session/launcher_link.h"

namespace warren {

// What needs a process of a paused sandbox is told.
absl::Status PausedError();

// Pauses and resumes one sandbox, one after the other in the order in which they were asked for,
// and keeps back the signals of cells and processes meanwhile. Thread-safe; no lock is held
// when the host or a callback is called.
class PauseControl {
 public:
  // What has deadlines that stand still with the sandbox.
  class Host {
   public:
    // From the thread that asks for the pause, before it is sent.
    virtual void StandStill() = 0;
    // On the IO thread, when the sandbox runs again, or has not stopped after all.
    virtual void GoOn() = 0;

   protected:
    ~Host() = default;
  };
  // On the IO thread.
  using Done = absl::AnyInvocable<void(absl::Status)>;

  // `host` outlives it.
  PauseControl(IoLoop& loop, LauncherLink& link, std::string sandbox_id, Host& host)
      : loop_(loop), link_(link), sandbox_id_(std::move(sandbox_id)), host_(host) {}

  // `keep` holds it until `done`. FAILED_PRECONDITION: the sandbox is dead; UNAVAILABLE: a process
  // of it is being started, or does not stop.
  void Pause(std::shared_ptr<void> keep, Done done);
  void Resume(std::shared_ptr<void> keep, Done done);
  // False from before a pause until after the resume.
  bool runs() const { return runs_.load(std::memory_order_acquire); }
  // Sends a signal; where the sandbox is paused, when it goes on.
  void Signal(internal::LauncherRequest request, LauncherLink::ReplyCallback on_reply);

 private:
  enum class Step { kPause, kResume };
  struct Asked {
    Step step;
    std::shared_ptr<void> keep;
    Done done;
  };
  struct KeptSignal {
    internal::LauncherRequest request;
    LauncherLink::ReplyCallback on_reply;
  };
  void Ask(Asked asked);
  void BeginNext();
  void Send(Asked asked);
  void OnReply(Asked asked, absl::Status status);
  // On the IO thread: those who asked hear of it in the order in which it was done.
  void Answer(Asked& asked, absl::Status status);
  void GoOn();

  IoLoop& loop_;
  LauncherLink& link_;
  const std::string sandbox_id_;
  Host& host_;
  // Written with the lock held.
  std::atomic<bool> runs_{true};
  Mutex mu_;
  bool paused_ ABSL_GUARDED_BY(mu_) = false;
  // Somebody who asked has not been answered.
  bool busy_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<Asked> asked_ ABSL_GUARDED_BY(mu_);
  // Few: each context's interrupt and kill.
  std::vector<KeptSignal> signals_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_PAUSE_CONTROL_H_
