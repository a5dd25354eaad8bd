#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/policy/workloads.h"

// Files. Raw system calls where glibc would choose another one.
namespace warren::testing {
namespace {

int NewFile(const char* name) { return ::open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644); }

bool CloseFile() {
  int fd = ::dup(0);
  return Step(fd >= 0 && ::close(fd) == 0, "close");
}

bool VectoredIo() {
  char text[] = "abcd";
  iovec part = {text, 4};
  int fd = NewFile("file");
  return Step(::writev(fd, &part, 1) == 4, "writev") && ::lseek(fd, 0, SEEK_SET) == 0 &&
         Step(::readv(fd, &part, 1) == 4, "readv");
}

bool PositionedVectoredIo() {
  char text[] = "abcd";
  iovec part = {text, 4};
  int fd = NewFile("file");
  // The "2" calls raw: glibc falls back from them when they are missing.
  return Step(::syscall(SYS_pwritev, fd, &part, 1, 0, 0) == 4, "pwritev") &&
         Step(::syscall(SYS_preadv, fd, &part, 1, 0, 0) == 4, "preadv") &&
         Step(::syscall(SYS_pwritev2, fd, &part, 1, 0, 0, 0) == 4, "pwritev2") &&
         Step(::syscall(SYS_preadv2, fd, &part, 1, 0, 0, 0) == 4, "preadv2");
}

bool LegacyPathCalls() {
  struct stat info;
  return Step(::syscall(SYS_open, ".", O_RDONLY | O_DIRECTORY) >= 0, "open") &&
         Step(::syscall(SYS_stat, ".", &info) == 0, "stat") &&
         Step(::syscall(SYS_lstat, ".", &info) == 0, "lstat");
}

bool FstatCall() {
  struct stat info;
  return Step(::syscall(SYS_fstat, 0, &info) == 0, "fstat");
}

bool RelativePathQueries() {
  char target[16];
  return Step(::syscall(SYS_faccessat, AT_FDCWD, ".", R_OK) == 0, "faccessat") &&
         ::symlink("target", "link") == 0 &&
         Step(::readlinkat(AT_FDCWD, "link", target, sizeof(target)) == 6, "readlinkat");
}

bool OpenBeneath() {
  open_how how = {};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH;
  return Step(::syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how)) >= 0, "openat2");
}

bool RenameAndLinkAt() {
  return NewFile("a") >= 0 &&
         Step(::syscall(SYS_renameat, AT_FDCWD, "a", AT_FDCWD, "b") == 0, "renameat") &&
         Step(::syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "c", 0) == 0, "renameat2") &&
         Step(::linkat(AT_FDCWD, "c", AT_FDCWD, "d", 0) == 0, "linkat");
}

bool ModesAndOwners() {
  int fd = NewFile("file");
  return Step(::fchmod(fd, 0600) == 0, "fchmod") &&
         Step(::chown("file", ::getuid(), ::getgid()) == 0, "chown") &&
         Step(::lchown("file", ::getuid(), ::getgid()) == 0, "lchown");
}

bool AllocateAndLock() {
  int fd = NewFile("file");
  return Step(::syscall(SYS_fallocate, fd, 0, 0, 4096) == 0, "fallocate") &&
         Step(::truncate("file", 10) == 0, "truncate") && Step(::flock(fd, LOCK_EX) == 0, "flock");
}

bool ExtendedAttributes() {
  // A file system may have no user attributes; the call must have got through all the same.
  int fd = NewFile("file");
  return Step(NotFiltered(::lsetxattr("file", "user.a", "1", 1, 0)), "lsetxattr") &&
         Step(NotFiltered(::lremovexattr("file", "user.a")), "lremovexattr") &&
         Step(NotFiltered(::fremovexattr(fd, "user.b")), "fremovexattr");
}

bool DescriptorCopies() {
  int ends[2];
  return Step(::syscall(SYS_pipe, ends) == 0, "pipe") &&
         Step(::dup3(ends[0], 20, O_CLOEXEC) == 20, "dup3");
}

bool WatchDirectory() {
  int fd = ::inotify_init1(IN_CLOEXEC);
  if (!Step(fd >= 0, "inotify_init1")) return false;
  int watch = ::inotify_add_watch(fd, ".", IN_CREATE);
  return Step(watch >= 0, "inotify_add_watch") &&
         Step(::inotify_rm_watch(fd, watch) == 0, "inotify_rm_watch");
}

bool MakeFifo() { return Step(::mkfifo("fifo", 0644) == 0, "mkfifo"); }

bool AnonymousFile() { return Step(::memfd_create("memory", MFD_CLOEXEC) >= 0, "memfd_create"); }

}  // namespace

std::map<std::string, Workload> FileWorkloads() {
  return {
      {"close_file", {CloseFile}},
      {"vectored_io", {VectoredIo}},
      {"positioned_vectored_io", {PositionedVectoredIo}},
      {"legacy_path_calls", {LegacyPathCalls}},
      {"fstat_call", {FstatCall}},
      {"relative_path_queries", {RelativePathQueries}},
      {"open_beneath", {OpenBeneath}},
      {"rename_and_link_at", {RenameAndLinkAt}},
      {"modes_and_owners", {ModesAndOwners}},
      {"allocate_and_lock", {AllocateAndLock}},
      {"extended_attributes", {ExtendedAttributes}},
      {"descriptor_copies", {DescriptorCopies}},
      {"watch_directory", {WatchDirectory}},
      {"make_fifo", {MakeFifo}},
      {"anonymous_file", {AnonymousFile}},
  };
}

}  // namespace warren::testing
