#include "tools/warren/attack/filter_witness.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/linux/pace.h"
#include "runtime/policy/bpf_evaluator.h"

namespace warren::attack {
namespace {

// linux/ptrace.h, which does not go together with sys/ptrace.h.
constexpr auto kGetFilter = static_cast<__ptrace_request>(0x420c);
constexpr uint32_t kX32Bit = 0x40000000;
// What anything of the kernel's takes at most; only a hang takes longer.
constexpr absl::Duration kStopBound = absl::Seconds(60);

// A process that this thread traces and that has stopped; the destructor lets it go.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) {}
  ~Stopped() {
    if (!seized_ || ::ptrace(PTRACE_DETACH, pid_, nullptr, reinterpret_cast<void*>(signal_)) == 0)
      return;
    // It ended, or does not stop. Unless its tracer waits for it, its sandbox could not be removed.
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, __WALL);
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

  absl::Status Stop() {
    // Not PTRACE_ATTACH: that would send it a SIGSTOP.
    if (::ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr) != 0) return Refused("trace it");
    seized_ = true;
    if (::ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr) != 0) return Refused("stop it");
    const absl::Time deadline = absl::Now() + AtThisPace(kStopBound);
    while (absl::Now() < deadline) {
      int status = 0;
      pid_t changed = ::waitpid(pid_, &status, WNOHANG | __WALL);
      if (changed < 0) return Errno("wait for the traced process");
      if (changed == pid_) {
        seized_ = WIFSTOPPED(status);
        if (!seized_) return absl::NotFoundError("the process ended");
        // One that it stopped at the delivery of goes on with it.
        if (status >> 16 != PTRACE_EVENT_STOP) signal_ = WSTOPSIG(status);
        return absl::OkStatus();
      }
      absl::SleepFor(absl::Milliseconds(1));
    }
    return absl::DeadlineExceededError("the process does not stop");
  }

  // What errno says about a refused call.
  static absl::Status Refused(const char* what) {
    const bool gone = errno == ESRCH;
    absl::Status status = Errno(what);
    if (gone) return absl::NotFoundError(status.message());
    return absl::UnimplementedError(
        absl::StrCat("its filters cannot be read here: ", status.message()));
  }

 private:
  const pid_t pid_;
  bool seized_ = false;
  long signal_ = 0;
};

// What the filters say to a call of this number.
absl::StatusOr<uint32_t> Answer(const Filters& filters, uint32_t arch, int number) {
  if (filters.empty()) return absl::PermissionDeniedError("no filter is in force");
  seccomp_data data{};
  data.arch = arch;
  data.nr = number;
  return EvaluateFilters(filters, data);
}

// The kernel's own word on whether there is any filter: one without CONFIG_CHECKPOINT_RESTORE
// answers the question for the first filter as it does where there is none.
bool IsFiltered(pid_t pid) {
  std::string status = ReadFile(absl::StrCat("/proc/", pid, "/status")).value_or("");
  return absl::StrContains(status, "\nSeccomp:\t2\n");
}

}  // namespace

absl::StatusOr<Filters> ReadFilters(pid_t pid) {
  Stopped process(pid);
  WARREN_RETURN_IF_ERROR(process.Stop());
  Filters filters;
  // The kernel counts from the first that was installed.
  for (long index = 0;; ++index) {
    auto* which = reinterpret_cast<void*>(index);
    long length = ::ptrace(kGetFilter, pid, which, nullptr);
    if (length < 0 && errno == ENOENT) return filters;  // past the last
    if (length < 0) {
      absl::Status refused = Stopped::Refused("read filters");
      return IsFiltered(pid) ? absl::StatusOr<Filters>(refused) : filters;
    }
    std::vector<sock_filter> filter(static_cast<size_t>(length));
    if (::ptrace(kGetFilter, pid, which, filter.data()) != length) {
      return Stopped::Refused("read a filter");
    }
    filters.push_back(std::move(filter));
  }
}

absl::Status Check32BitCallsAreKilled(const Filters& filters) {
  // exit, fork, open, execve, getpid, socketcall, mmap2, and what i386 does not have.
  for (int number : {1, 2, 5, 11, 20, 102, 192, 9999}) {
    WARREN_ASSIGN_OR_RETURN(uint32_t action, Answer(filters, AUDIT_ARCH_I386, number));
    uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
    if (kind != SECCOMP_RET_KILL_PROCESS && kind != SECCOMP_RET_KILL_THREAD) {
      return absl::PermissionDeniedError(
          absl::StrCat("the filter answers 32-bit call ", number, " with ", ActionName(action)));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckX32CallsAreClosed(const Filters& filters) {
  // read, write, open, getpid, socket, clone, execve, and the first of x32's own.
  for (uint32_t number : {0u, 1u, 2u, 39u, 41u, 56u, 59u, 512u}) {
    WARREN_ASSIGN_OR_RETURN(uint32_t action,
                            Answer(filters, AUDIT_ARCH_X86_64, static_cast<int>(number | kX32Bit)));
    uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
    if (kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG || kind == SECCOMP_RET_TRACE ||
        kind == SECCOMP_RET_USER_NOTIF) {
      return absl::PermissionDeniedError(
          absl::StrCat("the filter answers x32 call ", number, " with ", ActionName(action)));
    }
  }
  return absl::OkStatus();
}

}  // namespace warren::attack
