#include "tools/warren/attack/runner.h"

#include <linux/capability.h>
#include <unistd.h>

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/units.h"

namespace warren::attack {
namespace {

// After a destroy everything is gone in 100 ms on an idle host; only what nobody ends is still
// there after this, at pace 1.
constexpr absl::Duration kPatience = absl::Seconds(15);
// What a helper of a probe's, a command that looks for the agent, or loading the probes, takes at
// most, at pace 1.
constexpr absl::Duration kHelperBound = absl::Seconds(60);
// The end of a cell's output that is kept: its report comes last, and floods before it.
constexpr size_t kKeptOutput = 1 << 20;

// As policies/profiles/root.textproto has them.
constexpr uint64_t kRootCapabilities = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER |
                                       1u << CAP_FSETID | 1u << CAP_KILL | 1u << CAP_SETGID |
                                       1u << CAP_SETUID | 1u << CAP_NET_BIND_SERVICE;

void AppendKeepingEnd(const std::string& more, std::string& output) {
  output += more;
  if (output.size() > 2 * kKeptOutput) output.erase(0, output.size() - kKeptOutput);
}

std::string HostName() {
  char name[256] = "";
  ::gethostname(name, sizeof(name) - 1);
  return name;
}

// Different for each probe of this process, whichever runner it has.
std::string NewToken() {
  static std::atomic<int> count = 0;
  return absl::StrCat("warren-attack-", ::getpid(), "-", ++count);
}

absl::Status ToStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

Outcome Inconclusive(absl::string_view detail) {
  return {Verdict::kInconclusive, std::string(detail)};
}

// A trivial cell is not charged with what a predecessor used: `planted` is the seconds of CPU time
// and the bytes of memory that it burnt, which on no host a trivial cell needs.
absl::Status CheckFreshUsage(const v1::Usage& usage, const std::string& planted) {
  auto burnt = nlohmann::json::parse(planted, nullptr, /*allow_exceptions=*/false);
  if (!burnt.is_array() || burnt.size() != 2 || !burnt[0].is_number() || !burnt[1].is_number()) {
    return absl::InvalidArgumentError("the predecessor did not say what it burnt");
  }
  double cpu = absl::ToDoubleSeconds(ToDuration(usage.cpu_user()) + ToDuration(usage.cpu_system()));
  if (cpu >= burnt[0].get<double>()) {
    return absl::DataLossError(absl::StrCat("a trivial cell used ", cpu, " s of CPU time"));
  }
  if (usage.peak_memory_bytes() >= burnt[1].get<int64_t>()) {
    return absl::DataLossError(
        absl::StrCat("a trivial cell used ", usage.peak_memory_bytes(), " bytes of memory"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SandboxLease>> Runner::MakeSandbox(const v1::Limits& limits) {
  v1::CreateSandboxRequest request;
  request.set_template_id(options_.template_id);
  *request.mutable_limits() = limits;
  std::unique_ptr<SandboxLease> sandbox;
  WARREN_RETURN_IF_ERROR(ToStatus(SandboxLease::Create(client_, request, &sandbox)));
  CellResult loaded =
      RunCell(*sandbox, {.code = loading_cell_, .timeout = kHelperBound * options_.pace});
  WARREN_RETURN_IF_ERROR(ToStatus(loaded.status));
  if (loaded.end.kind() != v1::Termination::EXITED) {
    return absl::InternalError(
        absl::StrCat("load the probes: ", loaded.end.message(), " ", loaded.output));
  }
  return sandbox;
}

Runner::CellResult Runner::RunCell(SandboxLease& sandbox, const SandboxLease::Cell& cell) {
  CellResult result;
  result.status = sandbox.Run(cell, interrupts_, [&](const v1::ExecutionEvent& event) {
    if (event.has_finished()) {
      result.end = event.finished().termination();
      result.usage = event.finished().usage();
    } else if (event.has_output()) {
      AppendKeepingEnd(event.output().data(), result.output);
    } else if (event.has_error()) {
      AppendKeepingEnd(event.error().traceback(), result.output);
    }
    return true;
  });
  return result;
}

absl::StatusOr<std::vector<Probe>> Runner::List() {
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<SandboxLease> sandbox, MakeSandbox({}));
  CellResult result = RunCell(
      *sandbox, {.code = ListingCell(options_.sources), .timeout = kHelperBound * options_.pace});
  WARREN_RETURN_IF_ERROR(ToStatus(result.status));
  return ParseProbes(result.output);
}

std::string Runner::HostJson(const std::string& planted) const {
  nlohmann::json host = {
      {"marker", witness_.marker_path()},
      {"tcp_port", witness_.tcp_port()},
      {"abstract", witness_.abstract_name()},
      {"socket", options_.socket_path},
      {"pid", ::getpid()},
      {"hostname", HostName()},
      {"token", token_},
      {"unconfined", false},
      {"pace", options_.pace},
      {"profile", options_.profile},
      {"planted", nlohmann::json::parse(planted, nullptr, /*allow_exceptions=*/false)},
  };
  return host.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Runner::CellResult Runner::RunFunction(SandboxLease& sandbox, const Probe& probe,
                                       const std::string& function, const std::string& planted,
                                       absl::Duration timeout) {
  return RunCell(sandbox, {RunningCell(probe.group, function, HostJson(planted)), timeout,
                           probe.max_output_bytes});
}

Outcome Runner::RunProbe(SandboxLease& sandbox, const Probe& probe, const std::string& planted,
                         v1::Usage* usage) {
  const std::string function = "probe_" + probe.name;
  const absl::Duration bound = CellTimeout(probe, options_.pace);
  if (!probe.by_command) {
    CellResult result = RunFunction(sandbox, probe, function, planted, bound);
    *usage = result.usage;
    if (!result.status.ok()) return Inconclusive(result.status.error_message());
    return Judge(probe, result.output, result.end);
  }
  v1::StartProcessRequest request;
  request.set_sandbox_id(sandbox.sandbox().sandbox_id());
  for (const std::string& argument :
       {std::string("python3"), std::string("-c"),
        RunningProgram(options_.sources, probe.group, function, HostJson(planted))}) {
    request.add_arguments(argument);
  }
  request.set_working_directory("/");
  *request.mutable_timeout() = ToProto(bound);
  request.set_no_input(true);
  CommandResult result =
      RunCommand(client_, request, bound + kRunSlack, interrupts_, [](const auto&) {});
  if (!result.status.ok()) return Inconclusive(result.status.error_message());
  return Judge(probe, result.output, result.end);
}

absl::StatusOr<int> Runner::AgentOf(SandboxLease& sandbox) {
  const std::string mark = absl::StrCat(token_, "-witness");
  v1::StartProcessRequest request;
  request.set_sandbox_id(sandbox.sandbox().sandbox_id());
  // Until it is told to end.
  for (const char* argument : {"sh", "-c", "read line", mark.c_str()})
    request.add_arguments(argument);
  // The home need not be there, where a test has switched layers off.
  request.set_working_directory("/");
  *request.mutable_timeout() = ToProto(kHelperBound * options_.pace);
  std::vector<ProcessFacts> found;
  auto look = [&](const v1::ProcessEvent::Started& started) {
    // It is there, but has its command line a moment later.
    const absl::Time deadline = absl::Now() + kPatience * options_.pace;
    while ((found = ProcessesWithArgument(mark)).empty() && absl::Now() < deadline)
      absl::SleepFor(absl::Milliseconds(10));
    v1::WriteProcessInputRequest input;
    input.set_sandbox_id(request.sandbox_id());
    input.set_process_id(started.process_id());
    input.set_close(true);
    v1::WriteProcessInputResponse response;
    // Where it cannot be told, the bound ends it.
    CallUnary(client_.processes(), &v1::ProcessService::Stub::WriteProcessInput, input, &response);
  };
  CommandResult result =
      RunCommand(client_, request, kHelperBound * options_.pace + kRunSlack, interrupts_, look);
  WARREN_RETURN_IF_ERROR(ToStatus(result.status));
  if (result.end.kind() != v1::Termination::EXITED)
    return absl::AbortedError(absl::StrCat("its command: ", result.end.message()));
  if (found.size() != 1) return absl::NotFoundError("its command is not seen on this host");
  return found.front().parent;
}

absl::Status Runner::CheckAgent(SandboxLease& sandbox, int agent) {
  absl::StatusOr<int> now = AgentOf(sandbox);
  // Nobody took the agent away where the witness itself could not look.
  if (absl::IsDeadlineExceeded(now.status()) || absl::IsCancelled(now.status()))
    return now.status();
  if (!now.ok())
    return absl::DataLossError(absl::StrCat("no command runs any more: ", now.status().message()));
  if (*now == agent) return absl::OkStatus();
  return absl::DataLossError("the agent is gone: another one has taken its place");
}

Outcome Runner::RunHelper(SandboxLease& sandbox, const Probe& probe, const std::string& function,
                          const std::string& planted, HelperJudge judge) {
  CellResult result = RunFunction(sandbox, probe, function, planted, kHelperBound * options_.pace);
  if (!result.status.ok()) return Inconclusive(result.status.error_message());
  return judge(result.output, result.end);
}

Outcome Runner::Attack(const Probe& probe) {
  token_ = NewToken();
  // What an earlier attack that came through has left is not this one's.
  witness_.CheckListeners().IgnoreError();
  std::unique_ptr<SandboxLease> other;
  std::string planted = "null";
  if (!probe.plant.empty()) {
    absl::StatusOr<std::unique_ptr<SandboxLease>> made = MakeSandbox({});
    if (!made.ok()) return Inconclusive(made.status().message());
    other = *std::move(made);
    Outcome plant = RunHelper(*other, probe, probe.plant, planted, JudgeHelper);
    if (plant.verdict != Verdict::kHeld) return Inconclusive("plant: " + plant.detail);
    planted = plant.value;
    if (probe.plant_in_predecessor) other.reset();
  }
  Outcome outcome = ForProfile(probe, options_.profile, AttackSandbox(probe, other.get(), planted));
  other.reset();
  // What is left would say nothing more.
  if (outcome.verdict == Verdict::kBroken) return outcome;
  absl::Status left = AwaitNoProcess(token_, kPatience * options_.pace);
  left.Update(witness_.CheckMarker());
  left.Update(witness_.CheckListeners());
  return WithRemains(outcome, left);
}

Outcome Runner::AttackSandbox(const Probe& probe, SandboxLease* neighbour,
                              const std::string& planted) {
  absl::StatusOr<std::unique_ptr<SandboxLease>> made = MakeSandbox(probe.limits);
  if (!made.ok()) return Inconclusive(made.status().message());
  SandboxLease& sandbox = **made;
  // Every claim is to hold with an agent in the sandbox, which is a process more to attack.
  absl::StatusOr<int> agent = AgentOf(sandbox);
  if (!agent.ok()) return Inconclusive(absl::StrCat("agent: ", agent.status().message()));
  v1::Usage usage;
  Outcome outcome = RunProbe(sandbox, probe, planted, &usage);
  if (!probe.host_check.empty()) {
    outcome = WithHostCheck(outcome, CheckHost(probe, usage, planted, sandbox, *agent));
  }
  if (outcome.verdict != Verdict::kHeld) return outcome;
  if (!probe.aftermath.empty()) {
    Outcome aftermath = RunHelper(*neighbour, probe, probe.aftermath, planted, JudgeAftermath);
    if (aftermath.verdict != Verdict::kHeld) return aftermath;
  }
  if (!probe.conclude.empty()) {
    return RunHelper(sandbox, probe, probe.conclude, planted, JudgeHelper);
  }
  return outcome;
}

absl::Status Runner::CheckHost(const Probe& probe, const v1::Usage& usage,
                               const std::string& planted, SandboxLease& sandbox, int agent) {
  if (probe.host_check == "identity") {
    return CheckConfined(token_, options_.profile == "root" ? kRootCapabilities : 0);
  }
  if (probe.host_check == "distinct_identity") {
    return CheckDistinctUsers(token_, token_ + "-neighbour");
  }
  if (probe.host_check == "32_bit_calls") return CheckFilters(token_, Check32BitCallsAreKilled);
  if (probe.host_check == "x32_calls") return CheckFilters(token_, CheckX32CallsAreClosed);
  if (probe.host_check == "runs") return CheckRuns(token_);
  if (probe.host_check == "same_agent") return CheckAgent(sandbox, agent);
  if (probe.host_check == "fresh_usage") return CheckFreshUsage(usage, planted);
  return absl::InvalidArgumentError(absl::StrCat("no host check ", probe.host_check));
}

}  // namespace warren::attack
