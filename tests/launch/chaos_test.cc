// Requests and deaths in any order: every request has one reply, every sandbox one end, and nothing
// is left. Needs root.

#include <signal.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "tests/launch/harness.h"

namespace warren {
namespace {

// A supervisor that acts at random, and the book that it keeps of what it must be told.
class Chaos {
 public:
  explicit Chaos(unsigned seed) : random_(seed), launcher_(Harness::Start()) {
    if (launcher_) zygotes_ = {launcher_->StartZygote(), launcher_->StartZygote()};
  }

  bool ready() const { return launcher_ != nullptr; }

  void Step() {
    switch (random_() % 12) {
      case 0:
      case 1:
      case 2:
      case 3:
        return LaunchOne();
      case 4:
      case 5:
      case 6:
        return DestroyOne();
      case 7:
        if (!alive_.empty()) Expect(launcher_->RequestInterrupt(Any()));
        return;
      case 8:
        if (!alive_.empty()) KillSomethingIn(Any());
        return;
      case 9:
        // Of strangers, and twice.
        Expect(launcher_->RequestDestroy("stranger"));
        return;
      default:
        // A moment for what is under way.
        launcher_->Arrives([](const internal::LauncherReply&) { return false; }, 1 + random_() % 4);
    }
  }

  void ReplaceAZygote() {
    uint64_t& zygote = zygotes_[random_() % zygotes_.size()];
    if (random_() % 2 == 0) {
      for (pid_t pid : launcher_->PidsOf(absl::StrCat("zygote-", zygote))) ::kill(pid, SIGKILL);
    } else {
      Expect(launcher_->RequestStopZygote(zygote));
    }
    launcher_->WaitForZygoteExited(zygote);
    zygote = launcher_->StartZygote();
  }

  // Every reply and every end that is due.
  void Settle() {
    for (const std::string& id : alive_) Expect(launcher_->RequestDestroy(id));
    for (const auto& [request, id] : launches_) {
      LauncherMessage message = launcher_->WaitForReply(request);
      ASSERT_EQ(message.reply.request_id(), request);
      // A launch that failed may have had nothing to end; what was made for it goes all the same.
      if (message.reply.has_process_started()) {
        EXPECT_NE(launcher_->WaitForGone(id), internal::SandboxGone::REASON_UNSPECIFIED);
      }
      EXPECT_TRUE(Eventually([&] { return !launcher_->GroupExists(id); })) << id;
    }
    for (uint64_t request : others_) {
      ASSERT_EQ(launcher_->WaitForReply(request).reply.request_id(), request);
    }
  }

  Harness& launcher() { return *launcher_; }
  uint64_t zygote() const { return zygotes_[0]; }

 private:
  void Expect(uint64_t request) { others_.push_back(request); }

  const std::string& Any() { return alive_[random_() % alive_.size()]; }

  void LaunchOne() {
    if (alive_.size() >= 12) return DestroyOne();
    std::string id = absl::StrCat("chaos", ++count_);
    launches_[launcher_->RequestCreate(launcher_->Spec(id), zygotes_[random_() % 2])] = id;
    alive_.push_back(id);
  }

  void DestroyOne() {
    if (alive_.empty()) return;
    size_t index = random_() % alive_.size();
    Expect(launcher_->RequestDestroy(alive_[index]));
    alive_.erase(alive_.begin() + static_cast<ptrdiff_t>(index));
  }

  void KillSomethingIn(const std::string& id) {
    std::vector<pid_t> pids = launcher_->PidsOf(id);
    if (!pids.empty()) ::kill(pids[random_() % pids.size()], SIGKILL);
  }

  std::mt19937 random_;
  std::unique_ptr<Harness> launcher_;
  std::vector<uint64_t> zygotes_;
  std::vector<std::string> alive_;
  std::map<uint64_t, std::string> launches_;
  std::vector<uint64_t> others_;
  int count_ = 0;
};

class ChaosTest : public ::testing::TestWithParam<unsigned> {};

TEST_P(ChaosTest, EveryRequestIsAnsweredAndEverySandboxEnds) {
  Chaos chaos(GetParam());
  ASSERT_TRUE(chaos.ready());
  const int steps = InUml() ? 40 : 250;
  for (int i = 1; i <= steps && !HasFailure(); ++i) {
    chaos.Step();
    if (i == steps / 2) chaos.ReplaceAZygote();
  }
  chaos.Settle();
  RunningSandbox after = chaos.launcher().Launch("after", chaos.zygote());
  ASSERT_TRUE(after.launched()) << after.reply.message();
  EXPECT_EQ(chaos.launcher().Output(after, "print('alive')"), "alive\n");
}

INSTANTIATE_TEST_SUITE_P(Seeds, ChaosTest, ::testing::Values(1u, 2u));

}  // namespace
}  // namespace warren
