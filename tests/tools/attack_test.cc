// The parts of `warren doctor --attack` that decide, without a sandbox.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/support/patience.h"
#include "tools/warren/attack/host_witness.h"
#include "tools/warren/attack/schedule.h"
#include "tools/warren/attack/suite.h"
#include "tools/warren/attack/verdict.h"

namespace warren::attack {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::Termination End(v1::Termination::Kind kind) {
  v1::Termination end;
  end.set_kind(kind);
  return end;
}

Verdict JudgeText(const std::vector<std::string>& ends, const std::string& output,
                  v1::Termination::Kind kind) {
  Probe probe;
  probe.ends = ends;
  return Judge(probe, output, End(kind)).verdict;
}

TEST(Judge, AReportDecides) {
  EXPECT_EQ(JudgeText({}, "\nWARREN-ATTACK {\"verdict\": \"held\"}\n", v1::Termination::EXITED),
            Verdict::kHeld);
  EXPECT_EQ(
      JudgeText({"KILLED"}, "WARREN-ATTACK {\"verdict\": \"broken\"}", v1::Termination::EXITED),
      Verdict::kBroken);
  EXPECT_EQ(
      JudgeText({}, "x\nWARREN-ATTACK {\"verdict\": \"inconclusive\"}", v1::Termination::EXITED),
      Verdict::kInconclusive);
}

TEST(Judge, WithoutAReportOnlyANamedEndProvesTheClaim) {
  EXPECT_EQ(JudgeText({"OUT_OF_MEMORY"}, "", v1::Termination::OUT_OF_MEMORY), Verdict::kHeld);
  EXPECT_EQ(JudgeText({"OUT_OF_MEMORY"}, "", v1::Termination::EXITED), Verdict::kBroken);
  EXPECT_EQ(JudgeText({}, "", v1::Termination::EXITED), Verdict::kInconclusive);
  EXPECT_EQ(JudgeText({}, "WARREN-ATTACK {not json", v1::Termination::EXITED),
            Verdict::kInconclusive);
}

TEST(Judge, RunningIntoABoundProvesNothing) {
  EXPECT_EQ(JudgeText({"OUT_OF_MEMORY"}, "", v1::Termination::TIMED_OUT), Verdict::kInconclusive);
  EXPECT_EQ(JudgeText({"OUT_OF_MEMORY"}, "", v1::Termination::CANCELLED), Verdict::kInconclusive);
  EXPECT_EQ(JudgeText({"TIMED_OUT"}, "", v1::Termination::TIMED_OUT), Verdict::kHeld);
}

TEST(Judge, AHostMayLackWhatIsAttacked) {
  Outcome outcome = Judge({}, R"(WARREN-ATTACK {"verdict": "not_on_this_host", "detail": "why"})",
                          End(v1::Termination::EXITED));
  EXPECT_EQ(outcome.verdict, Verdict::kNotOnThisHost);
  EXPECT_EQ(outcome.detail, "why");
}

TEST(JudgeAftermath, WhatANeighbourCannotDoAnyMoreWasTakenFromIt) {
  auto verdict = [](const std::string& output, v1::Termination::Kind kind) {
    return JudgeAftermath(output, End(kind)).verdict;
  };
  EXPECT_EQ(verdict("WARREN-ATTACK {\"verdict\": \"held\"}", v1::Termination::EXITED),
            Verdict::kHeld);
  EXPECT_EQ(verdict("WARREN-ATTACK {\"verdict\": \"inconclusive\"}", v1::Termination::EXITED),
            Verdict::kBroken);
  EXPECT_EQ(verdict("", v1::Termination::KILLED), Verdict::kBroken);
  // It may only be slow.
  EXPECT_EQ(verdict("", v1::Termination::TIMED_OUT), Verdict::kInconclusive);
}

TEST(WithHostCheck, DecidesWhereTheProbeCannot) {
  const Outcome held{Verdict::kHeld, ""};
  const Outcome missing{Verdict::kNotOnThisHost, "no gate"};
  auto verdict = [](const Outcome& inside, const absl::Status& host) {
    return WithHostCheck(inside, host).verdict;
  };
  EXPECT_EQ(verdict(held, absl::OkStatus()), Verdict::kHeld);
  EXPECT_EQ(verdict(missing, absl::OkStatus()), Verdict::kHeld);
  EXPECT_EQ(verdict(held, absl::PermissionDeniedError("")), Verdict::kBroken);
  EXPECT_EQ(verdict(missing, absl::PermissionDeniedError("")), Verdict::kBroken);
  EXPECT_EQ(verdict(held, absl::UnimplementedError("")), Verdict::kHeld);
  EXPECT_EQ(verdict(missing, absl::UnimplementedError("")), Verdict::kNotOnThisHost);
  EXPECT_EQ(verdict(held, absl::NotFoundError("")), Verdict::kInconclusive);
  EXPECT_EQ(verdict({Verdict::kBroken, ""}, absl::OkStatus()), Verdict::kBroken);
}

TEST(ForProfile, RootMustBeAbleToDoWhatItIsGranted) {
  Probe probe;
  auto verdict = [&](const char* profile, Verdict found) {
    return ForProfile(probe, profile, {found, ""}).verdict;
  };
  EXPECT_EQ(verdict("root", Verdict::kBroken), Verdict::kBroken);
  EXPECT_EQ(verdict("root", Verdict::kHeld), Verdict::kHeld);
  probe.granted_to_root = "why";
  EXPECT_EQ(verdict("root", Verdict::kBroken), Verdict::kGranted);
  EXPECT_EQ(verdict("root", Verdict::kHeld), Verdict::kBroken);
  EXPECT_EQ(verdict("root", Verdict::kInconclusive), Verdict::kInconclusive);
  EXPECT_EQ(verdict("user", Verdict::kBroken), Verdict::kBroken);
  EXPECT_EQ(verdict("user", Verdict::kHeld), Verdict::kHeld);
}

TEST(CellTimeout, BoundsGrowAndDeadlinesDoNot) {
  Probe probe;
  probe.bound = absl::Seconds(60);
  EXPECT_EQ(CellTimeout(probe, 2.5), absl::Seconds(150));
  probe.deadline = absl::Seconds(2);
  EXPECT_EQ(CellTimeout(probe, 2.5), absl::Seconds(2));
}

int ExitCodeOf(std::initializer_list<std::pair<Verdict, bool>> verdicts) {
  Tally tally;
  for (auto [verdict, allowed] : verdicts) tally.Add(verdict, allowed);
  return tally.ExitCode();
}

TEST(Tally, FailsOnAllThatIsNotHeldOrAllowedToBeMissing) {
  const std::pair<Verdict, bool> held{Verdict::kHeld, false};
  EXPECT_EQ(ExitCodeOf({held}), 0);
  EXPECT_EQ(ExitCodeOf({held, {Verdict::kNotOnThisHost, true}}), 0);
  EXPECT_EQ(ExitCodeOf({held, {Verdict::kNotOnThisHost, false}}), 1);
  EXPECT_EQ(ExitCodeOf({held, {Verdict::kBroken, true}}), 1);
  EXPECT_EQ(ExitCodeOf({held, {Verdict::kInconclusive, true}}), 1);
  EXPECT_EQ(ExitCodeOf({}), 1);
  Tally tally;
  tally.Add(Verdict::kHeld, false);
  tally.Add(Verdict::kNotOnThisHost, true);
  EXPECT_EQ(tally.Sentence(),
            "1 claims held, 0 broken, 0 could not be found out, 1 not on this host.");
  tally.Add(Verdict::kGranted, false);
  EXPECT_EQ(tally.ExitCode(), 0);
  EXPECT_THAT(tally.Sentence(), HasSubstr("1 not on this host, 1 granted to root."));
}

TEST(MissingList, AllowsAProbeForItsReasonAlone) {
  absl::StatusOr<MissingList> list = MissingList::Parse("# why\n\nkernel/a: no gate\n");
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_TRUE(list->Allows("kernel/a", "this host has no gate"));
  EXPECT_FALSE(list->Allows("kernel/a", "something else"));
  EXPECT_FALSE(list->Allows("kernel/b", "no gate"));
  EXPECT_FALSE(MissingList::Parse("kernel/a").ok());
  EXPECT_FALSE(MissingList::Parse("a: b").ok());
}

Filters OneFilter(uint32_t action) { return {{BPF_STMT(BPF_RET | BPF_K, action)}}; }

TEST(Filters, OnlyDeathIsAnAnswerToA32BitCall) {
  EXPECT_TRUE(Check32BitCallsAreKilled(OneFilter(SECCOMP_RET_KILL_PROCESS)).ok());
  EXPECT_FALSE(Check32BitCallsAreKilled(OneFilter(SECCOMP_RET_ERRNO | 1)).ok());
  EXPECT_FALSE(Check32BitCallsAreKilled(OneFilter(SECCOMP_RET_ALLOW)).ok());
  // As in a sandbox without its filter.
  EXPECT_FALSE(Check32BitCallsAreKilled({}).ok());
}

TEST(Filters, X32CallsMayNotPass) {
  EXPECT_TRUE(CheckX32CallsAreClosed(OneFilter(SECCOMP_RET_ERRNO | 38)).ok());
  EXPECT_FALSE(CheckX32CallsAreClosed(OneFilter(SECCOMP_RET_ALLOW)).ok());
  EXPECT_FALSE(CheckX32CallsAreClosed({}).ok());
}

TEST(Judge, TheLastReportCounts) {
  EXPECT_EQ(
      JudgeText({},
                "WARREN-ATTACK {\"verdict\": \"held\"}\nWARREN-ATTACK {\"verdict\": \"broken\"}\n",
                v1::Termination::EXITED),
      Verdict::kBroken);
}

TEST(ParseProbes, ReadsWhatTheSuiteSays) {
  std::string line =
      R"(WARREN-ATTACK [{"group": "g", "name": "n", "claim": "It holds.", "layer": ["a", "b"], )"
      R"("ends": ["KILLED"], "plant": "p", "order": "predecessor", "aftermath": null, )"
      R"("limits": {"memory_mib": 2, "pids": 9}, "deadline": 2, "bound": 60, "output_mib": 8, "profiles": ["root"], )"
      R"("granted_to_root": null}])";
  absl::StatusOr<std::vector<Probe>> probes = ParseProbes("noise\n" + line + "\n");
  ASSERT_TRUE(probes.ok()) << probes.status();
  ASSERT_EQ(probes->size(), 1u);
  const Probe& probe = probes->front();
  EXPECT_THAT(probe.layers, ElementsAre("a", "b"));
  EXPECT_TRUE(probe.plant_in_predecessor);
  EXPECT_EQ(probe.aftermath, "");
  EXPECT_EQ(probe.limits.memory_bytes(), 2 << 20);
  EXPECT_EQ(probe.limits.pids(), 9);
  EXPECT_EQ(probe.deadline, absl::Seconds(2));
  EXPECT_EQ(probe.bound, absl::Seconds(60));
  EXPECT_EQ(probe.max_output_bytes, 8 << 20);
  EXPECT_THAT(probe.profiles, ElementsAre("root"));
  EXPECT_EQ(probe.granted_to_root, "");
}

TEST(ParseProbes, RefusesWhatIsNoList) {
  EXPECT_FALSE(ParseProbes("").ok());
  EXPECT_FALSE(ParseProbes("WARREN-ATTACK {}").ok());
  EXPECT_FALSE(ParseProbes("WARREN-ATTACK [{\"name\": 7}]").ok());
}

std::vector<Probe> NamedProbes(int count, int every_alone) {
  std::vector<Probe> probes(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    probes[static_cast<size_t>(i)].name = std::to_string(i);
    probes[static_cast<size_t>(i)].alone = i % every_alone == 0;
  }
  return probes;
}

TEST(AttackAll, RunsEachOnceAndSomeAloneAndReportsInOrder) {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::atomic<bool> company = false;
  std::atomic<int> ended = 0;
  std::atomic<bool> overtaken = false;
  Attacker attacker = [&](const Probe& probe) {
    int now = ++running;
    if (probe.alone && now > 1) company = true;
    if (now > most) most = now;
    // The first one ends after another that began later: two run at once, and out of order.
    if (probe.name == "1") overtaken = Eventually([&] { return ended > 0; });
    // Company may come while it runs; more of it in a longer time, none at any time.
    if (probe.alone) absl::SleepFor(absl::Milliseconds(1));
    if (probe.alone && running > 1) company = true;
    --running;
    ++ended;
    return Outcome{Verdict::kHeld, probe.name};
  };
  std::vector<std::string> reported;
  AttackAll(
      {attacker, attacker, attacker}, NamedProbes(24, 4), [] { return false; },
      [&](const Probe& probe, const Outcome& outcome, absl::Duration) {
        EXPECT_EQ(probe.name, outcome.detail);
        reported.push_back(probe.name);
      });
  EXPECT_THAT(reported,
              ElementsAre("1", "2", "3", "5", "6", "7", "9", "10", "11", "13", "14", "15", "17",
                          "18", "19", "21", "22", "23", "0", "4", "8", "12", "16", "20"));
  EXPECT_FALSE(company);
  EXPECT_TRUE(overtaken) << "nothing ran beside the first";
  EXPECT_LE(most, 3);
}

TEST(AttackAll, StartsAndReportsNothingOnceStopped) {
  std::atomic<int> attacks = 0;
  std::atomic<bool> stop = false;
  int reports = 0;
  Attacker attacker = [&](const Probe&) {
    if (++attacks == 3) stop = true;
    return Outcome{Verdict::kHeld, ""};
  };
  AttackAll(
      {attacker}, NamedProbes(20, 3), [&] { return stop.load(); },
      [&](const Probe&, const Outcome&, absl::Duration) { ++reports; });
  EXPECT_EQ(attacks, 3);
  EXPECT_EQ(reports, 2);
}

TEST(Sources, TheSuiteOfThisTreeLoads) {
  absl::StatusOr<Sources> sources = LoadSources("tests/escape/probes");
  ASSERT_TRUE(sources.ok()) << sources.status();
  EXPECT_GE(sources->size(), 9u);
  // A cell may have a mebibyte.
  EXPECT_LT(LoadingCell(*sources).size(), 1u << 20);
  EXPECT_THAT(ListingCell(*sources), HasSubstr("sys.modules['kernel']"));
  EXPECT_FALSE(LoadSources("/does/not/exist").ok());
}

TEST(HostWitness, NoticesAChangedMarker) {
  absl::StatusOr<HostWitness> witness = HostWitness::Create();
  ASSERT_TRUE(witness.ok()) << witness.status();
  EXPECT_TRUE(witness->CheckMarker().ok());
  std::ofstream(witness->marker_path()) << "changed";
  EXPECT_FALSE(witness->CheckMarker().ok());
  std::filesystem::remove(witness->marker_path());
  EXPECT_FALSE(witness->CheckMarker().ok());
}

TEST(HostWitness, NoticesAVisitor) {
  absl::StatusOr<HostWitness> witness = HostWitness::Create();
  ASSERT_TRUE(witness.ok()) << witness.status();
  EXPECT_TRUE(witness->CheckListeners().ok());
  UniqueFd visitor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, witness->abstract_name().data(),
              witness->abstract_name().size());
  auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + witness->abstract_name().size());
  ASSERT_EQ(::connect(visitor.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_FALSE(witness->CheckListeners().ok());
}

TEST(HostWitness, LeavesNothing) {
  std::string marker;
  {
    absl::StatusOr<HostWitness> witness = HostWitness::Create();
    ASSERT_TRUE(witness.ok());
    marker = witness->marker_path();
    ASSERT_TRUE(std::filesystem::exists(marker));
  }
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(marker).parent_path()));
}

// A process of this host, which is not confined, and outlives.
class Bystander {
 public:
  explicit Bystander(const char* token) : pid_(::fork()) {
    if (pid_ == 0) {
      // One process, not a shell with a child: nothing may outlive the kill and hold the pipe of
      // our output.
      ::execl("/bin/sleep", token, "1000", nullptr);
      ::_exit(127);
    }
    EXPECT_TRUE(Eventually([&] { return ProcessesWithArgument(token).size() == 1; }))
        << "the program has not begun";
  }
  ~Bystander() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  const pid_t pid_;
};

TEST(Processes, AnUnconfinedProcessIsSeenAsSuch) {
  Bystander bystander("warren-attack-test-token");
  ASSERT_GT(bystander.pid(), 0);
  EXPECT_FALSE(CheckConfined("warren-attack-test-token", 0).ok());
  EXPECT_EQ(ProcessesWithArgument("warren-attack-test-token").size(), 1u);
  EXPECT_FALSE(AwaitNoProcess("warren-attack-test-token", absl::Milliseconds(30)).ok());
  // Part of an argument is no match.
  EXPECT_TRUE(AwaitNoProcess("warren-attack-test", absl::ZeroDuration()).ok());
}

TEST(Processes, TwoProcessesOfOneUserAreNotDistinct) {
  Bystander one("warren-attack-test-one");
  Bystander two("warren-attack-test-two");
  EXPECT_FALSE(CheckDistinctUsers("warren-attack-test-one", "warren-attack-test-two").ok());
}

}  // namespace
}  // namespace warren::attack
