#include <utility>

#include "supervisor/remote/remote_backend.h"
#include "tests/supervisor/conformance.h"
#include "tests/supervisor/door.h"

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
          {"RemoteOfLateOpens", &Make<RemoteSubject, kLater>, false}};
}

std::string NameOfKind(const ::testing::TestParamInfo<SubjectKind>& kind) {
  return kind.param.name;
}

}  // namespace warren
