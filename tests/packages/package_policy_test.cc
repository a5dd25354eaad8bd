// What compiled rules decide.
#include "runtime/packages/package_policy.h"

#include <gmock/gmock.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/packages/package_name.h"
#include "tests/network/network_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

PackageRules Rules(const std::string& policy) {
  auto rules = PackageRules::Compile(FromText<config::PackagePolicy>(policy));
  EXPECT_TRUE(rules.ok()) << rules.status();
  return *std::move(rules);
}

std::string WhyNoRules(const std::string& policy) {
  return MessageOf(PackageRules::Compile(FromText<config::PackagePolicy>(policy)).status());
}

bool AllowsVersion(const PackageRules& rules, absl::string_view name, absl::string_view version) {
  return rules.AllowsVersion(name, Version::Parse(version).value());
}

TEST(PackageRulesTest, AllowsWhatIsNamed) {
  const PackageRules rules = Rules(R"(allow { requirement: "NumPy" }
                                      allow { requirement: "typing_extensions>=4" })");
  EXPECT_TRUE(rules.DecideName("numpy").allowed);
  EXPECT_EQ(rules.DecideName("numpy").reason, "");
  EXPECT_TRUE(rules.DecideName("typing-extensions").allowed);
  EXPECT_FALSE(rules.DecideName("os").allowed);
  EXPECT_EQ(rules.DecideName("leftpad").reason,
            "\"leftpad\" is not among the packages that this server allows; its operator can "
            "allow it (policies/packages)");
}

TEST(PackageRulesTest, AllowsNothingByItself) {
  const PackageRules rules = Rules("");
  EXPECT_FALSE(rules.DecideName("numpy").allowed);
  // Whoever asks may not ask for it; what would come with something else may.
  EXPECT_TRUE(rules.DecideDependency("numpy").allowed);
}

TEST(PackageRulesTest, ProposesWhatIsNear) {
  const PackageRules rules = Rules(R"(
      allow { requirement: "numpy" } allow { requirement: "pandas" } allow { requirement: "nltk" }
      allow { requirement: "scipy" } allow { requirement: "scikit-learn" }
      allow { requirement: "denied" } deny { requirement: "denied" })");
  EXPECT_EQ(rules.DecideName("numpi").reason,
            "\"numpi\" is not among the packages that this server allows: did you mean "
            "\"numpy\"?");
  const std::pair<const char*, const char*> near[] = {
      {"panads", "pandas"}, {"panda", "pandas"}, {"pandass", "pandas"},           {"umpy", "numpy"},
      {"nltk2", "nltk"},    {"sci-py", "scipy"}, {"scikitlearn", "scikit-learn"},
  };
  for (const auto& [name, wanted] : near) {
    EXPECT_THAT(rules.DecideName(name).reason,
                HasSubstr(absl::StrCat("did you mean \"", wanted, "\"?")))
        << name;
  }
  // Three away; two of three letters; what could not be had either.
  for (const char* name : {"pxxxss", "xxmpyz", "nl", "tk", "x", "", "sklearn", "denie"}) {
    EXPECT_THAT(rules.DecideName(name).reason, Not(HasSubstr("did you mean"))) << name;
  }
  EXPECT_FALSE(rules.DecideName(std::string(kMaxPackageName * 2, 'a')).allowed);
}

TEST(PackageRulesTest, ProposesTheFirstOfTheAlphabet) {
  EXPECT_THAT(Rules(R"(allow { requirement: "abcdez" } allow { requirement: "abcdey" })")
                  .DecideName("abcdef")
                  .reason,
              HasSubstr("did you mean \"abcdey\"?"));
}

TEST(PackageRulesTest, DeniesBeforeItAllows) {
  const PackageRules rules = Rules(R"(allow { requirement: "*" } allow { requirement: "numpy" }
                                      deny { requirement: "numpy" }
                                      deny { requirement: "requests<2.31" })");
  EXPECT_EQ(rules.DecideName("numpy").reason,
            "\"numpy\" is denied on this server, as a dependency too; its operator can change "
            "that (policies/packages)");
  EXPECT_FALSE(rules.DecideDependency("numpy").allowed);
  EXPECT_FALSE(AllowsVersion(rules, "numpy", "2.0"));
  EXPECT_TRUE(rules.DecideName("requests").allowed);
  EXPECT_TRUE(rules.DecideDependency("requests").allowed);
  EXPECT_FALSE(AllowsVersion(rules, "requests", "2.30"));
  EXPECT_TRUE(AllowsVersion(rules, "requests", "2.31"));
  EXPECT_TRUE(rules.DecideName("anything").allowed);
}

TEST(PackageRulesTest, DeniesAll) {
  const PackageRules rules = Rules(R"(allow { requirement: "numpy" } deny { requirement: "*" })");
  EXPECT_FALSE(rules.DecideName("numpy").allowed);
  EXPECT_FALSE(rules.DecideDependency("numpy").allowed);
  EXPECT_FALSE(AllowsVersion(rules, "numpy", "1.0"));
}

TEST(PackageRulesTest, AllowsVersionsOfOneEntryOrAnother) {
  const PackageRules rules = Rules(R"(allow { requirement: "numpy>=1.24,<2" }
                                      allow { requirement: "numpy==2.1.*" }
                                      deny { requirement: "numpy==1.25.0" })");
  for (const char* version : {"1.24", "1.26.4", "2.1.3", "1.25.1"}) {
    EXPECT_TRUE(AllowsVersion(rules, "numpy", version)) << version;
  }
  for (const char* version : {"1.23", "2.0", "2.2", "1.25.0", "1.25"}) {
    EXPECT_FALSE(AllowsVersion(rules, "numpy", version)) << version;
  }
  // Versions are decided of dependencies, too; of those without an entry all may come.
  EXPECT_TRUE(AllowsVersion(rules, "idna", "0.1"));
}

// "*" is no entry of numpy's.
TEST(PackageRulesTest, KeepsVersionsBesideEveryPackage) {
  const PackageRules rules =
      Rules(R"(allow { requirement: "*" } allow { requirement: "numpy<2" })");
  EXPECT_FALSE(AllowsVersion(rules, "numpy", "2.0"));
  EXPECT_TRUE(AllowsVersion(rules, "pandas", "2.0"));
}

TEST(PackageRulesTest, DependenciesFollowUnlessTheyMustBeAllowed) {
  const std::string numpy = R"(allow { requirement: "numpy" } )";
  for (const char* follow : {"", "dependencies: FOLLOW"}) {
    EXPECT_TRUE(Rules(numpy + follow).DecideDependency("idna").allowed);
    EXPECT_FALSE(Rules(numpy + follow).DecideName("idna").allowed);
  }
  const PackageRules strict = Rules(numpy + "dependencies: MUST_BE_ALLOWED");
  EXPECT_TRUE(strict.DecideDependency("numpy").allowed);
  EXPECT_THAT(strict.DecideDependency("idna").reason, HasSubstr("\"idna\" is needed, but is not"));
  EXPECT_FALSE(strict.DecideDependency("idna").allowed);
  EXPECT_FALSE(AllowsVersion(strict, "idna", "1.0"));
  EXPECT_TRUE(Rules(R"(allow { requirement: "*" } dependencies: MUST_BE_ALLOWED)")
                  .DecideDependency("idna")
                  .allowed);
}

TEST(PackageRulesTest, NamesTheFieldThatIsWrong) {
  EXPECT_THAT(WhyNoRules(R"(allow { requirement: "a" } allow { requirement: "a b" })"),
              HasSubstr("allow[1].requirement: \"b\": versions begin with"));
  EXPECT_THAT(WhyNoRules(R"(deny { requirement: "" })"),
              HasSubstr("deny[0].requirement: \"\" must be"));
  for (const char* wrong : {"a[x]", "a; os_name == 'x'", "a @ https://evil.test/", "*>=1", "acme-*",
                            "a>=1,", "a==x", "../a", "a\\nb"}) {
    EXPECT_THAT(WhyNoRules(absl::StrCat("allow { requirement: \"", wrong, "\" }")),
                HasSubstr("allow[0].requirement: "))
        << wrong;
  }
}

TEST(FitsPackagePatternTest, IsANameOrHowNamesBegin) {
  EXPECT_TRUE(FitsPackagePattern("numpy", "numpy"));
  EXPECT_TRUE(FitsPackagePattern("Typing_Extensions", "typing-extensions"));
  EXPECT_FALSE(FitsPackagePattern("numpy", "numpy2"));
  EXPECT_TRUE(FitsPackagePattern("acme-*", "acme-tools"));
  EXPECT_TRUE(FitsPackagePattern("ACME_*", "acme-tools"));
  EXPECT_FALSE(FitsPackagePattern("acme-*", "acme"));
  EXPECT_FALSE(FitsPackagePattern("acme-*", "acmetools"));
  EXPECT_TRUE(FitsPackagePattern("acme*", "acmetools"));
}

}  // namespace
}  // namespace warren::testing
