#ifndef WARREN_SUPERVISOR_SESSION_LAUNCHER_LINK_H_
#define WARREN_SUPERVISOR_SESSION_LAUNCHER_LINK_H_

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "runtime/control/launcher_client.h"
#include "runtime/loop/io_loop.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

// The launcher's socket on the IO thread: matches replies with requests and passes events on.
//
// Call is for any thread; replies and events come on the IO thread. Lifecycle: constructor → Start
// → Call* → Close. After the launcher is gone every pending and every further call is answered with
// UNAVAILABLE.
class LauncherLink {
 public:
  using ReplyCallback = absl::AnyInvocable<void(absl::StatusOr<LauncherMessage>)>;
  // With the descriptors that came with it.
  using EventCallback = absl::AnyInvocable<void(LauncherMessage)>;

  LauncherLink(IoLoop& loop, std::unique_ptr<LauncherClient> client)
      : loop_(loop), client_(std::move(client)) {}

  // `on_closed` runs when the launcher closed its end, or sent what cannot be understood.
  absl::Status Start(EventCallback on_event, absl::AnyInvocable<void(absl::Status)> on_closed);

  // The reply's status is the launcher's own. `on_reply` may be null.
  void Call(internal::LauncherRequest request, ReplyCallback on_reply);

  // IO thread. Closes the socket: the launcher removes every sandbox and exits.
  void Close();
  bool WaitForExit(absl::Duration timeout) { return client_->WaitForExit(timeout); }
  pid_t launcher_pid() const { return client_->pid(); }

 private:
  void OnReady(uint32_t events);
  void Read();
  void Dispatch(LauncherMessage message);
  // Sends what waits, in order. False when the socket is full.
  bool FlushLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FailAll(const absl::Status& why);

  IoLoop& loop_;
  std::unique_ptr<LauncherClient> client_;
  EventCallback on_event_;
  absl::AnyInvocable<void(absl::Status)> on_closed_;
  IoLoop::WatchId watch_ = 0;

  Mutex mu_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t last_request_id_ ABSL_GUARDED_BY(mu_) = 0;
  std::unordered_map<uint64_t, ReplyCallback> pending_ ABSL_GUARDED_BY(mu_);
  std::deque<std::string> unsent_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_LAUNCHER_LINK_H_
