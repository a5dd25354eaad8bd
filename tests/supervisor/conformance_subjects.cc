#include <utility>

#include "supervisor/e2b/e2b_backend.h"
#include "supervisor/remote/remote_backend.h"
#include "tests/supervisor/conformance.h"
#include "tests/supervisor/door.h"
#include "tests/supervisor/e2b_door.h"

// The kinds of backends that the suite runs on: the fake itself; and the fake behind a gRPC door
// and the remote backend, which together must not change anything of it.
namespace warren {
namespace {

class FakeSubject final : public Subject {
 public:
  explicit FakeSubject(FakeBackend::Opens opens) : fake_(opens) {}
  Backend& backend() override { return fake_; }
  FakeBackend& fake() override { return fake_; }

 private:
  FakeBackend fake_;
};

class RemoteSubject final : public Subject {
 public:
  explicit RemoteSubject(FakeBackend::Opens opens)
      : fake_(opens), door_(fake_), remote_(RemoteBackend::Connect({door_.target()})) {}
  Backend& backend() override { return *remote_; }
  FakeBackend& fake() override { return fake_; }

 private:
  FakeBackend fake_;
  Door door_;
  std::unique_ptr<RemoteBackend> remote_;
};

// E2B's cloud: its protocol, as the E2B door speaks it.
class E2bSubject final : public Subject {
 public:
  explicit E2bSubject(FakeBackend::Opens opens) : fake_(opens), door_(fake_) {
    CloudOptions options;
    options.key = "e2b_00";
    options.api_url = door_.url();
    options.sandbox_url = door_.url();
    options.templates = {{"base", "base"}, {"slow", "slow"}, {"broken", "broken"}};
    options.default_template = "base";
    auto made = E2bBackend::Make(std::move(options), config::Budget());
    EXPECT_TRUE(made.ok()) << made.status();
    cloud_ = *std::move(made);
  }
  Backend& backend() override { return *cloud_; }
  FakeBackend& fake() override { return fake_; }

 private:
  FakeBackend fake_;
  E2bDoor door_;
  std::unique_ptr<E2bBackend> cloud_;
};

template <class Kind, FakeBackend::Opens opens>
std::unique_ptr<Subject> Make() {
  return std::make_unique<Kind>(opens);
}

constexpr auto kInPlace = FakeBackend::Opens::kInPlace;
constexpr auto kLater = FakeBackend::Opens::kLater;

INSTANTIATE_TEST_SUITE_P(All, BackendTest, ::testing::ValuesIn(SubjectKinds()), NameOfKind);

}  // namespace

std::vector<SubjectKind> SubjectKinds() {
  return {{"Fake", &Make<FakeSubject, kInPlace>, true},
          {"Remote", &Make<RemoteSubject, kInPlace>, false},
          {"RemoteOfLateOpens", &Make<RemoteSubject, kLater>, false},
          {"E2b",
           &Make<E2bSubject, kInPlace>,
           true,
           {"limits", "limits.change", "executions.expressions", "executions.files",
            "executions.silent", "network.ports", "network.watch", "packages.store"},
           // The fake has no files or processes, by which scripts run there.
           {"scripts", "how contexts end", "whose client is connected", "rates",
            "cancelled creates", "changes of on_expiry", "how long a pause is kept", "the dead",
            "pools", "large metadata", "what environments hold", "timeouts of a millisecond"}}};
}

std::string NameOfKind(const ::testing::TestParamInfo<SubjectKind>& kind) {
  return kind.param.name;
}

}  // namespace warren
