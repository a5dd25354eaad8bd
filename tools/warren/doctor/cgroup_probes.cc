// Requirements on control groups: v2, or v1 and hybrid hosts.
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/linux/cgroup.h"
#include "tools/warren/doctor/probe.h"

namespace warren::doctor {
namespace {

constexpr char kParent[] = "warren-doctor";

Finding ProbeMode(const Host& host) {
  if (!host.facts.ok()) return Lacks(std::string(host.facts.status().message()));
  switch (host.facts->cgroup_mode()) {
    case internal::HostFacts::V2:
      return Ok("v2");
    case internal::HostFacts::V1:
      return Ok("v1 hierarchies (v1 or hybrid)");
    default:
      return Lacks("no hierarchy is mounted");
  }
}

Finding HasController(const Host& host, const char* name) {
  if (!host.facts.ok()) return Lacks(std::string(host.facts.status().message()));
  auto controller = host.facts->controllers().find(name);
  if (controller == host.facts->controllers().end()) return Lacks("not mounted");
  return Ok(controller->second);
}
Finding ProbeMemory(const Host& host) { return HasController(host, "memory"); }
Finding ProbeCpu(const Host& host) { return HasController(host, "cpu"); }
Finding ProbePids(const Host& host) { return HasController(host, "pids"); }
Finding ProbeCpuAccounting(const Host& host) {
  bool v2 = host.facts.ok() && host.facts->cgroup_mode() == internal::HostFacts::V2;
  return v2 ? Ok("part of v2") : HasController(host, "cpuacct");
}

void AddLimit(google::protobuf::RepeatedPtrField<internal::CgroupWrite>& writes,
              const char* controller, const char* file, const char* value) {
  internal::CgroupWrite& write = *writes.Add();
  write.set_controller(controller);
  write.set_file(file);
  write.set_value(value);
}

// Makes a group, sets one limit of each kind, and removes it, with the launcher's own code.
absl::Status TryGroup(const internal::HostFacts& facts) {
  std::string instance = absl::StrCat(::getpid());
  google::protobuf::RepeatedPtrField<internal::CgroupWrite> writes;
  bool v2 = facts.cgroup_mode() == internal::HostFacts::V2;
  AddLimit(writes, "memory", v2 ? "memory.max" : "memory.limit_in_bytes", "67108864");
  AddLimit(writes, "pids", "pids.max", "64");
  absl::StatusOr<CgroupTree> tree = CgroupTree::Create(facts, kParent, instance);
  absl::Status status = tree.status();
  if (status.ok()) {
    absl::StatusOr<Cgroup> group = tree->Add("probe", writes);
    status = group.ok() ? group->Remove() : group.status();
  }
  CgroupTree::RemoveAll(facts, kParent, instance);
  return status;
}

Finding ProbeWritable(const Host& host) {
  if (!host.facts.ok()) return Lacks(std::string(host.facts.status().message()));
  absl::Status status = TryGroup(*host.facts);
  return status.ok() ? Ok("a group with limits can be made and removed")
                     : Lacks(std::string(status.message()));
}

Finding ProbeKill(const Host& host) {
  if (host.facts.ok() && host.facts->cgroup_kill()) return Ok("there");
  return Ok("not there: sandboxes end with the first process of their pid namespace");
}

Finding ProbeSwap(const Host& host) {
  if (!host.facts.ok()) return Lacks(std::string(host.facts.status().message()));
  if (!host.facts->swap_present()) return Ok("this host has no swap");
  if (host.facts->swap_limit()) return Ok("swap can be bounded");
  return Lacks("there is swap, and no swap accounting");
}

}  // namespace

std::vector<Probe> CgroupProbes() {
  constexpr char kMount[] =
      "mount the cgroup hierarchies below /sys/fs/cgroup; on v2, the service needs Delegate=yes";
  return {
      {"cgroup", "a cgroup hierarchy, v2 or v1", kMount, ProbeMode},
      {"cgroup-memory", "the memory controller: a bound on memory, group OOM kill",
       "boot with cgroup_enable=memory", ProbeMemory},
      {"cgroup-cpu", "the cpu controller: a bound on CPU time", kMount, ProbeCpu},
      {"cgroup-cpuacct", "CPU accounting: usage of each run", kMount, ProbeCpuAccounting},
      {"cgroup-pids", "the pids controller: a bound on processes", kMount, ProbePids},
      {"cgroup-writable", "groups can be made, limited and removed",
       "run as root; in a container, mount the cgroup file systems writable", ProbeWritable},
      {"cgroup-kill", "cgroup.kill: the end of everything in a group at once (optional)",
       "use cgroup v2 on Linux 5.14 or newer", ProbeKill},
      {"swap", "no memory beyond the limit by way of swap",
       "swapoff -a, or boot with swapaccount=1", ProbeSwap},
  };
}

}  // namespace warren::doctor
