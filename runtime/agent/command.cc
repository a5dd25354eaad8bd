#include "runtime/agent/command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <string>

#include "runtime/base/sudo_paths.h"
#include "runtime/launch/child/confine.h"
#include "runtime/launch/child/test_layers.h"

namespace warren {
namespace {

using child::Fail;

// Of a program that could not be executed, as the shell has it.
constexpr int kNotExecuted = 127;

// On the failure pipe: all is done but the execution.
constexpr char kReached = '!';

// What the child needs, made before the fork: it allocates nothing.
struct ChildPlan {
  const JoinRequest* confinement;
  const int* fds;
  size_t fd_count;
  child::SeccompBlob policy;
  const char* working_directory;
  char* const* argv;
  char* const* environment;
  int failure;
  // Its standard input is a listening socket until it has taken a connection from it.
  bool accepts;
  // Its side of its terminal; -1 for none.
  int terminal;
};

// For a test alone: the command then inherits what its agent has.
void KeepDescriptors(int first) {
  constexpr int kMost = 64;
  for (int fd = first; fd < kMost; ++fd) ::fcntl(fd, F_SETFD, 0);
}

// Standard streams, and the failure pipe on 3; nothing else stays open.
SetupResult ArrangeDescriptors(const ChildPlan& plan) {
  constexpr int kFailure = 3;
  int sources[] = {plan.fds[kCommandStdin], plan.fds[kCommandStdout], plan.fds[kCommandStderr],
                   plan.failure};
  for (int i = 0; plan.terminal >= 0 && i < kFailure; ++i) sources[i] = plan.terminal;
  int moved[4];
  // First out of the way of 0 to 3, then into place.
  for (int i = 0; i < 4; ++i) {
    moved[i] = ::fcntl(sources[i], F_DUPFD_CLOEXEC, 64);
    if (moved[i] < 0) return Fail(SetupStage::kDescriptors, errno);
  }
  for (int i = 0; i < kFailure; ++i) {
    if (::dup2(moved[i], i) < 0) return Fail(SetupStage::kDescriptors, errno);
  }
  if (::dup3(moved[kFailure], kFailure, O_CLOEXEC) < 0)
    return Fail(SetupStage::kDescriptors, errno);
  if (LayerIsOff(plan.confinement->layers_off, TestLayer::kDescriptors)) {
    KeepDescriptors(kFailure + 1);
    // Moved: a second one would outlive the execution.
    ::close(plan.failure);
    return {};
  }
  if (::syscall(SYS_close_range, kFailure + 1, ~0U, 0) != 0) {
    return Fail(SetupStage::kDescriptors, errno);
  }
  return {};
}

SetupResult StartSession(const ChildPlan& plan) {
  // The agent takes its signals from a descriptor.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::umask(022);
  if (::setsid() < 0) return Fail(SetupStage::kSession, errno);
  // No other session can have it yet.
  if (plan.terminal >= 0 && ::ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
    return Fail(SetupStage::kSession, errno);
  return {};
}

// When it is what it is to be: what comes over the connection, and closing it, is no business of
// the agent's.
SetupResult TakeConnection() {
  const int connection = ::accept4(STDIN_FILENO, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection < 0 || ::dup2(connection, STDIN_FILENO) < 0 || ::close(connection) != 0)
    return Fail(SetupStage::kDescriptors, errno);
  return {};
}

// In the child, until its program runs. Returns what failed.
SetupResult BecomeCommand(const ChildPlan& plan) {
  SetupResult result;
  const pid_t own = static_cast<pid_t>(::syscall(SYS_getpid));
  if (::write(plan.failure, &own, sizeof(own)) != sizeof(own))
    result = Fail(SetupStage::kDescriptors, errno);
  // Before anything else: what it writes and starts from here on is in its own groups.
  if (result.ok() && !LayerIsOff(plan.confinement->layers_off, TestLayer::kCgroup)) {
    result =
        child::EnterCgroups(plan.fds + kCommandFirstCgroup, plan.fd_count - kCommandFirstCgroup);
  }
  int failure = plan.failure;
  if (result.ok()) {
    result = ArrangeDescriptors(plan);
    failure = 3;
  }
  if (result.ok()) result = StartSession(plan);
  // A service that `sudo` starts and leaves behind belongs to who served that.
  if (result.ok() && plan.accepts && ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
    result = Fail(SetupStage::kSession, errno);
  if (result.ok() && !LayerIsOff(plan.confinement->layers_off, TestLayer::kRlimits)) {
    result = child::LimitResources(*plan.confinement);
  }
  if (result.ok()) {
    result = child::Confine(plan.confinement->profile, plan.confinement->landlock_abi, plan.policy,
                            plan.confinement->layers_off);
  }
  if (result.ok() && plan.accepts) result = TakeConnection();
  // As who it is now: nobody enters a directory that is not theirs.
  if (result.ok() && ::chdir(plan.working_directory) != 0)
    result = Fail(SetupStage::kWorkingDirectory, errno);
  // Without it, its end before this is told from the execution of its program.
  if (result.ok() && ::write(failure, &kReached, sizeof(kReached)) != sizeof(kReached))
    result = Fail(SetupStage::kDescriptors, errno);
  if (result.ok()) {
    // Its PATH counts, not the agent's.
    ::environ = const_cast<char**>(plan.environment);
    ::execvp(plan.argv[0], plan.argv);
    result = Fail(SetupStage::kExec, errno);
  }
  ssize_t ignored = ::write(failure, &result, sizeof(result));
  (void)ignored;
  return result;
}

template <typename Strings>
std::vector<char*> Pointers(const Strings& strings) {
  std::vector<char*> pointers;
  pointers.reserve(static_cast<size_t>(strings.size()) + 1);
  for (const std::string& each : strings) pointers.push_back(const_cast<char*>(each.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// The profile's, and over it the request's.
std::vector<std::string> Merge(const std::vector<std::string>& base,
                               const google::protobuf::RepeatedPtrField<std::string>& over) {
  std::map<std::string, std::string> by_name;
  auto add = [&](const std::string& entry) { by_name[entry.substr(0, entry.find('='))] = entry; };
  for (const std::string& entry : base) add(entry);
  for (const std::string& entry : over) add(entry);
  std::vector<std::string> merged;
  merged.reserve(by_name.size());
  for (auto& [name, entry] : by_name) merged.push_back(std::move(entry));
  return merged;
}

// The child has it from its parent, for it keeps no descriptor to read it from.
class MappedPolicy {
 public:
  explicit MappedPolicy(int memfd) {
    struct stat info;
    if (::fstat(memfd, &info) != 0) return;
    size_ = static_cast<size_t>(info.st_size);
    void* data = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, memfd, 0);
    if (data != MAP_FAILED) data_ = data;
  }
  ~MappedPolicy() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }
  MappedPolicy(const MappedPolicy&) = delete;
  MappedPolicy& operator=(const MappedPolicy&) = delete;
  const void* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace

SetupResult Command::Start(const internal::StartCommand& request, Terminal* terminal) {
  MappedPolicy policy(fds_[kCommandPolicy].get());
  if (policy.data() == nullptr) return Fail(SetupStage::kSeccomp, errno);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return Fail(SetupStage::kDescriptors, errno);
  failure_.reset(ends[0]);
  UniqueFd failure_write(ends[1]);
  std::vector<int> fds;
  fds.reserve(fds_.size());
  for (const UniqueFd& fd : fds_) fds.push_back(fd.get());
  const std::vector<char*> argv = Pointers(request.argv());
  const std::vector<std::string> merged = Merge(environment_, request.environment());
  const std::vector<char*> environment = Pointers(merged);
  const ChildPlan plan = {&confinement_,
                          fds.data(),
                          fds.size(),
                          {policy.data(), policy.size()},
                          request.working_directory().empty() ? confinement_.working_directory
                                                              : request.working_directory().c_str(),
                          argv.data(),
                          environment.data(),
                          failure_write.get(),
                          request.serves_sudo(),
                          terminal == nullptr ? -1 : terminal->peer()};
  const pid_t pid = ::fork();
  if (pid == 0) {
    BecomeCommand(plan);
    ::_exit(kNotExecuted);
  }
  if (pid < 0) {
    failure_.reset();
    return Fail(SetupStage::kSession, errno);
  }
  pid_ = pid;
  if (terminal != nullptr)
    terminal->Connect(std::move(fds_[kCommandStdin]), std::move(fds_[kCommandStdout]));
  // The command has them now: its streams end with it.
  fds_.clear();
  return {};
}

SetupResult Command::StartServing(const UniqueFd& listener) {
  fds_[kCommandStdin].reset(::fcntl(listener.get(), F_DUPFD_CLOEXEC, 0));
  if (!fds_[kCommandStdin].valid()) return Fail(SetupStage::kDescriptors, errno);
  internal::StartCommand request;
  request.add_argv(kSudoProgram);
  request.add_argv(kSudoServe);
  request.set_working_directory("/");
  request.set_serves_sudo(true);
  return Start(request, nullptr);
}

std::optional<SetupResult> Command::TakeOutcome() {
  char bytes[64];
  while (true) {
    const ssize_t size = ::read(failure_.get(), bytes, sizeof(bytes));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return std::nullopt;
    // Its other end is closed: by the execution of its program, or by its end.
    if (size <= 0) break;
    said_.append(bytes, static_cast<size_t>(size));
  }
  failure_.reset();
  SetupResult result;
  if (said_.size() >= sizeof(inner_pid_)) {
    std::memcpy(&inner_pid_, said_.data(), sizeof(inner_pid_));
    said_.erase(0, sizeof(inner_pid_));
  }
  const bool reached = !said_.empty() && said_[0] == kReached;
  if (reached) said_.erase(0, 1);
  if (said_.size() == sizeof(result)) {
    std::memcpy(&result, said_.data(), sizeof(result));
  } else if (!reached) {
    // It was killed.
    result = Fail(SetupStage::kSession, ECANCELED);
  }
  return result;
}

}  // namespace warren
