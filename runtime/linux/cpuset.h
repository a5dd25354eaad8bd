#ifndef WARREN_RUNTIME_LINUX_CPUSET_H_
#define WARREN_RUNTIME_LINUX_CPUSET_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "warren/internal/plan.pb.h"

// On which processors the processes of a group may run: the cpuset controller, which Warren uses
// where the host has it.
namespace warren {

// Of what Warren's groups may use; lists as of cpuset.cpus ("0-3,7").
struct Processors {
  int count = 0;
  // What gives a group all of them.
  std::string all;
  // Empty where there is only one, or none to tell of.
  std::string all_but_one;
};

// Whether the hierarchies of the mode that is used have the controller: a hybrid host has some of
// each.
bool HasCpuset(const internal::HostFacts& facts);

// v1: gives a group that has none yet its parent's processors and memory nodes; no process may
// enter it before. NOT_FOUND where the parent has none either: somebody else is making it.
absl::Status InheritCpuset(const std::string& group);
// v1: the same for a group whose processes this process would else have beside itself: narrowed to
// what it may use, as whoever started it decided. The groups made in it get theirs by themselves.
absl::Status InheritOwnCpuset(const std::string& group);

// What the groups in this one, an open directory, may use: its processors that this process may
// use too.
absl::StatusOr<Processors> FindProcessors(int group, internal::HostFacts::CgroupMode mode);

// The processors that a list names, ascending; none for what is no list.
std::vector<int> ParseProcessors(absl::string_view list);
// The list, as the kernel would write it.
std::string FormatProcessors(const std::vector<int>& processors);

}  // namespace warren

#endif  // WARREN_RUNTIME_LINUX_CPUSET_H_
