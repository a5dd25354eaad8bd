#include "supervisor/packages/package_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace warren {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

PackageRules Rules() {
  config::PackagePolicy policy;
  for (const char* name : {"hopper", "grace", "lovelace"})
    policy.add_allow()->set_requirement(name);
  return *PackageRules::Compile(policy);
}

absl::StatusOr<PackageRequest> Parse(const std::vector<std::string>& requirements,
                                     const std::string& file = "",
                                     const std::string& constraints = "") {
  v1::PackageRequirements what;
  for (const std::string& requirement : requirements) what.add_requirements(requirement);
  what.set_requirements_file(file);
  what.set_constraints_file(constraints);
  return ParsePackageRequest(what, Rules());
}

PackageRequest Asked(const std::vector<std::string>& requirements,
                     const std::string& constraints = "") {
  return *Parse(requirements, "", constraints);
}

InstalledPackages Installed() {
  InstalledPackages installed;
  installed.asked = {{"hopper", "hopper>=1"}};
  for (const auto& [name, version] : {std::pair("hopper", "1.5"), std::pair("needed", "2")}) {
    internal::StoredPackage& package = *installed.set.add_packages();
    package.set_name(name);
    package.set_version(version);
  }
  return installed;
}

TEST(PackageRequestTest, ListAndFileAreOneList) {
  auto request = Parse({"hopper>=1"}, "# of the project\ngrace==2.0\n");
  ASSERT_TRUE(request.ok()) << request.status();
  ASSERT_EQ(request->requirements.size(), 2u);
  EXPECT_EQ(request->requirements[1].name, "grace");
}

TEST(PackageRequestTest, EveryPackageThatIsNotAllowedIsNamed) {
  auto request = Parse({"hopper", "turing"}, "hoper\nturing>=2\n");
  EXPECT_TRUE(absl::IsPermissionDenied(request.status())) << request.status();
  const std::string message(request.status().message());
  EXPECT_THAT(message, HasSubstr("turing"));
  EXPECT_THAT(message, HasSubstr("hoper"));
  // And what was meant.
  EXPECT_THAT(message, HasSubstr("\"hopper\""));
}

TEST(PackageRequestTest, ConstraintsNameWhatTheyLike) {
  EXPECT_TRUE(Parse({"hopper"}, "", "turing<2\n").ok());
}

TEST(PackageRequestTest, WhatCannotBeUnderstoodIsSaidWithItsPlace) {
  EXPECT_TRUE(absl::IsInvalidArgument(Parse({}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Parse({"hopper @ https://evil.test/x.whl"}).status()));
  auto file = Parse({}, "hopper\n-r more.txt\n");
  EXPECT_TRUE(absl::IsInvalidArgument(file.status()));
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("requirements_file: line 2"));
  auto constraints = Parse({"hopper"}, "", "--index-url https://evil.test/\n");
  EXPECT_THAT(std::string(constraints.status().message()), HasSubstr("constraints_file: line 1"));
}

TEST(PackageRequestTest, NewSandboxAsksForWhatIsAsked) {
  const Resolvable what = Combine(Asked({"hopper", "grace>=2"}, "lovelace<9\n"), {});
  EXPECT_THAT(what.requirements, ElementsAre("grace>=2", "hopper"));
  EXPECT_THAT(what.constraints, ElementsAre("lovelace<9"));
}

TEST(PackageRequestTest, WhatIsThereIsAskedForAgainAndStaysAsItIs) {
  const Resolvable what = Combine(Asked({"grace"}), Installed());
  EXPECT_THAT(what.requirements, ElementsAre("grace", "hopper>=1"));
  EXPECT_THAT(what.constraints, ElementsAre("hopper==1.5", "needed==2"));
  EXPECT_EQ(what.asked.size(), 2u);
}

TEST(PackageRequestTest, WhatIsNamedNowMayChange) {
  const Resolvable what = Combine(Asked({"hopper==2"}), Installed());
  EXPECT_THAT(what.requirements, ElementsAre("hopper==2"));
  EXPECT_THAT(what.constraints, ElementsAre("needed==2"));
  EXPECT_EQ(what.asked.at("hopper"), "hopper==2");
}

TEST(PackageRequestTest, HashesAreAskedForOnce) {
  const std::string hash = " --hash=sha256:" + std::string(64, 'a');
  const Resolvable what = Combine(Asked({"hopper==1.0" + hash}), {});
  EXPECT_THAT(what.requirements, ElementsAre("hopper==1.0" + hash));
  EXPECT_EQ(what.asked.at("hopper"), "hopper==1.0");
}

TEST(PackageRequestTest, DigestsFollowEveryPart) {
  const Resolvable what = Combine(Asked({"hopper", "grace"}), {});
  const ResolutionScope scope{"base", "sha256:1", "3.11.2", "policy"};
  const std::string digest = ResolutionDigest(scope, what);
  EXPECT_EQ(digest.size(), 64u);
  // In any order, and twice.
  EXPECT_EQ(ResolutionDigest(scope, Combine(Asked({"grace", "hopper", "hopper"}), {})), digest);
  Resolvable moved = what;
  moved.constraints = {moved.requirements.back()};
  moved.requirements.pop_back();
  EXPECT_NE(ResolutionDigest(scope, moved), digest);
  for (std::string ResolutionScope::*part :
       {&ResolutionScope::template_id, &ResolutionScope::template_digest,
        &ResolutionScope::python_version, &ResolutionScope::policy}) {
    ResolutionScope other = scope;
    (other.*part).push_back('x');
    EXPECT_NE(ResolutionDigest(other, what), digest);
  }
}

TEST(PackageRequestTest, KeysFollowTheInterpreter) {
  const ResolvedFile file{"hopper", "1.0", "", "", "abc", true};
  const std::string key = PackageKey(file, "/usr/bin/python3", "3.11.2");
  EXPECT_EQ(key.size(), 64u);
  EXPECT_THAT(PackageKey(file, "/usr/bin/python3", "3.13.5"), Not(key));
  for (std::string ResolvedFile::*part :
       {&ResolvedFile::name, &ResolvedFile::version, &ResolvedFile::sha256}) {
    ResolvedFile other = file;
    (other.*part).push_back('x');
    EXPECT_THAT(PackageKey(other, "/usr/bin/python3", "3.11.2"), Not(key));
  }
}

}  // namespace
}  // namespace warren
