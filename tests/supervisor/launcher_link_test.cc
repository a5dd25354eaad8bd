#include "supervisor/session/launcher_link.h"

#include <atomic>
#include <future>

#include "gmock/gmock.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;

class LauncherLinkTest : public LoopTest {
 protected:
  LauncherLinkTest() : link(*loop, launcher.TakeClient()) {
    OnLoop([this] {
      EXPECT_TRUE(
          link.Start([this](LauncherMessage) { ++events; }, [this](absl::Status) { ++closed; })
              .ok());
    });
  }
  ~LauncherLinkTest() override { StopLoop(); }
  static LauncherRequest Destroy(const std::string& id) {
    LauncherRequest request;
    request.mutable_destroy_sandbox()->set_sandbox_id(id);
    return request;
  }
  std::shared_ptr<std::promise<absl::Status>> Call(LauncherRequest request) {
    auto answer = std::make_shared<std::promise<absl::Status>>();
    link.Call(std::move(request), [answer](absl::StatusOr<LauncherMessage> reply) {
      answer->set_value(reply.status());
    });
    return answer;
  }
  static absl::Status Wait(std::promise<absl::Status>& answer) {
    auto future = answer.get_future();
    if (future.wait_for(absl::ToChronoMilliseconds(Patience())) != std::future_status::ready) {
      return absl::DeadlineExceededError("no reply");
    }
    return future.get();
  }

  FakeLauncher launcher;
  LauncherLink link;
  std::atomic<int> events{0};
  std::atomic<int> closed{0};
};

TEST_F(LauncherLinkTest, RepliesFindTheirRequestsInAnyOrder) {
  auto one = Call(Destroy("1"));
  auto two = Call(Destroy("2"));
  auto first = launcher.Expect(LauncherRequest::kDestroySandbox);
  auto second = launcher.Expect(LauncherRequest::kDestroySandbox);
  launcher.Reply(second, absl::NotFoundError("two"));
  launcher.ReplyOk(first);
  EXPECT_TRUE(absl::IsNotFound(Wait(*two)));
  EXPECT_TRUE(Wait(*one).ok());
  launcher.ReplyOk(first);
  launcher.SendGone("sb1", internal::SandboxGone::DESTROYED);
  EXPECT_TRUE(Eventually([&] { return events == 1; })) << "a reply to nothing is no event";
}

TEST_F(LauncherLinkTest, AFullSocketHoldsRequestsBackInOrder) {
  constexpr int kRequests = 2000;
  const std::string padding(2000, 'x');
  for (int i = 0; i < kRequests; ++i) link.Call(Destroy(absl::StrCat(i, padding)), nullptr);
  for (int i = 0; i < kRequests; ++i) {
    auto request = launcher.Expect(LauncherRequest::kDestroySandbox);
    ASSERT_EQ(request.destroy_sandbox().sandbox_id(), absl::StrCat(i, padding));
  }
}

TEST_F(LauncherLinkTest, ALauncherThatGoesAnswersAllThatWait) {
  auto waiting = Call(Destroy("1"));
  launcher.Expect(LauncherRequest::kDestroySandbox);
  launcher.Close();
  EXPECT_TRUE(absl::IsUnavailable(Wait(*waiting)));
  EXPECT_TRUE(Eventually([&] { return closed == 1; }));
  auto late = Call(Destroy("2"));
  EXPECT_TRUE(absl::IsUnavailable(Wait(*late)));
}

TEST_F(LauncherLinkTest, CloseAnswersAllThatWait) {
  auto waiting = Call(Destroy("1"));
  OnLoop([&] { link.Close(); });
  EXPECT_TRUE(absl::IsUnavailable(Wait(*waiting)));
  EXPECT_TRUE(link.WaitForExit(absl::ZeroDuration()));
  EXPECT_EQ(closed, 0) << "it was closed from here";
}

}  // namespace
}  // namespace warren
