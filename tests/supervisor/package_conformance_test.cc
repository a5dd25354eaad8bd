#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/fake/fake_packages.h"
#include "tests/supervisor/conformance.h"
#include "tests/supervisor/noting_sink.h"
#include "tests/support/patience.h"

// What is installed in a sandbox, what is fetched for those to come, and the store behind both.
namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Event = v1::InstallPackageEvent;
using Progress = Event::Progress;
using EventSink = NotingSink<Event>;

v1::PackageRequirements Wanted(const std::vector<std::string>& requirements) {
  v1::PackageRequirements what;
  for (const std::string& each : requirements) what.add_requirements(each);
  return what;
}

struct Installation {
  std::shared_ptr<EventSink> sink = std::make_shared<EventSink>();
  std::unique_ptr<Operation> operation;

  std::vector<Progress::Phase> phases() const {
    std::vector<Progress::Phase> phases;
    for (const Event& event : sink->events()) {
      if (event.has_progress()) phases.push_back(event.progress().phase());
    }
    return phases;
  }
  Event::Done done() const {
    const auto events = sink->events();
    EXPECT_FALSE(events.empty());
    EXPECT_TRUE(events.back().has_done()) << events.back().ShortDebugString();
    return events.back().done();
  }
};

Installation BeginInstall(SandboxHandle& sandbox, const v1::PackageRequirements& what) {
  Installation begun;
  v1::InstallPackageRequest request;
  *request.mutable_what() = what;
  begun.operation = sandbox.Install({}, std::move(request), begun.sink);
  return begun;
}
Event::Done Install(SandboxHandle& sandbox, const v1::PackageRequirements& what) {
  Installation begun = BeginInstall(sandbox, what);
  EXPECT_TRUE(begun.sink->Wait().ok()) << begun.sink->Wait();
  return begun.done();
}
absl::Status InstallRefused(SandboxHandle& sandbox, const v1::PackageRequirements& what) {
  return BeginInstall(sandbox, what).sink->Wait();
}

Installation BeginPrefetch(Backend& backend, const v1::PackageRequirements& what,
                           const std::string& template_id = "") {
  Installation begun;
  v1::PrefetchPackagesRequest request;
  request.set_template_id(template_id);
  *request.mutable_what() = what;
  begun.operation = backend.Prefetch({}, std::move(request), begun.sink);
  return begun;
}

v1::ListStoredPackagesResponse Stored(Backend& backend) {
  auto stored = Ask<v1::ListStoredPackagesResponse>(
      [&](auto reply) { backend.ListPackages({}, std::move(reply)); });
  EXPECT_TRUE(stored.ok()) << stored.status();
  return *stored;
}
absl::StatusOr<v1::PruneStoredPackagesResponse> Prune(Backend& backend, absl::Duration unused_for) {
  v1::PruneStoredPackagesRequest request;
  *request.mutable_unused_for() = ToProto(unused_for);
  return Ask<v1::PruneStoredPackagesResponse>(
      [&](auto reply) { backend.PrunePackages({}, request, std::move(reply)); });
}

template <class Packages>
std::vector<std::string> Names(const Packages& packages) {
  std::vector<std::string> names;
  for (const auto& package : packages)
    names.push_back(absl::StrCat(package.name(), " ", package.version()));
  return names;
}

TEST_P(BackendTest, AnInstallationTellsWhatGoesOnAndWhatCameOfIt) {
  if (Lacks("packages.store")) return;
  auto sandbox = NewSandbox();
  Installation installation = BeginInstall(*sandbox, Wanted({"requests==2.32", "six"}));
  ASSERT_TRUE(installation.sink->Wait().ok()) << installation.sink->Wait();
  EXPECT_THAT(installation.phases(), ElementsAre(Progress::RESOLVING, Progress::FETCHING,
                                                 Progress::FETCHING, Progress::MOUNTING));
  const Progress last_fetch = installation.sink->events()[2].progress();
  EXPECT_EQ(last_fetch.text(), "six 1.0");
  EXPECT_EQ(last_fetch.done(), 2);
  EXPECT_EQ(last_fetch.total(), 2);
  const Event::Done done = installation.done();
  EXPECT_THAT(Names(done.packages()), ElementsAre("requests 2.32", "six 1.0"));
  EXPECT_FALSE(done.cached());
  EXPECT_THAT(done.set_digest(), SizeIs(64));
  auto environment =
      Ask<v1::Environment>([&](auto reply) { sandbox->GetEnvironment({}, std::move(reply)); });
  EXPECT_THAT(Names(environment->python_packages()),
              ElementsAre("numpy 2.2.4", "requests 2.32", "six 1.0"));
}

TEST_P(BackendTest, TheSameAgainIsAMountAlone) {
  if (Lacks("packages.store")) return;
  auto first = NewSandbox();
  auto second = NewSandbox();
  const std::string digest = Install(*first, Wanted({"six"})).set_digest();
  Installation again = BeginInstall(*second, Wanted({"six"}));
  ASSERT_TRUE(again.sink->Wait().ok()) << again.sink->Wait();
  EXPECT_THAT(again.phases(), ElementsAre(Progress::MOUNTING));
  EXPECT_TRUE(again.done().cached());
  EXPECT_EQ(again.done().set_digest(), digest);
  v1::PackageRequirements anew = Wanted({"six"});
  anew.set_refresh(true);
  EXPECT_FALSE(Install(*second, anew).cached());
  // What comes on top is another set.
  EXPECT_NE(Install(*second, Wanted({"attrs"})).set_digest(), digest);
}

TEST_P(BackendTest, FilesAreRequirementsAndConstraints) {
  if (Lacks("packages.store")) return;
  v1::PackageRequirements what = Wanted({"six"});
  what.set_requirements_file("# ours\nattrs\n\nrequests==2.31\n");
  what.set_constraints_file("attrs==23.1\nunused==9\n");
  EXPECT_THAT(Names(Install(*NewSandbox(), what).packages()),
              ElementsAre("attrs 23.1", "requests 2.31", "six 1.0"));
}

TEST_P(BackendTest, FilesOfTwoPackagesAreTold) {
  if (Lacks("packages.store")) return;
  EXPECT_THAT(Install(*NewSandbox(), Wanted({"clashing"})).conflicts(),
              ElementsAre("clashing/data.txt"));
}

TEST_P(BackendTest, WhatCannotBeInstalledSaysWhy) {
  if (Lacks("packages.store")) return;
  auto sandbox = NewSandbox();
  Install(*sandbox, Wanted({"six"}));
  absl::Status refused = InstallRefused(*sandbox, Wanted({"denied"}));
  EXPECT_TRUE(absl::IsPermissionDenied(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("denied"));
  refused = InstallRefused(*sandbox, Wanted({"missing"}));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  refused = InstallRefused(*sandbox, Wanted({"six==2.0"}));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("six 1.0"));
  refused = InstallRefused(*sandbox, Wanted({"six @ https://pip.test/six.whl"}));
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  refused = InstallRefused(*sandbox, {});
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(Names(fake().packages().List().sets(0).packages()), ElementsAre("six 1.0"));
}

TEST_P(BackendTest, OnlyASandboxThatRunsGetsPackages) {
  if (Lacks("packages.store")) return;
  auto sandbox = NewSandbox();
  ASSERT_TRUE(Pause(*sandbox).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(InstallRefused(*sandbox, Wanted({"six"}))));
  ASSERT_TRUE(Destroy(*sandbox).ok());
  EXPECT_TRUE(absl::IsNotFound(InstallRefused(*sandbox, Wanted({"six"}))));
  EXPECT_THAT(Stored(backend()).packages(), IsEmpty());
}

TEST_P(BackendTest, AnInstallationThatIsCancelledEnds) {
  if (Lacks("packages.store")) return;
  auto sandbox = NewSandbox();
  Installation install = BeginInstall(*sandbox, Wanted({"hanging"}));
  Installation prefetch = BeginPrefetch(backend(), Wanted({"hanging"}));
  for (Installation* each : {&install, &prefetch}) {
    ASSERT_TRUE(Eventually([&] { return each->sink->events().size() == 1; }));
    EXPECT_THAT(each->phases(), ElementsAre(Progress::RESOLVING));
    each->operation->Cancel();
    EXPECT_TRUE(absl::IsCancelled(each->sink->Wait())) << each->sink->Wait();
  }
  EXPECT_TRUE(Eventually([&] { return fake().packages().hanging() == 0; }));
}

TEST_P(BackendTest, WhatIsPrefetchedIsInTheStore) {
  if (Lacks("packages.store")) return;
  Installation prefetch = BeginPrefetch(backend(), Wanted({"six", "attrs"}), "base");
  ASSERT_TRUE(prefetch.sink->Wait().ok()) << prefetch.sink->Wait();
  EXPECT_THAT(Names(prefetch.done().packages()), ElementsAre("attrs 1.0", "six 1.0"));
  EXPECT_TRUE(Install(*NewSandbox(), Wanted({"six", "attrs"})).cached());
  EXPECT_TRUE(absl::IsNotFound(BeginPrefetch(backend(), Wanted({"six"}), "nosuch").sink->Wait()));
  EXPECT_TRUE(absl::IsInvalidArgument(BeginPrefetch(backend(), {}).sink->Wait()));
}

TEST_P(BackendTest, TheStoreSaysWhatItHolds) {
  if (Lacks("packages.store")) return;
  EXPECT_THAT(Stored(backend()).packages(), IsEmpty());
  auto sandbox = NewSandbox();
  const std::string digest = Install(*sandbox, Wanted({"six", "attrs"})).set_digest();
  const auto stored = Stored(backend());
  ASSERT_THAT(stored.packages(), SizeIs(2));
  EXPECT_EQ(stored.packages(0).package().name(), "attrs");
  EXPECT_EQ(stored.packages(0).size_bytes(), FakePackages::kPackageBytes);
  EXPECT_EQ(stored.packages(0).files(), FakePackages::kPackageFiles);
  EXPECT_EQ(stored.size_bytes(), 2 * FakePackages::kPackageBytes);
  EXPECT_EQ(stored.max_bytes(), FakePackages::kMaxBytes);
  ASSERT_THAT(stored.sets(), SizeIs(1));
  EXPECT_EQ(stored.sets(0).digest(), digest);
  EXPECT_EQ(stored.sets(0).uses(), 1);
  EXPECT_TRUE(stored.sets(0).has_used_at());
  ASSERT_TRUE(Destroy(*sandbox).ok());
  EXPECT_EQ(Stored(backend()).sets(0).uses(), 0);
}

TEST_P(BackendTest, WhatIsInUseIsNotPruned) {
  if (Lacks("packages.store")) return;
  auto sandbox = NewSandbox();
  Install(*sandbox, Wanted({"six"}));
  ASSERT_TRUE(BeginPrefetch(backend(), Wanted({"attrs"})).sink->Wait().ok());
  auto pruned = Prune(backend(), absl::Hours(1));
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->packages() + pruned->sets(), 0) << "it was used in that hour";
  pruned = Prune(backend(), absl::ZeroDuration());
  ASSERT_TRUE(pruned.ok()) << pruned.status();
  EXPECT_EQ(pruned->packages(), 1);
  EXPECT_EQ(pruned->sets(), 1);
  EXPECT_EQ(pruned->size_bytes(), FakePackages::kPackageBytes);
  ASSERT_THAT(Stored(backend()).packages(), SizeIs(1));
  EXPECT_EQ(Stored(backend()).packages(0).package().name(), "six");
  absl::Status refused = Prune(backend(), -absl::Seconds(1)).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("unused_for"));
}

TEST_P(BackendTest, WhatIsNotWhatItWasIsRemoved) {
  if (Lacks("packages.store")) return;
  auto verify = [&] {
    auto verified = Ask<v1::VerifyStoredPackagesResponse>(
        [&](auto reply) { backend().VerifyPackages({}, std::move(reply)); });
    EXPECT_TRUE(verified.ok()) << verified.status();
    return *verified;
  };
  auto sandbox = NewSandbox();
  Install(*sandbox, Wanted({"six", "attrs"}));
  EXPECT_THAT(verify().removed(), IsEmpty());
  fake().packages().Spoil("six");
  const auto verified = verify();
  EXPECT_EQ(verified.packages(), 2);
  EXPECT_THAT(verified.removed(), ElementsAre("six 1.0"));
  EXPECT_FALSE(Install(*NewSandbox(), Wanted({"six", "attrs"})).cached());
}

}  // namespace
}  // namespace warren
