// What a sandbox of this machine's backend offers, over a launcher and an agent that the test
// plays.
#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "supervisor/local/environment_query.h"
#include "tests/supervisor/fake_agent.h"
#include "tests/supervisor/local_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using internal::StreamEnd;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using warren::v1::Environment;

std::vector<std::string> PackagesOf(const Environment& environment) {
  std::vector<std::string> told;
  for (const auto& package : environment.python_packages())
    told.push_back(absl::StrCat(package.name(), " ", package.version()));
  return told;
}

class LocalEnvironmentTest : public LocalBackendTest {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    sandbox_id = Create().sandbox_id();
    handle = Open(sandbox_id);
  }
  void Ask() { handle->GetEnvironment(Call(), answer.Take()); }
  void AskAndStartAgent() {
    Ask();
    auto request = launcher.Expect(LauncherRequest::kStartProcess);
    EXPECT_EQ(request.start_process().kind(), internal::StartProcess::AGENT);
    agent.Start(launcher, request);
  }
  // The next directory that the agent is to list.
  internal::FileCall NextListing() {
    internal::AgentRequest request = agent.NextRequest();
    while (request.has_credit()) request = agent.NextRequest();
    EXPECT_TRUE(request.call().has_list()) << request.ShortDebugString();
    return request.call();
  }
  void TellEntry(const internal::FileCall& call, const std::string& name) {
    internal::AgentEvent event;
    event.mutable_entry()->set_stream_id(call.stream_id());
    event.mutable_entry()->mutable_file()->set_path(absl::StrCat(call.list().path(), "/", name));
    agent.Say(event);
  }
  void End(uint64_t stream_id, StreamEnd::Outcome outcome, int error = 0) {
    internal::AgentEvent event;
    event.mutable_end()->set_stream_id(stream_id);
    event.mutable_end()->set_outcome(outcome);
    event.mutable_end()->set_error(error);
    event.mutable_end()->set_detail("open");
    event.mutable_end()->set_disk_used(12345);
    agent.Say(event);
  }
  // The directories that are asked for until it is the disk's turn, which is told.
  std::vector<std::string> RefuseAll(int error) {
    std::vector<std::string> asked;
    for (;;) {
      internal::AgentRequest request = agent.NextRequest();
      if (request.has_credit() || request.has_cancel()) continue;
      if (!request.call().has_list()) {
        End(request.call().stream_id(), StreamEnd::OK);
        return asked;
      }
      asked.push_back(request.call().list().path());
      EXPECT_EQ(request.call().uid(), 1000u);
      End(request.call().stream_id(), StreamEnd::FAILED, error);
    }
  }

  std::string sandbox_id;
  std::shared_ptr<SandboxHandle> handle;
  FakeAgent agent;
  Answer<Environment> answer;
};

TEST_F(LocalEnvironmentTest, OfATemplate) {
  backend->GetEnvironment(Call(), "base", answer.Take());
  auto environment = answer.Wait();
  EXPECT_EQ(environment->template_id(), "base");
  EXPECT_EQ(environment->python_version(), "3.11.2") << "as its zygote said";
  EXPECT_EQ(environment->interpreter(), "/usr/bin/python3");
  EXPECT_FALSE(environment->has_limits());
  EXPECT_EQ(environment->features_size(), 0);
  Answer<Environment> none;
  backend->GetEnvironment(Call(), "none", none.Take());
  EXPECT_TRUE(absl::IsNotFound(none.Wait().status()));
}

TEST_F(LocalEnvironmentTest, OfASandbox) {
  AskAndStartAgent();
  const internal::FileCall own = NextListing();
  EXPECT_EQ(own.list().path(), "/home/user/.local/lib/python3.11/site-packages");
  TellEntry(own, "numpy-2.2.4.dist-info");
  TellEntry(own, "numpy");
  TellEntry(own, "\xff\xfe-1.dist-info");
  End(own.stream_id(), StreamEnd::OK);
  const internal::FileCall next = NextListing();
  TellEntry(next, "numpy-1.24.dist-info");
  TellEntry(next, "pip-23.0.dist-info");
  End(next.stream_id(), StreamEnd::OK);
  EXPECT_THAT(RefuseAll(ENOENT), Contains("/usr/lib/python3/dist-packages"));
  auto environment = answer.Wait();
  ASSERT_TRUE(environment.ok()) << environment.status();
  EXPECT_EQ(environment->python_packages_incomplete(), "");
  EXPECT_THAT(PackagesOf(*environment), ElementsAre("numpy 2.2.4", "pip 23.0"));
  EXPECT_EQ(environment->use().disk_bytes(), 12345);
  EXPECT_EQ(environment->use().memory_limit_bytes(), environment->limits().memory_bytes());
  EXPECT_EQ(environment->limits().memory_bytes(), 512 << 20);
  EXPECT_EQ(environment->profile(), "user");
  EXPECT_EQ(environment->mounts(0).path(), "/");
  std::vector<std::string> features;
  for (const auto& feature : environment->features()) {
    EXPECT_EQ(feature.available(), feature.reason().empty());
    features.push_back(absl::StrCat(feature.name(), feature.available() ? " yes" : " no"));
  }
  EXPECT_THAT(features,
              ::testing::IsSupersetOf({"files.attributes yes", "languages.python yes",
                                       "network yes", "network.every_port no", "pause yes"}));
  EXPECT_TRUE(std::is_sorted(features.begin(), features.end()));
}

TEST_F(LocalEnvironmentTest, ADirectoryThatCannotBeReadIsSaidAndTheNextOneRead) {
  AskAndStartAgent();
  End(NextListing().stream_id(), StreamEnd::FAILED, EACCES);
  const internal::FileCall next = NextListing();
  TellEntry(next, "pip-23.0.dist-info");
  End(next.stream_id(), StreamEnd::OK);
  RefuseAll(ENOENT);
  EXPECT_THAT(answer.Wait()->python_packages_incomplete(), HasSubstr("site-packages"));
  EXPECT_THAT(PackagesOf(*answer.Wait()), ElementsAre("pip 23.0"));
}

TEST_F(LocalEnvironmentTest, ThereIsABoundOnWhatIsLookedAt) {
  AskAndStartAgent();
  const internal::FileCall call = NextListing();
  for (size_t i = 0; i <= PackageList::kMaxPackages; ++i)
    TellEntry(call, absl::StrCat("p", i, "-1.dist-info"));
  internal::AgentRequest request = agent.NextRequest();
  while (request.has_credit()) request = agent.NextRequest();
  EXPECT_EQ(request.cancel().stream_id(), call.stream_id());
  End(call.stream_id(), StreamEnd::CANCELLED);
  EXPECT_THAT(RefuseAll(ENOENT), IsEmpty()) << "no further directory is looked at";
  EXPECT_THAT(answer.Wait()->python_packages_incomplete(), HasSubstr("4096"));
  EXPECT_EQ(answer.Wait()->python_packages_size(), 4096);
}

TEST_F(LocalEnvironmentTest, WithoutItsAgentAllElseIsTold) {
  AskAndStartAgent();
  NextListing();
  launcher.SendProcessExited(sandbox_id, 0, SIGKILL, false, FakeAgent::kProcess);
  auto environment = answer.Wait();
  ASSERT_TRUE(environment.ok()) << environment.status();
  EXPECT_THAT(environment->python_packages_incomplete(), HasSubstr("agent"));
  EXPECT_FALSE(environment->use().has_disk_bytes());
  EXPECT_GT(environment->features_size(), 0);
  Settle();
  EXPECT_FALSE(launcher.Poll()) << "no other one is started for this";
}

TEST_F(LocalEnvironmentTest, APausedSandboxIsToldOfAndNotWaitedFor) {
  Answer<warren::v1::Sandbox> paused;
  handle->Pause(Call(), paused.Take());
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kPauseSandbox));
  ASSERT_TRUE(paused.Wait().ok());
  Ask();
  auto environment = answer.Wait();
  ASSERT_TRUE(environment.ok()) << environment.status();
  EXPECT_THAT(environment->python_packages_incomplete(), HasSubstr("paused"));
  EXPECT_GT(environment->mounts_size(), 0);
  EXPECT_FALSE(launcher.Poll());
}

TEST_F(LocalEnvironmentTest, OneThatIsOffTheRecordIsNotFound) {
  Answer<warren::v1::DestroySandboxResponse> destroyed;
  handle->Destroy(Call(), destroyed.Take());
  launcher.Expect(LauncherRequest::kDestroySandbox);
  Ask();
  EXPECT_TRUE(absl::IsNotFound(answer.Wait().status()));
}

}  // namespace
}  // namespace warren
