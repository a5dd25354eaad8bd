#include "tools/benchmark/client/host_view.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace warren::bench {
namespace {

namespace fs = std::filesystem;

// Newer than Debian 12's headers. <linux/nsfs.h>, Linux 6.11:
constexpr unsigned long kNsGetMntnsId = _IOR(0xb7, 0x5, uint64_t);  // NOLINT(google-runtime-int)
// <linux/mount.h>, Linux 6.11: listmount(2) of another mount namespace.
constexpr long kSysListmount = 458;  // NOLINT(google-runtime-int)
constexpr uint64_t kListmountRoot = 0xffffffffffffffff;
struct MountIdRequest {
  uint32_t size;
  uint32_t spare;
  uint64_t mount_id;
  uint64_t param;
  uint64_t namespace_id;
};

// memory.stat's names, of v2 and, with what lies below the group, of v1, and what they are called
// here.
const std::map<absl::string_view, absl::string_view> kMemoryKinds = {
    {"anon", "anon"},      {"file", "file"},        {"shmem", "shmem"},       {"kernel", "kernel"},
    {"total_rss", "anon"}, {"total_cache", "file"}, {"total_shmem", "shmem"},
};

// User ids below it can be those of people and services of the host.
constexpr int64_t kFirstForeignUid = 65536;

// "Name:\tvalue" → "value"; empty when there is no such line.
absl::string_view FieldText(absl::string_view text, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, absl::StrCat(name, ":"))) {
      return absl::StripAsciiWhitespace(line);
    }
  }
  return "";
}

// "Name:   123 kB" → bytes.
absl::StatusOr<int64_t> FieldBytes(absl::string_view text, absl::string_view name) {
  absl::string_view value = FieldText(text, name);
  absl::ConsumeSuffix(&value, " kB");
  int64_t kib = 0;
  if (absl::SimpleAtoi(value, &kib)) return kib * 1024;
  return absl::NotFoundError(absl::StrCat("no field ", name));
}

absl::StatusOr<int64_t> FieldNumber(absl::string_view text, absl::string_view name) {
  int64_t number = 0;
  if (absl::SimpleAtoi(FieldText(text, name), &number)) return number;
  return absl::NotFoundError(absl::StrCat("no field ", name));
}

absl::StatusOr<int64_t> ReadNumber(const std::string& path) {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) {
    return absl::InternalError(absl::StrCat("read ", path, ": not a number"));
  }
  return number;
}

// v1's name or v2's.
absl::StatusOr<int64_t> GroupUsage(const std::string& group) {
  for (const char* file : {"/memory.usage_in_bytes", "/memory.current"}) {
    absl::StatusOr<int64_t> bytes = ReadNumber(group + file);
    if (bytes.ok()) return bytes;
  }
  return absl::NotFoundError(absl::StrCat("no memory controller in ", group));
}

std::string ProcPath(pid_t pid, absl::string_view file) {
  return absl::StrCat("/proc/", pid, "/", file);
}

// Fields of /proc/PID/stat behind the command's name.
constexpr size_t kMinorFaults = 7;
constexpr size_t kMajorFaults = 9;

absl::StatusOr<int64_t> StatField(pid_t pid, size_t index) {
  WARREN_ASSIGN_OR_RETURN(std::string stat, ReadFile(ProcPath(pid, "stat")));
  // The name may hold spaces: count the fields after its closing parenthesis.
  std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(stat).substr(stat.rfind(')') + 2), ' ');
  int64_t number = 0;
  if (fields.size() > index && absl::SimpleAtoi(fields[index], &number)) return number;
  return absl::InternalError(absl::StrCat("read ", ProcPath(pid, "stat"), ": too few fields"));
}

}  // namespace

absl::StatusOr<HostMemory> ReadHostMemory() {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile("/proc/meminfo"));
  WARREN_ASSIGN_OR_RETURN(int64_t total, FieldBytes(text, "MemTotal"));
  WARREN_ASSIGN_OR_RETURN(int64_t free, FieldBytes(text, "MemFree"));
  WARREN_ASSIGN_OR_RETURN(int64_t available, FieldBytes(text, "MemAvailable"));
  WARREN_ASSIGN_OR_RETURN(int64_t buffers, FieldBytes(text, "Buffers"));
  WARREN_ASSIGN_OR_RETURN(int64_t cached, FieldBytes(text, "Cached"));
  WARREN_ASSIGN_OR_RETURN(int64_t shmem, FieldBytes(text, "Shmem"));
  WARREN_ASSIGN_OR_RETURN(int64_t slab, FieldBytes(text, "Slab"));
  return HostMemory{available, total - free - buffers - cached + shmem, slab};
}

absl::StatusOr<int64_t> TcpMemoryBytes() {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile("/proc/net/sockstat"));
  // "TCP: inuse 1 orphan 0 tw 0 alloc 7 mem 221", pages.
  const absl::string_view tcp = FieldText(text, "TCP");
  const size_t at = tcp.rfind(" mem ");
  int64_t pages = 0;
  if (at == absl::string_view::npos || !absl::SimpleAtoi(tcp.substr(at + 5), &pages)) {
    return absl::InternalError("read /proc/net/sockstat: it does not say what TCP holds");
  }
  return pages * ::sysconf(_SC_PAGESIZE);
}

absl::StatusOr<int64_t> FreeMemoryBytes() {
  WARREN_ASSIGN_OR_RETURN(std::string zones, ReadFile("/proc/zoneinfo"));
  int64_t pages = 0;
  for (absl::string_view line : absl::StrSplit(zones, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    // "nr_free_pages 1234" of a zone; "count: 56" of a CPU's list in it.
    if (!absl::ConsumePrefix(&line, "nr_free_pages ") && !absl::ConsumePrefix(&line, "count: ")) {
      continue;
    }
    int64_t count = 0;
    if (absl::SimpleAtoi(line, &count)) pages += count;
  }
  if (pages == 0) return absl::InternalError("read /proc/zoneinfo: it counts no free page");
  return pages * ::sysconf(_SC_PAGESIZE);
}

CgroupView::CgroupView(const std::string& parent) {
  std::vector<std::string> roots = {"/sys/fs/cgroup"};
  std::error_code error;
  std::set<std::string> seen;
  for (const fs::directory_entry& entry : fs::directory_iterator("/sys/fs/cgroup", error)) {
    // cpu and cpuacct are often links to one directory.
    if (entry.is_directory(error)) roots.push_back(fs::canonical(entry.path(), error).string());
  }
  for (const std::string& root : roots) {
    std::string path = absl::StrCat(root, "/", parent);
    if (fs::is_directory(path, error) && seen.insert(path).second) parents_.push_back(path);
  }
}

absl::StatusOr<std::vector<std::string>> CgroupView::GroupsOf(const std::string& sandbox_id) const {
  std::vector<std::string> groups;
  std::error_code error;
  for (const std::string& parent : parents_) {
    for (const fs::directory_entry& instance : fs::directory_iterator(parent, error)) {
      std::string group = (instance.path() / sandbox_id).string();
      if (fs::is_directory(group, error)) groups.push_back(group);
    }
  }
  if (groups.empty()) {
    return absl::NotFoundError(absl::StrCat("no cgroup of sandbox ", sandbox_id, " below ",
                                            parents_.empty() ? "any hierarchy" : parents_[0]));
  }
  return groups;
}

std::vector<pid_t> ProcessesOf(const std::string& group) {
  std::vector<pid_t> pids;
  absl::StatusOr<std::string> text = ReadFile(group + "/cgroup.procs");
  if (!text.ok()) return pids;
  for (absl::string_view line : absl::StrSplit(*text, '\n', absl::SkipEmpty())) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(line, &pid) && pid > 0) pids.push_back(pid);
  }
  return pids;
}

int CountProcessesBelow(const std::vector<std::string>& groups) {
  std::set<pid_t> pids;
  auto add = [&pids](const std::string& group) {
    for (pid_t pid : ProcessesOf(group)) pids.insert(pid);
  };
  for (const std::string& group : groups) {
    add(group);
    // Groups may go meanwhile: that ends the walk, and is no error.
    std::error_code error;
    for (fs::recursive_directory_iterator entry(group, error), end; !error && entry != end;
         entry.increment(error)) {
      if (entry->is_directory(error)) add(entry->path().string());
    }
  }
  return static_cast<int>(pids.size());
}

absl::StatusOr<int64_t> GroupMemoryBytes(const std::vector<std::string>& groups) {
  for (const std::string& group : groups) {
    absl::StatusOr<int64_t> bytes = GroupUsage(group);
    if (bytes.ok()) return bytes;
  }
  return absl::NotFoundError("read a cgroup's memory: no group with a memory controller");
}

std::map<std::string, int64_t> GroupMemoryByKind(const std::vector<std::string>& groups) {
  std::map<std::string, int64_t> kinds;
  for (const std::string& group : groups) {
    absl::StatusOr<std::string> text = ReadFile(group + "/memory.stat");
    if (!text.ok()) continue;
    kinds["usage"] = GroupUsage(group).value_or(0);
    absl::StatusOr<int64_t> kernel = ReadNumber(group + "/memory.kmem.usage_in_bytes");
    if (kernel.ok()) kinds["kernel"] = *kernel;
    for (absl::string_view line : absl::StrSplit(*text, '\n')) {
      std::pair<absl::string_view, absl::string_view> field = absl::StrSplit(line, ' ');
      auto kind = kMemoryKinds.find(field.first);
      int64_t bytes = 0;
      if (kind != kMemoryKinds.end() && absl::SimpleAtoi(field.second, &bytes)) {
        kinds[std::string(kind->second)] = bytes;
      }
    }
  }
  return kinds;
}

absl::StatusOr<std::map<std::string, int64_t>> CgroupView::MemoryByKind() const {
  std::map<std::string, int64_t> kinds = GroupMemoryByKind(parents_);
  if (kinds.empty()) return absl::NotFoundError("read a cgroup's memory: no memory controller");
  return kinds;
}

std::optional<uint64_t> MountNamespaceId(pid_t pid) {
  UniqueFd fd(::open(ProcPath(pid, "ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
  uint64_t id = 0;
  if (!fd.valid() || ::ioctl(fd.get(), kNsGetMntnsId, &id) != 0) return std::nullopt;
  return id;
}

Liveness MountNamespaceLiveness(uint64_t id) {
  MountIdRequest request{sizeof(request), 0, kListmountRoot, 0, id};
  uint64_t first = 0;
  bool gone = ::syscall(kSysListmount, &request, &first, 1, 0) < 0 && errno == ENOENT;
  return gone ? Liveness::kGone : Liveness::kAlive;
}

Liveness ProcessLiveness(pid_t pid) {
  return ::kill(pid, 0) != 0 && errno == ESRCH ? Liveness::kGone : Liveness::kAlive;
}

Liveness PathLiveness(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) != 0 && errno == ENOENT ? Liveness::kGone : Liveness::kAlive;
}

absl::StatusOr<ProcessMemory> ReadProcessMemory(pid_t pid) {
  ProcessMemory memory;
  WARREN_ASSIGN_OR_RETURN(memory.minor_faults, StatField(pid, kMinorFaults));
  WARREN_ASSIGN_OR_RETURN(std::string rollup, ReadFile(ProcPath(pid, "smaps_rollup")));
  WARREN_ASSIGN_OR_RETURN(memory.rss_bytes, FieldBytes(rollup, "Rss"));
  WARREN_ASSIGN_OR_RETURN(memory.pss_bytes, FieldBytes(rollup, "Pss"));
  WARREN_ASSIGN_OR_RETURN(memory.private_dirty_bytes, FieldBytes(rollup, "Private_Dirty"));
  return memory;
}

absl::StatusOr<ProcessCosts> ReadProcessCosts(pid_t pid) {
  ProcessCosts costs;
  WARREN_ASSIGN_OR_RETURN(costs.minor_faults, StatField(pid, kMinorFaults));
  WARREN_ASSIGN_OR_RETURN(costs.major_faults, StatField(pid, kMajorFaults));
  std::error_code error;
  for (const fs::directory_entry& thread : fs::directory_iterator(ProcPath(pid, "task"), error)) {
    absl::StatusOr<std::string> status = ReadFile((thread.path() / "status").string());
    if (!status.ok()) continue;
    WARREN_ASSIGN_OR_RETURN(int64_t voluntary, FieldNumber(*status, "voluntary_ctxt_switches"));
    WARREN_ASSIGN_OR_RETURN(int64_t involuntary,
                            FieldNumber(*status, "nonvoluntary_ctxt_switches"));
    costs.voluntary_switches += voluntary;
    costs.involuntary_switches += involuntary;
  }
  return costs;
}

absl::StatusOr<pid_t> LargestProcess(const std::vector<std::string>& groups) {
  pid_t largest = 0;
  int64_t largest_rss = -1;
  for (const std::string& group : groups) {
    for (pid_t pid : ProcessesOf(group)) {
      absl::StatusOr<std::string> status = ReadFile(ProcPath(pid, "status"));
      if (!status.ok()) continue;
      int64_t rss = FieldBytes(*status, "VmRSS").value_or(0);
      if (rss > largest_rss) {
        largest = pid;
        largest_rss = rss;
      }
    }
  }
  if (largest == 0) return absl::NotFoundError("find a context worker: the cgroup has no process");
  return largest;
}

absl::Status CheckConfined(pid_t pid) {
  WARREN_ASSIGN_OR_RETURN(std::string status, ReadFile(ProcPath(pid, "status")));
  auto is = [&status](absl::string_view name, absl::string_view value) {
    return FieldText(status, name) == value;
  };
  absl::string_view lacking;
  if (!is("Seccomp", "2")) lacking = "a seccomp filter";
  if (!is("NoNewPrivs", "1")) lacking = "no_new_privs";
  if (!is("CapEff", "0000000000000000")) lacking = "an empty capability set";
  int64_t uid = 0;
  std::vector<std::string> uids = absl::StrSplit(FieldText(status, "Uid"), '\t');
  if (!absl::SimpleAtoi(uids[0], &uid) || uid < kFirstForeignUid) lacking = "a user id of its own";
  if (lacking.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("look at a sandbox's worker: process ", pid, " lacks ", lacking));
}

absl::StatusOr<int64_t> PeakRssBytes(pid_t pid) {
  WARREN_ASSIGN_OR_RETURN(std::string status, ReadFile(ProcPath(pid, "status")));
  return FieldBytes(status, "VmHWM");
}

absl::Status ResetPeakRss(pid_t pid) {
  // proc(5): 5 resets the peak to the current resident set.
  return WriteControlFile(AT_FDCWD, ProcPath(pid, "clear_refs"), "5");
}

}  // namespace warren::bench
