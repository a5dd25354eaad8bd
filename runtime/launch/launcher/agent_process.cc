#include "runtime/launch/launcher/agent_process.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/detached_set.h"
#include "runtime/launch/launcher/pack.h"
#include "runtime/linux/process.h"

namespace warren {

absl::StatusOr<std::unique_ptr<AgentProcess>> AgentProcess::Start(
    LaunchResources& resources, int init_pidfd, const std::vector<UniqueFd>& procs,
    uint32_t flags) {
  WARREN_ASSIGN_OR_RETURN(ClonedProcess process,
                          resources.anchor.CloneAgent(resources.agent_program.get(), procs));
  // From here on the destructor ends it.
  std::unique_ptr<AgentProcess> agent(new AgentProcess(std::move(process)));
  const int control = agent->process_.control.get();
  // Nothing is read from it: a message could carry descriptors, and the launcher would wait for
  // whatever closing them waits for. From here on the agent cannot send any.
  if (::shutdown(control, SHUT_RD) != 0) return Errno("close a direction of the agent's socket");
  WARREN_RETURN_IF_ERROR(SetNonBlocking(control));
  // Pipes, for they belong to no network namespace.
  WARREN_ASSIGN_OR_RETURN(Pipe requests, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe events, MakePipe());
  WARREN_ASSIGN_OR_RETURN(Pipe reports, MakePipe());
  WARREN_RETURN_IF_ERROR(SetNonBlocking(reports.read_end.get()));
  const LoadedProfile& profile = resources.profiles.agent();
  AgentSetup setup;
  setup.flags = flags;
  WARREN_ASSIGN_OR_RETURN(setup.confinement, PackAgent(profile, resources.facts.landlock_abi()));
  setup.confinement.layers_off = resources.layers_off;
  const int fds[kAgentSetupFds] = {init_pidfd, requests.read_end.get(), events.write_end.get(),
                                   profile.policy.get(), reports.write_end.get()};
  WARREN_RETURN_IF_ERROR(SendMessage(control, AsBytes(setup), fds));
  agent->reports_ = std::move(reports.read_end);
  for (UniqueFd* end : {&requests.write_end, &events.read_end}) {
    WARREN_RETURN_IF_ERROR(SetNonBlocking(end->get()));
    agent->supervisor_ends_.push_back(std::move(*end));
  }
  return agent;
}

absl::Status AgentProcess::Offer(const AgentOrder& order, std::span<const int> fds) {
  return SendMessage(process_.control.get(), AsBytes(order), fds);
}

absl::Status AgentProcess::Withdraw(uint64_t process_id) {
  AgentOrder order;
  order.kind = AgentOrderKind::kWithdraw;
  order.process_id = process_id;
  return SendMessage(process_.control.get(), AsBytes(order), {});
}

absl::StatusOr<AgentReport> AgentProcess::Receive() {
  char bytes[sizeof(AgentReport)];
  ssize_t size;
  do {
    size = ::read(reports_.get(), bytes, sizeof(bytes));
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return absl::UnavailableError("no report is there");
  return Parse(absl::string_view(bytes, static_cast<size_t>(std::max<ssize_t>(size, 0))));
}

absl::StatusOr<AgentReport> AgentProcess::Parse(absl::string_view message) {
  if (message.empty()) return absl::NotFoundError("the agent is gone");
  AgentReport report;
  if (message.size() != sizeof(report))
    return absl::AbortedError("the agent's report is malformed");
  std::memcpy(&report, message.data(), sizeof(report));
  if (report.kind < AgentReportKind::kReady || report.kind > AgentReportKind::kExited)
    return absl::AbortedError("the agent's report is of no known kind");
  return report;
}

void AgentProcess::Kill() {
  if (process_.pidfd.valid()) SignalProcess(process_.pidfd.get(), SIGKILL).IgnoreError();
}

}  // namespace warren
