#include "runtime/launch/launcher/context_process.h"

#include <poll.h>
#include <signal.h>

#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/linux/process.h"

namespace warren {

absl::Status ContextProcess::Fork(ZygoteProcess& zygote, const JoinRequest& request,
                                  Sandbox sandbox) {
  // Pipes, for they belong to no network namespace.
  WARREN_ASSIGN_OR_RETURN(Pipe requests, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe events, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  std::vector<int> fds = {sandbox.init_pidfd,  requests.read_end.get(), events.write_end.get(),
                          out.write_end.get(), err.write_end.get(),     sandbox.init_ready.get()};
  for (const UniqueFd& fd : sandbox.procs) fds.push_back(fd.get());
  fork_begin_ = std::chrono::steady_clock::now();
  WARREN_RETURN_IF_ERROR(zygote.Fork(request, fds));
  for (UniqueFd* end : {&requests.write_end, &events.read_end, &out.read_end, &err.read_end}) {
    WARREN_RETURN_IF_ERROR(SetNonBlocking(end->get()));
    supervisor_ends_.push_back(std::move(*end));
  }
  return absl::OkStatus();
}

void ContextProcess::OnForked(UniqueFd pidfd, pid_t pid) {
  pidfd_ = std::move(pidfd);
  pid_ = pid;
}

bool ContextProcess::dead() const {
  pollfd wait = {pidfd_.get(), POLLIN, 0};
  return forked() && ::poll(&wait, 1, 0) == 1;
}

absl::Status ContextProcess::Interrupt() {
  if (!forked()) return absl::FailedPreconditionError("the context is not there yet");
  return SignalProcess(pidfd_.get(), SIGINT);
}

void ContextProcess::Nudge() {
  // The worker's handler does nothing; where there is none yet, the kernel ignores the signal.
  if (forked()) SignalProcess(pidfd_.get(), SIGURG).IgnoreError();
}

}  // namespace warren
