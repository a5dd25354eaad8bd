#ifndef WARREN_TESTS_SUPERVISOR_FAKE_LAUNCHER_H_
#define WARREN_TESTS_SUPERVISOR_FAKE_LAUNCHER_H_

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/control/launcher_client.h"
#include "tests/supervisor/fake_worker.h"
#include "warren/internal/launcher.pb.h"

namespace warren {

// The launcher's end of its socket, in the hands of a test: it answers what the test has it answer,
// in the order that the test wants, without privilege and without a process. Thread-compatible.
class FakeLauncher {
 public:
  FakeLauncher();

  // The supervisor's end; once.
  std::unique_ptr<LauncherClient> TakeClient() { return std::move(client_); }

  // Waits for the next request, which must be of this kind: else a test failure, and a request of
  // no kind.
  internal::LauncherRequest Expect(internal::LauncherRequest::RequestCase kind);
  // The next request, if there is one by now.
  std::optional<internal::LauncherRequest> Poll();

  void Reply(const internal::LauncherRequest& request, const absl::Status& status);
  void ReplyOk(const internal::LauncherRequest& request) { Reply(request, absl::OkStatus()); }
  void ReplyZygote(const internal::LauncherRequest& request, uint64_t zygote_id);
  // Hands over the pipes of a worker that says nothing yet.
  std::unique_ptr<FakeWorker> ReplyLaunched(const internal::LauncherRequest& request) {
    return ReplyStarted(request, kFirstProcess);
  }
  std::unique_ptr<FakeWorker> ReplyStarted(const internal::LauncherRequest& request,
                                           uint64_t process_id);
  // Hands over these ends, which it does not keep.
  void ReplyWith(const internal::LauncherRequest& request, uint64_t process_id,
                 std::span<const int> fds);

  // Hands over a connection, which it does not keep.
  void ReplyPort(const internal::LauncherRequest& request, UniqueFd connection);

  static constexpr uint64_t kFirstProcess = 1;
  void SendProcessExited(const std::string& sandbox_id, int exit_code, int signal,
                         bool sandbox_ends = false, uint64_t process_id = kFirstProcess);
  void SendGone(const std::string& sandbox_id, internal::SandboxGone::Reason reason);
  void SendZygoteExited(uint64_t zygote_id);
  // Hands over the supervisor's end of a relay's socket.
  void SendRelayStarted(UniqueFd socket);
  // It is gone.
  void Close() { socket_.reset(); }

 private:
  void Send(const internal::LauncherReply& reply, std::span<const int> fds = {});
  std::unique_ptr<LauncherClient> client_;
  UniqueFd socket_;
};

// Of a LaunchSandbox.
std::string LaunchedId(const internal::LauncherRequest& request);
int64_t LaunchedMemory(const internal::LauncherRequest& request);

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_FAKE_LAUNCHER_H_
