#ifndef WARREN_RUNTIME_LAUNCH_CHILD_AGENT_SETUP_H_
#define WARREN_RUNTIME_LAUNCH_CHILD_AGENT_SETUP_H_

#include <cstdint>

#include "runtime/launch/child/setup.h"

// What the launcher and the agent of a sandbox hand to each other: orders over the seqpacket socket
// that the agent has on kControlFd, reports over a pipe; plain structs of fixed size, as in
// setup.h. The supervisor's side of the agent is in agent.proto.
namespace warren {

// ---- Launcher → agent

// Bound on the environment that a profile gives.
inline constexpr uint32_t kMaxProfileEnvironment = 2048;

// The first message. Comes with the fds of AgentSetupFd, in that order.
struct AgentSetup {
  uint32_t magic = kSetupMagic;
  uint32_t version = kSetupVersion;
  // kAgent*
  uint32_t flags = 0;
  // What it becomes itself; working_directory and context_id say nothing.
  JoinRequest confinement;
};
// Commands of its sandbox may be root: it listens to those inside who want one.
inline constexpr uint32_t kAgentServesSudo = 1u << 0;
enum AgentSetupFd : uint32_t {
  // Of the sandbox that it joins.
  kAgentInitPidfd,
  // From the supervisor (read end), and to it (write end).
  kAgentRequests,
  kAgentEvents,
  // Memfd with its own seccomp policy.
  kAgentPolicy,
  // Its reports (write end). Not over the socket: a message there can carry descriptors, and what
  // closing those takes, the launcher would pay.
  kAgentReports,
  kAgentSetupFds
};

enum class AgentOrderKind : uint32_t {
  // A command may be started; with the fds of AgentCommandFd, then the files to enter its groups
  // by.
  kOffer = 1,
  // It is killed; where it was not started, it may not be any more, and has ended as if it was.
  kWithdraw = 2,
};
struct AgentOrder {
  uint32_t magic = kSetupMagic;
  uint32_t version = kSetupVersion;
  AgentOrderKind kind = AgentOrderKind::kOffer;
  uint64_t process_id = 0;
  // kOffer: how it is confined; context_id and policy_index say nothing.
  JoinRequest process;
  // kOffer: NUL-terminated strings, of its profile.
  uint32_t environment_bytes = 0;
  char environment[kMaxProfileEnvironment] = {};
};
enum AgentCommandFd : uint32_t {
  // Its standard input (read end), output and error (write ends).
  kCommandStdin,
  kCommandStdout,
  kCommandStderr,
  // Memfd with its seccomp policy.
  kCommandPolicy,
  kCommandFirstCgroup
};

// ---- Agent → launcher, on a pipe

enum class AgentReportKind : uint32_t {
  // It has joined its sandbox.
  kReady = 1,
  // It could not: `failed`.
  kFailed = 2,
  // A command that it started has ended: `process_id` and `wait_status`.
  kExited = 3,
};
struct AgentReport {
  AgentReportKind kind = AgentReportKind::kReady;
  // As wait(2) has it.
  int32_t wait_status = 0;
  uint64_t process_id = 0;
  SetupResult failed;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_CHILD_AGENT_SETUP_H_
