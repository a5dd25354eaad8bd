#include "tools/warren/attack/command.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/linux/pace.h"
#include "tools/warren/attack/private_server.h"
#include "tools/warren/attack/runner.h"
#include "tools/warren/attack/schedule.h"
#include "tools/warren/attack/verdict.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/terminal_text.h"

namespace warren::attack {
namespace {

// What only a hang takes, at pace 1.
constexpr absl::Duration kAnswerTimeout = absl::Seconds(60);

// PREFIX of the tree that this executable is in.
std::filesystem::path Prefix() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().parent_path();
}

int Fail(absl::string_view message) {
  std::cerr << "warren: attack: " << EscapeForTerminal(message, WhiteSpace::kKeep) << "\n";
  return kExitWarren;
}

std::string FullName(const Probe& probe) { return absl::StrCat(probe.group, "/", probe.name); }

void PrintText(const Probe& probe, const Outcome& outcome) {
  std::string line;
  if (outcome.verdict == Verdict::kNotOnThisHost) {
    // tools/test looks for lines of this form in the logs of tests.
    line = absl::StrCat("NOT ON THIS HOST: ", FullName(probe), ": ", outcome.detail);
  } else {
    line = absl::StrFormat("%-12s  %s [%s]: %s", VerdictName(outcome.verdict), FullName(probe),
                           absl::StrJoin(probe.layers, ", "), probe.claim);
    if (!outcome.detail.empty()) absl::StrAppend(&line, " -> ", outcome.detail);
  }
  // Claims and details come out of sandboxes.
  std::cout << EscapeForTerminal(line, WhiteSpace::kEscape) << std::endl;
}

void PrintJson(const nlohmann::ordered_json& object) {
  std::cout << object.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace)
            << std::endl;
}

void PrintOutcome(const Probe& probe, const Outcome& outcome, absl::Duration took, bool json) {
  if (!json) return PrintText(probe, outcome);
  PrintJson({{"group", probe.group},
             {"name", probe.name},
             {"claim", probe.claim},
             {"layers", probe.layers},
             {"verdict", VerdictId(outcome.verdict)},
             {"detail", outcome.detail},
             {"seconds", absl::ToDoubleSeconds(took)}});
}

void PrintPace(double pace, bool json) {
  if (json) return PrintJson({{"pace", pace}});
  std::cout << absl::StrFormat("pace %.1f: what bounds are multiplied with on this host\n", pace)
            << std::endl;
}

// What may be "not on this host"; nothing where no file says so.
absl::StatusOr<std::optional<MissingList>> LoadMissingList(const std::string& path) {
  if (path.empty()) return std::nullopt;
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  WARREN_ASSIGN_OR_RETURN(MissingList list, MissingList::Parse(text));
  return list;
}

bool IsChosen(const Probe& probe, const AttackOptions& options) {
  if (!absl::StrContains(FullName(probe), options.only)) return false;
  const auto& profiles = probe.profiles;
  if (!profiles.empty() && std::count(profiles.begin(), profiles.end(), options.as) == 0)
    return false;
  if (options.layers.empty()) return true;
  std::set<std::string> wanted = absl::StrSplit(options.layers, ',');
  return wanted == std::set<std::string>(probe.layers.begin(), probe.layers.end());
}

// Makes what `options.jobs` probes at once need.
absl::StatusOr<std::vector<std::unique_ptr<Runner>>> MakeRunners(
    Client& client, Interrupts& interrupts, const Runner::Options& runner_options, int jobs) {
  std::vector<std::unique_ptr<Runner>> runners;
  for (int i = 0; i < jobs; ++i) {
    WARREN_ASSIGN_OR_RETURN(HostWitness witness, HostWitness::Create());
    runners.push_back(
        std::make_unique<Runner>(client, interrupts, std::move(witness), runner_options));
  }
  return runners;
}

// The socket is there before anybody listens at it.
absl::Status AwaitAnswer(Client& client) {
  const absl::Time deadline = absl::Now() + AtThisPace(kAnswerTimeout);
  grpc::Status status;
  do {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    context.set_wait_for_ready(true);
    v1::ListTemplatesResponse response;
    status = client.templates().ListTemplates(&context, {}, &response);
  } while (status.error_code() == grpc::StatusCode::UNAVAILABLE && absl::Now() < deadline);
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("warrend does not answer: ", status.error_message()));
}

int RunProbes(const std::vector<std::unique_ptr<Runner>>& runners, const Interrupts& interrupts,
              const AttackOptions& options, const std::optional<MissingList>& missing) {
  absl::StatusOr<std::vector<Probe>> probes = runners.front()->List();
  if (!probes.ok()) return Fail(probes.status().message());
  std::vector<Probe> chosen;
  std::copy_if(probes->begin(), probes->end(), std::back_inserter(chosen),
               [&](const Probe& probe) { return IsChosen(probe, options); });
  std::vector<Attacker> attackers;
  attackers.reserve(runners.size());
  for (const auto& runner : runners) {
    attackers.push_back([&runner](const Probe& probe) { return runner->Attack(probe); });
  }
  Tally tally;
  AttackAll(
      attackers, std::move(chosen), [&] { return interrupts.signal() != 0; },
      [&](const Probe& probe, const Outcome& outcome, absl::Duration took) {
        tally.Add(outcome.verdict, !missing || missing->Allows(FullName(probe), outcome.detail));
        PrintOutcome(probe, outcome, took, options.json);
      });
  if (interrupts.signal() != 0) return 128 + interrupts.signal();
  if (!options.json) std::cout << "\n" << tally.Sentence() << "\n";
  return tally.ExitCode();
}

}  // namespace

int RunAttacks(const AttackOptions& options) {
  std::string suite =
      options.suite.empty() ? (Prefix() / "share/warren/attacks").string() : options.suite;
  absl::StatusOr<Sources> sources = LoadSources(suite);
  if (!sources.ok()) return Fail(sources.status().message());
  absl::StatusOr<std::optional<MissingList>> missing = LoadMissingList(options.allow_missing);
  if (!missing.ok()) return Fail(missing.status().message());
  // First what forks: the measurement and the server, which is to have the same factor. Then the
  // signals' thread, then gRPC's.
  const double pace = Pace();
  ::setenv("WARREN_PACE", absl::StrCat(pace).c_str(), /*overwrite=*/1);
  PrintPace(pace, options.json);
  std::optional<PrivateServer> server;
  std::string address = options.address;
  if (address.empty()) {
    absl::StatusOr<PrivateServer> started = PrivateServer::Start(
        {Prefix() / "bin/warrend", options.template_id, options.template_store, options.as});
    if (!started.ok()) return Fail(started.status().message());
    server.emplace(*std::move(started));
    address = server->address();
  }
  Interrupts interrupts;
  Client client({address, ""});
  if (server) {
    absl::Status answers = AwaitAnswer(client);
    if (!answers.ok()) return Fail(answers.message());
  }
  absl::string_view socket_path = address;
  if (!absl::ConsumePrefix(&socket_path, "unix://")) socket_path = "";
  absl::StatusOr<std::vector<std::unique_ptr<Runner>>> runners = MakeRunners(
      client, interrupts,
      {options.template_id, std::string(socket_path), *std::move(sources), pace, options.as},
      options.jobs);
  if (!runners.ok()) return Fail(runners.status().message());
  return RunProbes(*runners, interrupts, options, *missing);
}

}  // namespace warren::attack
