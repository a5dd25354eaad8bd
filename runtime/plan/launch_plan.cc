#include "runtime/plan/launch_plan.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "runtime/policy/limits_policy.h"

namespace warren {
namespace {

using internal::MountOp;

constexpr int64_t kCpuPeriodUs = 100'000;
// Under limit_in_bytes of v1, TCP buffers are a pool of their own; loopback needs little.
constexpr int64_t kTcpMemoryBytes = 32 << 20;

// Files of /proc that say or do something about the whole host.
constexpr const char* kMaskedFiles[] = {
    "kcore",       "keys",          "key-users",   "kmsg",          "kpagecount", "kpageflags",
    "kpagecgroup", "latency_stats", "sched_debug", "sysrq-trigger", "timer_list", "vmallocinfo",
    "slabinfo",    "kallsyms",      "modules",     "mtrr"};
constexpr const char* kMaskedDirectories[] = {"acpi", "asound",   "bus",  "driver",  "fs",
                                              "irq",  "pressure", "scsi", "sysvipc", "tty"};

class MountList {
 public:
  MountOp& Add(MountOp::Kind kind, absl::string_view target) {
    MountOp& op = ops_.emplace_back();
    op.set_kind(kind);
    op.set_target(std::string(target));
    return op;
  }
  void AddDirectory(absl::string_view target, uint32_t mode) {
    Add(MountOp::DIRECTORY, target).set_mode(mode);
  }
  void AddBind(absl::string_view source, absl::string_view target) {
    Add(MountOp::BIND, target).set_source(std::string(source));
  }
  void AddAttach(int fd_index, absl::string_view target) {
    Add(MountOp::ATTACH, target).set_fd_index(fd_index);
  }
  void AddWithData(MountOp::Kind kind, absl::string_view target, absl::string_view data) {
    Add(kind, target).set_data(std::string(data));
  }
  void AddTextFile(absl::string_view target, uint32_t mode, absl::string_view content) {
    MountOp& op = Add(MountOp::TEXT_FILE, target);
    op.set_mode(mode);
    op.set_data(std::string(content));
  }
  std::vector<MountOp> Take() { return std::move(ops_); }

 private:
  std::vector<MountOp> ops_;
};

enum class Purpose { kSandbox, kZygote };

// Where a sandbox with a network is answered: the relay listens there (kNamesAddress). Without one
// nobody does, and who asks hears so at once. By the plan and not by the templates, so that it
// holds in those that were built before; below what is mounted on it, so that it costs no copy.
void AddNameServer(MountList& list) {
  list.AddDirectory("/layer/up/etc", 0755);
  list.AddTextFile("/layer/up/etc/resolv.conf", 0644, "nameserver 127.0.0.53\n");
}

// Where a sandbox's own pip finds the server's index, if its network lets it. Debian's pip refuses
// to install beside its packages, and who is not root installs into the user's own site anyhow.
void AddPipConfiguration(MountList& list) {
  list.AddTextFile("/layer/up/etc/pip.conf", 0644,
                   "[global]\n"
                   "index-url = http://index.warren.internal/simple/\n"
                   "trusted-host = index.warren.internal\n"
                   "break-system-packages = true\n"
                   "disable-pip-version-check = true\n"
                   "retries = 1\n");
}

// In the layer, as the directory above.
void AddPackagesDirectory(MountList& list) {
  list.AddDirectory("/layer/up/opt", 0755);
  list.AddDirectory(absl::StrCat("/layer/up", kPackagesDirectory), 0755);
}

// Every part in an overlay of its own, so that locks and watches on a file never meet those of
// another sandbox. The root takes writes into the layer; directories of the host are read-only: an
// overlay without an upper directory, which needs a second, empty, lower one.
void AddRootFileSystem(const config::TemplateRecipe& recipe, const internal::HostFacts& facts,
                       Purpose purpose, MountList& list) {
  std::vector<TemplatePart> parts = TemplateParts(recipe);
  list.AddDirectory("/layer/up", 0755);
  if (purpose == Purpose::kSandbox) {
    AddNameServer(list);
    AddPackagesDirectory(list);
    if (facts.package_index()) AddPipConfiguration(list);
  }
  list.AddDirectory("/layer/work", 0755);
  list.AddDirectory("/layer/empty", 0555);
  for (size_t i = 0; i < parts.size(); ++i) {
    std::string lower = absl::StrCat("/lower", i);
    list.AddAttach(static_cast<int>(i), lower);
    std::string target = i == 0 ? "/newroot" : absl::StrCat("/newroot", parts[i].target);
    std::string data =
        i == 0 ? absl::StrCat("lowerdir=", lower, ",upperdir=/layer/up,workdir=/layer/work")
               : absl::StrCat("lowerdir=", lower, ":/layer/empty");
    // user.* attributes mark deleted and opaque directories where trusted.* needs the host's
    // privilege.
    if (facts.tmpfs_user_xattr()) absl::StrAppend(&data, ",userxattr");
    list.AddWithData(MountOp::OVERLAY, target, data);
  }
}

// Quotas that the kernel counts for each user namespace, and for those above it too: without a
// bound of its own one sandbox could use up the host's number of inotify instances (128 by default)
// for all.
constexpr struct {
  const char* file;
  const char* value;
} kNamespaceQuotas[] = {
    {"max_user_namespaces", "0"}, {"max_inotify_instances", "16"}, {"max_inotify_watches", "8192"}};

void AddProc(Purpose purpose, MountList& list) {
  list.AddWithData(MountOp::PROC, "/newroot/proc",
                   purpose == Purpose::kSandbox ? "hidepid=invisible" : "");
  for (const char* name : kMaskedFiles) {
    list.Add(MountOp::MASK_FILE, absl::StrCat("/newroot/proc/", name));
  }
  for (const char* name : kMaskedDirectories) {
    list.Add(MountOp::MASK_DIRECTORY, absl::StrCat("/newroot/proc/", name));
  }
  // Before /proc/sys becomes read-only. Not in the zygote's namespace, which the sandboxes' are
  // made in.
  if (purpose == Purpose::kSandbox) {
    for (const auto& quota : kNamespaceQuotas) {
      list.AddWithData(MountOp::SYSCTL, absl::StrCat("/newroot/proc/sys/user/", quota.file),
                       quota.value);
    }
  }
  list.Add(MountOp::READ_ONLY, "/newroot/proc/sys");
}

struct LayerSize {
  int64_t bytes;
  int64_t inodes;
};

std::vector<MountOp> Mounts(const config::TemplateRecipe& recipe, const internal::HostFacts& facts,
                            LayerSize size, Purpose purpose) {
  MountList list;
  FdIndices fds = PlanFdIndices(recipe);
  // Before anything else: no mount made here may propagate.
  list.Add(MountOp::PRIVATE, "/");
  list.AddWithData(MountOp::TMPFS, "/layer",
                   absl::StrCat("size=", size.bytes, ",nr_inodes=", size.inodes, ",mode=0755"));
  AddRootFileSystem(recipe, facts, purpose, list);
  list.AddAttach(fds.dev, "/newroot/dev");
  list.AddWithData(MountOp::DEVPTS, "/newroot/dev/pts",
                   "newinstance,ptmxmode=0666,mode=0620,max=64");
  list.AddDirectory("/layer/shm", 01777);
  list.AddBind("/layer/shm", "/newroot/dev/shm");
  // After /dev: masks bind the sandbox's own /dev/null.
  AddProc(purpose, list);
  // Which of them is the launcher's to choose: a context that starts by exec reads Warren's Python
  // files itself.
  list.AddAttach(fds.worker, absl::StrCat("/newroot", kWorkerDirectory));
  list.Add(MountOp::PIVOT, "/newroot");
  return list.Take();
}

void AddWrite(internal::LaunchPlan& plan, const char* controller, const char* file,
              std::string value) {
  internal::CgroupWrite* write = plan.add_cgroup();
  write->set_controller(controller);
  write->set_file(file);
  write->set_value(std::move(value));
}

absl::Status CheckControllers(const internal::HostFacts& facts) {
  std::vector<const char*> needed = {"memory", "cpu", "pids"};
  // v2 has what they do in every group.
  if (facts.cgroup_mode() == internal::HostFacts::V1)
    needed.insert(needed.end(), {"cpuacct", "freezer"});
  for (const char* controller : needed) {
    if (!facts.controllers().contains(controller)) {
      return absl::FailedPreconditionError(
          absl::StrCat("this host offers no ", controller,
                       " cgroup controller, so its limit cannot be enforced: enable it (`warren "
                       "doctor` says how)"));
    }
  }
  if (facts.swap_present() && !facts.swap_limit()) {
    return absl::FailedPreconditionError(
        "this host has swap but cannot bound it for a cgroup: boot with swapaccount=1 or turn swap "
        "off");
  }
  return absl::OkStatus();
}

// Its id becomes the name of a directory in a cgroup file system.
bool ValidSandboxId(const std::string& id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  });
}

absl::Status CheckSpec(const internal::SandboxSpec& spec, const config::TemplateRecipe& recipe) {
  if (!ValidSandboxId(spec.sandbox_id())) {
    return absl::InvalidArgumentError("a sandbox id is 1 to 64 characters of [0-9a-z]");
  }
  if (spec.template_id() != recipe.name()) {
    return absl::InternalError(absl::StrCat("planned with the recipe of ", recipe.name()));
  }
  return absl::OkStatus();
}

void AddCgroupWrites(const v1::Limits& limits, const internal::HostFacts& facts,
                     internal::LaunchPlan& plan) {
  std::string memory = absl::StrCat(limits.memory_bytes());
  std::string quota = absl::StrCat(limits.cpu_millis() * kCpuPeriodUs / 1000);
  std::string pids = absl::StrCat(limits.pids());
  if (facts.cgroup_mode() == internal::HostFacts::V2) {
    AddWrite(plan, "memory", "memory.max", memory);
    if (facts.swap_limit()) AddWrite(plan, "memory", "memory.swap.max", "0");
    AddWrite(plan, "memory", "memory.oom.group", "1");
    AddWrite(plan, "cpu", "cpu.max", absl::StrCat(quota, " ", kCpuPeriodUs));
    AddWrite(plan, "pids", "pids.max", pids);
    AddWrite(plan, "pids", "cgroup.max.descendants", absl::StrCat(kMaxProcessGroups));
    return;
  }
  AddWrite(plan, "memory", "memory.limit_in_bytes", memory);
  // After memory.limit_in_bytes: the sum with swap may not be below it.
  if (facts.swap_limit()) AddWrite(plan, "memory", "memory.memsw.limit_in_bytes", memory);
  AddWrite(plan, "memory", "memory.kmem.tcp.limit_in_bytes",
           absl::StrCat(std::min(kTcpMemoryBytes, limits.memory_bytes())));
  AddWrite(plan, "cpu", "cpu.cfs_period_us", absl::StrCat(kCpuPeriodUs));
  AddWrite(plan, "cpu", "cpu.cfs_quota_us", quota);
  AddWrite(plan, "pids", "pids.max", pids);
}

void AddRlimit(internal::LaunchPlan& plan, const char* resource, uint64_t value) {
  internal::Rlimit* limit = plan.add_rlimits();
  limit->set_resource(resource);
  limit->set_soft(value);
  limit->set_hard(value);
}

void AddRlimits(const v1::Limits& limits, const config::LimitsPolicy& policy,
                internal::LaunchPlan& plan) {
  AddRlimit(plan, "NOFILE", static_cast<uint64_t>(limits.open_files()));
  AddRlimit(plan, "FSIZE", static_cast<uint64_t>(limits.file_size_bytes()));
  // The cgroup bounds how many there are. What a process was started with cannot be raised later,
  // and limits.pids can: so this is the most that it may ever become.
  AddRlimit(plan, "NPROC", static_cast<uint64_t>(policy.maximum().pids()));
}

}  // namespace

std::vector<TemplatePart> TemplateParts(const config::TemplateRecipe& recipe) {
  std::vector<TemplatePart> parts = {{"/"}};
  for (const std::string& directory : recipe.host().directories()) parts.push_back({directory});
  return parts;
}

std::vector<std::string> GrantedProfiles(const config::TemplateRecipe& recipe) {
  if (recipe.profiles().empty()) return {kUserProfile};
  return {recipe.profiles().begin(), recipe.profiles().end()};
}

absl::StatusOr<int> ProfileIndex(const internal::LaunchPlan& plan, const std::string& profile) {
  const std::string& wanted = profile.empty() ? plan.profile() : profile;
  const auto found = std::find(plan.profiles().begin(), plan.profiles().end(), wanted);
  if (found != plan.profiles().end()) return static_cast<int>(found - plan.profiles().begin());
  return absl::InvalidArgumentError(
      absl::StrCat("template ", plan.template_id(), " grants no profile \"", absl::CEscape(wanted),
                   "\"; there is: ", absl::StrJoin(plan.profiles(), ", ")));
}

FdIndices PlanFdIndices(const config::TemplateRecipe& recipe) {
  int parts = static_cast<int>(TemplateParts(recipe).size());
  return {.dev = parts, .worker = parts + 1};
}

absl::StatusOr<internal::LaunchPlan> MakeLaunchPlan(const internal::SandboxSpec& spec,
                                                    const config::TemplateRecipe& recipe,
                                                    const config::LimitsPolicy& policy,
                                                    const internal::HostFacts& facts) {
  WARREN_RETURN_IF_ERROR(CheckControllers(facts));
  WARREN_RETURN_IF_ERROR(CheckSpec(spec, recipe));
  WARREN_ASSIGN_OR_RETURN(v1::Limits limits, ResolveLimits(policy, spec.limits(), recipe.limits()));
  internal::LaunchPlan plan;
  plan.set_sandbox_id(spec.sandbox_id());
  plan.set_template_id(spec.template_id());
  plan.set_hostname("sandbox");
  for (std::string& profile : GrantedProfiles(recipe)) plan.add_profiles(std::move(profile));
  plan.set_profile(spec.profile().empty() ? kUserProfile : spec.profile());
  WARREN_RETURN_IF_ERROR(ProfileIndex(plan, plan.profile()).status());
  plan.set_working_directory("/home/user");
  *plan.mutable_limits() = limits;
  AddCgroupWrites(limits, facts, plan);
  for (MountOp& op : SandboxMounts(recipe, limits, facts)) *plan.add_mounts() = std::move(op);
  AddRlimits(limits, policy, plan);
  return plan;
}

std::vector<LimitChange> PlanLimitChange(const v1::Limits& from, const v1::Limits& to,
                                         const internal::HostFacts& facts) {
  internal::LaunchPlan before;
  internal::LaunchPlan after;
  AddCgroupWrites(from, facts, before);
  AddCgroupWrites(to, facts, after);
  std::vector<LimitChange> changes;
  for (int i = 0; i < after.cgroup_size(); ++i) {
    if (before.cgroup(i).value() != after.cgroup(i).value())
      changes.push_back({after.cgroup(i), before.cgroup(i)});
  }
  // A plan lowers from what is unbounded. v1's sum with swap may never be below the memory, so what
  // raises it goes the other way.
  if (to.memory_bytes() > from.memory_bytes()) std::reverse(changes.begin(), changes.end());
  return changes;
}

std::vector<internal::MountOp> SandboxMounts(const config::TemplateRecipe& recipe,
                                             const v1::Limits& limits,
                                             const internal::HostFacts& facts) {
  return Mounts(recipe, facts, {limits.disk_bytes(), limits.disk_inodes()}, Purpose::kSandbox);
}

std::vector<internal::MountOp> ZygoteMounts(const config::TemplateRecipe& recipe,
                                            const internal::HostFacts& facts) {
  // Room for what imports leave behind (font caches, bytecode): 64 MiB.
  return Mounts(recipe, facts, {64 << 20, 16384}, Purpose::kZygote);
}

}  // namespace warren
