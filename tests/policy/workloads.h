#ifndef WARREN_TESTS_POLICY_WORKLOADS_H_
#define WARREN_TESTS_POLICY_WORKLOADS_H_

#include <map>
#include <string>

#include "runtime/policy/seccomp_policy.h"

// Small pieces of real work that policies' rules name in `needed_by`: each fails when a rule that
// names it is missing.
namespace warren::testing {

struct Workload {
  // Runs under the policy, in an empty directory of its own. False when something did not work;
  // Step has said what.
  bool (*run)() = nullptr;
  // Runs before the policy is in force, in the same process; null for none.
  bool (*prepare)() = nullptr;
  // Instead of both: a program of Warren's as it is, which puts the policy on itself.
  bool (*program)(const CompiledPolicy& policy) = nullptr;
};

// By name. Filled from the files below.
const std::map<std::string, Workload>& AllWorkloads();

std::map<std::string, Workload> FileWorkloads();
std::map<std::string, Workload> ProcessWorkloads();
std::map<std::string, Workload> DescriptorWorkloads();
std::map<std::string, Workload> SetupWorkloads();
std::map<std::string, Workload> RelayWorkloads();
std::map<std::string, Workload> FetcherWorkloads();
std::map<std::string, Workload> StoreWorkloads();

// Passes `worked` through; when it is false, writes what failed and errno to stderr.
bool Step(bool worked, const char* what);

// True unless the call was refused the way a filter refuses: for what a kernel may lack or refuse
// for its own reasons.
bool NotFiltered(long result);

// In a child: makes it end when `parent`, which forked it, ends or has ended already.
void DieWith(int parent);

// Signals one child. Never more: a failed fork's -1 would address every process of the machine.
bool SignalChild(int pid, int signal);

// Waits until a process sleeps in a system call ('S') or is stopped ('T'), or is gone.
enum class ProcessState : char { kAsleep = 'S', kStopped = 'T' };
void WaitUntil(int pid, ProcessState state);

// Waits for a child and tells whether it exited with 0.
bool ExitedWell(int pid);

}  // namespace warren::testing

#endif  // WARREN_TESTS_POLICY_WORKLOADS_H_
