// Requirements on namespaces and what is mounted in them: tried as the launcher and a sandbox's
// init do it.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/linux/detached_mount.h"
#include "tools/warren/doctor/child.h"
#include "tools/warren/doctor/probe.h"

namespace warren::doctor {
namespace {

Finding FromStatus(const absl::Status& status, const char* good) {
  return status.ok() ? Ok(good) : Lacks(std::string(status.message()));
}

template <int kFlag>
Finding ProbeNamespace(const Host&) {
  return FromStatus(
      InChild([] { return ::unshare(kFlag) == 0 ? absl::OkStatus() : Errno("unshare"); }),
      "can be made");
}

// A number in a file of /proc/sys; -1 where the file is not there.
int64_t Sysctl(const Host& host, absl::string_view path) {
  absl::StatusOr<std::string> text = ReadFile(absl::StrCat(host.root, "/proc/sys/", path));
  int64_t value = -1;
  if (!text.ok() || !absl::SimpleAtoi(*text, &value)) return -1;
  return value;
}

Finding ProbeNamespaceCounts(const Host& host) {
  int64_t least = -1;
  std::string kind_of_least;
  for (const char* kind : {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"}) {
    int64_t count = Sysctl(host, absl::StrCat("user/max_", kind, "_namespaces"));
    if (count >= 0 && (least < 0 || count < least)) {
      least = count;
      kind_of_least = kind;
    }
  }
  if (least < 0) return Warn("user.max_*_namespaces cannot be read");
  std::string detail = absl::StrCat("at least ", least, " of each kind (", kind_of_least, ")");
  if (least < 16) return Lacks(std::move(detail));
  return least < 2048 ? Warn(std::move(detail)) : Ok(std::move(detail));
}

Finding ProbeUnprivilegedUserNamespaces(const Host& host) {
  if (Sysctl(host, "kernel/unprivileged_userns_clone") == 0) {
    return Lacks("kernel.unprivileged_userns_clone is 0");
  }
  return Ok("not restricted by kernel.unprivileged_userns_clone");
}

Finding ProbeAppArmor(const Host& host) {
  if (Sysctl(host, "kernel/apparmor_restrict_unprivileged_userns") == 1) {
    return Warn("kernel.apparmor_restrict_unprivileged_userns is 1");
  }
  return Ok("no restriction on user namespaces");
}

// A sandbox's user namespace is made by one that is root in the template's and nobody outside.
absl::Status NestUserNamespace() {
  constexpr int kAll = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                       CLONE_NEWUTS | CLONE_NEWCGROUP;
  return ::unshare(kAll) == 0 ? absl::OkStatus() : Errno("unshare all kinds in a user namespace");
}

Finding ProbeNestedUserNamespace(const Host&) {
  return FromStatus(InMappedChild(NestUserNamespace), "works, with mapped ids");
}

// In the child's own mount namespace, so on any directory that every host has.
constexpr char kScratch[] = "/tmp";

absl::Status PrivateScratch() {
  if (::unshare(CLONE_NEWNS) != 0) return Errno("unshare mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return Errno("make mounts private");
  }
  if (::mount("tmpfs", kScratch, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=64") != 0) {
    return Errno("mount tmpfs");
  }
  return absl::OkStatus();
}

absl::Status MountOverlay() {
  WARREN_RETURN_IF_ERROR(PrivateScratch());
  std::string scratch = kScratch;
  for (const char* directory : {"/lower", "/upper", "/work", "/merged"}) {
    if (::mkdir((scratch + directory).c_str(), 0755) != 0) return Errno("make directory");
  }
  std::string layers = absl::StrCat("lowerdir=", scratch, "/lower,upperdir=", scratch,
                                    "/upper,workdir=", scratch, "/work");
  std::string merged = scratch + "/merged";
  auto mount = [&](const std::string& options) {
    return ::mount("overlay", merged.c_str(), "overlay", 0, options.c_str());
  };
  if (mount(layers + ",userxattr") != 0 && mount(layers) != 0) return Errno("mount overlay");
  UniqueFd file(::open((merged + "/file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  return file.valid() ? absl::OkStatus() : Errno("create a file in the overlay");
}

Finding ProbeOverlay(const Host&) {
  return FromStatus(InMappedChild(MountOverlay), "mounts and is writable in a user namespace");
}

// A new /proc needs a pid namespace of its own, and one process in it.
absl::Status MountProc() {
  if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) return Errno("unshare pid namespace");
  return InChild([] {
    WARREN_RETURN_IF_ERROR(PrivateScratch());
    if (::mount("proc", kScratch, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=invisible") !=
        0) {
      return Errno("mount proc");
    }
    return absl::OkStatus();
  });
}

Finding ProbeProc(const Host&) {
  return FromStatus(InMappedChild(MountProc), "mounts in a user and pid namespace");
}

// A process in a user namespace with mapped ids, for as long as `use` runs.
absl::Status WithUserNamespace(const std::function<absl::Status(int)>& use) {
  WARREN_ASSIGN_OR_RETURN(Pipe ready, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe done, MakePipe());
  pid_t pid = ::fork();
  if (pid < 0) return Errno("fork");
  if (pid == 0) {
    done.write_end.reset();
    char byte = ::unshare(CLONE_NEWUSER) == 0 ? 'r' : 'f';
    if (::write(ready.write_end.get(), &byte, 1) != 1) ::_exit(1);
    // Until the parent closes its end.
    ::_exit(::read(done.read_end.get(), &byte, 1) == 0 ? 0 : 1);
  }
  ready.write_end.reset();
  char byte = 'f';
  bool made = ::read(ready.read_end.get(), &byte, 1) == 1 && byte == 'r';
  absl::Status status =
      made ? MapIds(pid, 1'000'000, 65'536) : absl::PermissionDeniedError("unshare user namespace");
  if (status.ok()) {
    UniqueFd user_namespace(
        ::open(absl::StrCat("/proc/", pid, "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
    status = user_namespace.valid() ? use(user_namespace.get()) : Errno("open the user namespace");
  }
  done.write_end.reset();
  ::waitpid(pid, nullptr, 0);
  return status;
}

Finding ProbeIdMapped(const Host& host) {
  std::string directory = host.root + "/usr";
  absl::Status status = WithUserNamespace(
      [&](int user_namespace) { return CloneMappedTree(directory, user_namespace).status(); });
  if (status.ok()) return Ok("/usr can be mounted with mapped ids");
  // Built templates do not need it.
  return Warn(absl::StrCat("template `base` cannot run: ", status.message()));
}

Finding ProbeIdMappedStore(const Host& host) {
  std::string store = host.root + host.template_store;
  if (::access(store.c_str(), F_OK) != 0) return Warn(absl::StrCat(store, " is not there yet"));
  absl::Status status = WithUserNamespace(
      [&](int user_namespace) { return CloneMappedTree(store, user_namespace).status(); });
  return FromStatus(status, "its file system can be mounted with mapped ids");
}

constexpr char kNamespaceRemedy[] =
    "run as root on the host, or in a container with CAP_SYS_ADMIN and a seccomp profile that "
    "allows unshare, clone3, setns and mount; the kernel needs CONFIG_NAMESPACES with every kind";

}  // namespace

std::vector<Probe> NamespaceProbes() {
  return {
      {"namespace-user", "user namespaces: root inside is nobody outside", kNamespaceRemedy,
       ProbeNamespace<CLONE_NEWUSER>},
      {"namespace-mount", "mount namespaces: a root file system of its own", kNamespaceRemedy,
       ProbeNamespace<CLONE_NEWNS>},
      {"namespace-pid", "pid namespaces: no other process can be seen", kNamespaceRemedy,
       ProbeNamespace<CLONE_NEWPID>},
      {"namespace-net", "network namespaces: no route, no host loopback", kNamespaceRemedy,
       ProbeNamespace<CLONE_NEWNET>},
      {"namespace-ipc", "IPC namespaces: no shared System V or POSIX objects", kNamespaceRemedy,
       ProbeNamespace<CLONE_NEWIPC>},
      {"namespace-uts", "UTS namespaces: a host name of its own", kNamespaceRemedy,
       ProbeNamespace<CLONE_NEWUTS>},
      {"namespace-cgroup", "cgroup namespaces: no view of the host's groups", kNamespaceRemedy,
       ProbeNamespace<CLONE_NEWCGROUP>},
      {"namespace-counts", "enough namespaces: each sandbox takes one of each kind",
       "sysctl user.max_user_namespaces=65536 (and its siblings user.max_*_namespaces)",
       ProbeNamespaceCounts},
      {"userns-sysctl", "user namespaces for processes that are not root outside",
       "sysctl kernel.unprivileged_userns_clone=1", ProbeUnprivilegedUserNamespaces},
      {"userns-apparmor", "no AppArmor restriction on user namespaces",
       "give warren-launcher and warren-init an AppArmor profile with `userns,`, or sysctl "
       "kernel.apparmor_restrict_unprivileged_userns=0",
       ProbeAppArmor},
      {"userns-nested", "a user namespace with mapped ids, and all namespaces within it",
       "run as root with CAP_SETUID, CAP_SETGID, CAP_SYS_ADMIN and CAP_SETFCAP, and not in a "
       "chroot",
       ProbeNestedUserNamespace},
      {"overlay", "overlayfs in a user namespace: a writable layer over a read-only template",
       "load the module overlay (modprobe overlay); Linux 5.11 or newer", ProbeOverlay},
      {"proc", "a new /proc in a user namespace",
       "in a container, unmask /proc (--security-opt systempaths=unconfined)", ProbeProc},
      {"idmap", "id-mapped mounts of /usr, for templates that use the host's files",
       "put /usr on ext4, XFS, btrfs or tmpfs (6.3); overlayfs roots of containers cannot be "
       "mapped",
       ProbeIdMapped},
      {"idmap-store", "id-mapped mounts of the template store",
       "build a template, or put the store on ext4, XFS or btrfs (warrend --templates)",
       ProbeIdMappedStore},
  };
}

}  // namespace warren::doctor
