// What the package store does once it is confined.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/policy/service_steps.h"
#include "tests/policy/workloads.h"

namespace warren::testing {
namespace {

// Made before the policy is in force.
int supervisor = -1;

bool HaveSupervisor() {
  int pair[2];
  if (!Step(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair"))
    return false;
  supervisor = pair[0];
  return true;
}

bool MakesSupervisorNonBlocking() { return MakesNonBlocking(supervisor); }

bool ReadsDirectories() {
  const int fd = ::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!Step(fd >= 0, "open")) return false;
  // fdopendir itself passes over a mark that it cannot set; what reads then finds errno set.
  errno = 0;
  DIR* directory = ::fdopendir(fd);
  return Step(directory != nullptr && errno == 0, "fdopendir") &&
         Step(::readdir(directory) != nullptr, "readdir");
}

bool MakeFile() {
  const int fd = ::open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
  return Step(fd >= 0, "open") && Step(::close(fd) == 0, "close");
}

bool Links() { return Step(::linkat(AT_FDCWD, "file", AT_FDCWD, "link", 0) == 0, "linkat"); }
bool Moves() { return Step(::renameat(AT_FDCWD, "file", AT_FDCWD, "moved") == 0, "renameat"); }

bool Syncs() {
  const int fd = ::open("file", O_RDONLY | O_CLOEXEC);
  return Step(fd >= 0, "open") && Step(::syncfs(fd) == 0, "syncfs");
}

bool Locks() {
  const int fd = ::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return Step(fd >= 0, "open") && Step(::flock(fd, LOCK_EX | LOCK_NB) == 0, "flock");
}

}  // namespace

std::map<std::string, Workload> StoreWorkloads() {
  return {
      {"store_makes_non_blocking", {MakesSupervisorNonBlocking, HaveSupervisor}},
      {"store_reads_directories", {ReadsDirectories}},
      {"store_links", {Links, MakeFile}},
      {"store_moves", {Moves, MakeFile}},
      {"store_syncs", {Syncs, MakeFile}},
      {"store_locks", {Locks}},
      {"store_starts_threads", {StartsAThread}},
      {"store_allocates", {AllocatesMemory}},
      {"store_asks_the_kernel_for_the_time", {AsksTheKernelForTheTime}},
      {"store_ends_with_its_launcher", {EndsWithItsLauncher}},
  };
}

}  // namespace warren::testing
