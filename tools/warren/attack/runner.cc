#include "tools/warren/attack/runner.h"

#include <unistd.h>

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status.h"
#include "tools/warren/units.h"

namespace warren::attack {
namespace {

// After a destroy everything is to be gone in 100 ms on an idle host; attacks leave none idle.
constexpr absl::Duration kPatience = absl::Seconds(2);
// The end of a cell's output that is kept: its report comes last, and floods before it.
constexpr size_t kKeptOutput = 1 << 20;

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

Outcome Broken(absl::string_view detail) { return {Verdict::kBroken, std::string(detail)}; }
Outcome Inconclusive(absl::string_view detail) {
  return {Verdict::kInconclusive, std::string(detail)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<SandboxLease>> Runner::MakeSandbox(const v1::Limits& limits) {
  v1::CreateSandboxRequest request;
  request.set_template_id(options_.template_id);
  *request.mutable_limits() = limits;
  std::unique_ptr<SandboxLease> sandbox;
  WARREN_RETURN_IF_ERROR(ToStatus(SandboxLease::Create(client_, request, &sandbox)));
  CellResult loaded = RunCell(*sandbox, {.code = loading_cell_});
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
  CellResult result = RunCell(*sandbox, {.code = ListingCell(options_.sources)});
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
      {"planted", nlohmann::json::parse(planted, nullptr, /*allow_exceptions=*/false)},
  };
  return host.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Outcome Runner::RunFunction(SandboxLease& sandbox, const Probe& probe, const std::string& function,
                            const std::string& planted) {
  CellResult result = RunCell(sandbox, {RunningCell(probe.group, function, HostJson(planted)),
                                        probe.timeout, probe.max_output_bytes});
  usage_ = result.usage;
  if (!result.status.ok()) return Inconclusive(result.status.error_message());
  return Judge(probe, result.output, result.end);
}

Outcome Runner::Attack(const Probe& probe) {
  token_ = NewToken();
  std::unique_ptr<SandboxLease> other;
  std::string planted = "null";
  if (!probe.plant.empty()) {
    absl::StatusOr<std::unique_ptr<SandboxLease>> made = MakeSandbox({});
    if (!made.ok()) return Inconclusive(made.status().message());
    other = *std::move(made);
    Outcome plant = RunFunction(*other, probe, probe.plant, planted);
    if (plant.verdict != Verdict::kHeld) return Inconclusive("plant: " + plant.detail);
    planted = plant.value;
    if (probe.plant_in_predecessor) other.reset();
  }
  Outcome outcome = AttackSandbox(probe, other.get(), planted);
  other.reset();
  absl::Status left = AwaitNoProcess(token_, kPatience);
  left.Update(witness_.CheckMarker());
  left.Update(witness_.CheckListeners());
  if (!left.ok() && outcome.verdict != Verdict::kBroken) return Broken(left.message());
  return outcome;
}

Outcome Runner::AttackSandbox(const Probe& probe, SandboxLease* neighbour,
                              const std::string& planted) {
  absl::StatusOr<std::unique_ptr<SandboxLease>> made = MakeSandbox(probe.limits);
  if (!made.ok()) return Inconclusive(made.status().message());
  SandboxLease& sandbox = **made;
  Outcome outcome = RunFunction(sandbox, probe, "probe_" + probe.name, planted);
  if (outcome.verdict != Verdict::kHeld) return outcome;
  absl::Status host = CheckHost(probe, usage_);
  if (!host.ok()) return Broken(host.message());
  if (!probe.aftermath.empty()) {
    Outcome aftermath = RunFunction(*neighbour, probe, probe.aftermath, planted);
    // What a neighbour cannot do after the attack, the attack took from it.
    if (aftermath.verdict != Verdict::kHeld) return Broken("neighbour: " + aftermath.detail);
  }
  if (!probe.conclude.empty()) outcome = RunFunction(sandbox, probe, probe.conclude, planted);
  return outcome;
}

absl::Status Runner::CheckHost(const Probe& probe, const v1::Usage& usage) const {
  if (probe.host_check == "identity") return CheckConfined(token_);
  if (probe.host_check == "distinct_identity") {
    return CheckDistinctUsers(token_, token_ + "-neighbour");
  }
  if (probe.host_check == "fresh_usage") {
    absl::Duration cpu = FromProto(usage.cpu_user()) + FromProto(usage.cpu_system());
    if (cpu > absl::Milliseconds(500)) {
      return absl::DataLossError(absl::StrCat("a trivial cell used ", absl::FormatDuration(cpu)));
    }
    return absl::OkStatus();
  }
  if (!probe.host_check.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("no host check ", probe.host_check));
  }
  return absl::OkStatus();
}

}  // namespace warren::attack
