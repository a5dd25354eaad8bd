#include "runtime/launch/launcher/janitor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/id_slots.h"
#include "runtime/linux/cgroup.h"

namespace warren {
namespace {

// The lock tells whether somebody serves there: a supervisor that outlived its launcher, or the
// next one.
void RemoveSocket(const std::string& path) {
  std::string lock_path = path + ".lock";
  UniqueFd lock(::open(lock_path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!lock.valid() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return;
  struct stat info;
  if (::lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode)) ::unlink(path.c_str());
  ::unlink(lock_path.c_str());
}

void CleanUp(const Remains& remains) {
  CgroupTree::RemoveAll(remains.facts, remains.cgroup_parent, remains.instance);
  for (const std::string& path : remains.sockets) RemoveSocket(path);
  // With the groups all processes of the launcher's are gone: so are its locks.
  IdZones::RemoveUnused();
}

[[noreturn]] void RunJanitor(int alive, const Remains& remains) {
  ::prctl(PR_SET_NAME, "warren-janitor");
  // What ends the supervisor from a terminal or a service manager must not end the clean-up.
  ::setsid();
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(signal, SIG_IGN);
  char byte;
  while (::read(alive, &byte, 1) < 0 && errno == EINTR) {
  }
  CleanUp(remains);
  ::_exit(0);
}

}  // namespace

absl::StatusOr<Janitor> Janitor::Start(const Remains& remains, int keep_closed) {
  WARREN_ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
  Janitor janitor;
  janitor.remains_ = remains;
  janitor.pid_ = ::fork();
  if (janitor.pid_ < 0) return Errno("fork the janitor");
  if (janitor.pid_ == 0) {
    pipe.write_end.reset();
    ::close(keep_closed);
    RunJanitor(pipe.read_end.get(), remains);
  }
  janitor.alive_ = std::move(pipe.write_end);
  return janitor;
}

void Janitor::Finish() {
  alive_.reset();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  // Killed before its time: nobody else will do it.
  if (!WIFEXITED(status)) CleanUp(remains_);
}

void SweepDeadInstances(const internal::HostFacts& facts, const std::string& cgroup_parent) {
  for (const std::string& instance : CgroupTree::Instances(facts, cgroup_parent)) {
    // Instances are named after their launcher (ProcessName); anything else is not ours.
    if (instance.find_first_not_of("0123456789-") == std::string::npos)
      CgroupTree::RemoveDead(facts, cgroup_parent, instance);
  }
}

}  // namespace warren
