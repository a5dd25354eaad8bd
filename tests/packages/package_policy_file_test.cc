// The policy that Warren comes with, and what is refused of an operator's.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/packages/package_policy.h"
#include "tests/network/network_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

constexpr char kShipped[] = "policies/packages/default.textproto";

std::string WhyInvalid(const std::string& policy) {
  return MessageOf(ValidatePackagePolicy(FromText<config::PackagePolicy>(policy)));
}

// A file of the test's own.
class PackagePolicyFileTest : public ::testing::Test {
 protected:
  ~PackagePolicyFileTest() override { fs::remove(path_); }

  absl::StatusOr<config::PackagePolicy> Load(const std::string& text) {
    std::ofstream(path_) << text;
    return LoadPackagePolicy(path_);
  }

  const std::string path_ =
      absl::StrCat(::testing::TempDir(), "/warren-packages-",
                   ::testing::UnitTest::GetInstance()->current_test_info()->name(), ".textproto");
};

TEST_F(PackagePolicyFileTest, TheDefaultAllowsTheUsualPackages) {
  auto policy = LoadPackagePolicy(kShipped);
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->name(), "default");
  EXPECT_EQ(policy->allow_size(), 22);
  EXPECT_EQ(policy->indexes_size(), 0);
  EXPECT_FALSE(policy->source_distributions());
  const PackageRules rules = PackageRules::Compile(*policy).value();
  for (const char* name :
       {"numpy",   "pandas",          "scipy", "scikit-learn", "statsmodels",       "matplotlib",
        "seaborn", "plotly",          "bokeh", "requests",     "beautifulsoup4",    "httpx",
        "fastapi", "python-dateutil", "pytz",  "pydantic",     "typing-extensions", "nltk",
        "spacy",   "transformers",    "sympy", "mpmath"}) {
    EXPECT_TRUE(rules.DecideName(name).allowed) << name;
    EXPECT_TRUE(rules.AllowsVersion(name, Version::Parse("0.1").value())) << name;
  }
  EXPECT_FALSE(rules.DecideName("torch").allowed);
  EXPECT_FALSE(rules.DecideName("certifi").allowed);
  EXPECT_TRUE(rules.DecideDependency("certifi").allowed);
}

// The examples in its comments are what an operator copies.
TEST_F(PackagePolicyFileTest, TheExamplesOfTheDefaultLoadToo) {
  std::ifstream file(kShipped);
  std::string text;
  for (std::string line; std::getline(file, line);) {
    const bool example = line.starts_with("# deny {") || line.starts_with("# indexes {") ||
                         line.starts_with("#   ") || line == "# }";
    absl::StrAppend(&text, example ? line.substr(2) : line, "\n");
  }
  auto policy = Load(text);
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->deny_size(), 1);
  EXPECT_EQ(policy->indexes_size(), 2);
}

TEST_F(PackagePolicyFileTest, GivesIndexesNames) {
  auto policy = Load(R"(name: "x" indexes { url: "https://pip.test/simple/" }
                        indexes { name: "ours" url: "/srv/wheels" } indexes { url: "http://a.test" })");
  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(policy->indexes(0).name(), "index-1");
  EXPECT_EQ(policy->indexes(1).name(), "ours");
  EXPECT_EQ(policy->indexes(2).name(), "index-3");
  EXPECT_TRUE(ValidatePackagePolicy(*policy).ok());
}

TEST_F(PackagePolicyFileTest, SaysWhichFileIsWrong) {
  EXPECT_THAT(MessageOf(Load("").status()), HasSubstr(absl::StrCat(path_, ": it has no name")));
  EXPECT_THAT(MessageOf(Load(R"(name: "x" allow { requirement: "a[b]" })").status()),
              HasSubstr(absl::StrCat(path_, ": allow[0].requirement: ")));
  EXPECT_THAT(MessageOf(Load("name: \"x\"\nallowed: 1").status()), HasSubstr(path_ + ":2:"));
  EXPECT_EQ(LoadPackagePolicy("/nonexistent/x.textproto").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(ValidatePackagePolicyTest, TakesWhatAnIndexMayHave) {
  for (const char* policy : {
           "",
           R"(indexes { name: "a-1" url: "https://pip.test/simple/" ca_file: "/etc/ca.pem"
                        credentials_file: "/etc/warren/credentials"
                        packages: "acme-*" packages: "Acme_Tools" packages: "acme*" })",
           R"(indexes { url: "http://127.0.0.1:8080" credentials_file: "/c" })",
           R"(indexes { url: "/srv/wheels" packages: "numpy" })",
           "resolution_seconds: 31536000",
           "resolve_seconds: 1 unpack_seconds: 86400",
           "dependencies: MUST_BE_ALLOWED",
       }) {
    EXPECT_EQ(WhyInvalid(policy), "") << policy;
  }
}

TEST(ValidatePackagePolicyTest, NamesTheField) {
  const std::pair<std::string, std::string> cases[] = {
      {R"(allow { requirement: "a;b" })", "allow[0].requirement: "},
      {R"(deny { requirement: "-a" })", "deny[0].requirement: "},
      {"dependencies: 7", "dependencies: "},
      {"resolution_seconds: -1", "resolution_seconds: -1 must be"},
      {"resolution_seconds: 31536001", "resolution_seconds: 31536001 must be"},
      {"resolve_seconds: -1", "resolve_seconds: -1 must be"},
      {"unpack_seconds: 86401", "unpack_seconds: 86401 must be"},
      {R"(indexes { })", "indexes[0].url: it must begin with"},
      {R"(indexes { url: "wheels" })", "indexes[0].url: it must begin with"},
      {R"(indexes { url: "https://u:secret@pip.test/" })", "indexes[0].url: it has a user"},
      {R"(indexes { url: "/srv/a\nb" })", "indexes[0].url: "},
      {R"(indexes { name: "Ours" url: "/a" })", "indexes[0].name: \"Ours\" must be"},
      {R"(indexes { name: "-a" url: "/a" })", "indexes[0].name: "},
      {absl::StrCat("indexes { url: \"/a\" name: \"", std::string(64, 'a'), "\" }"),
       "indexes[0].name: "},
      {R"(indexes { name: "a" url: "/a" } indexes { name: "a" url: "/b" })",
       "indexes[1].name: another index is called \"a\" too"},
      {R"(indexes { name: "index-2" url: "/a" } indexes { url: "/b" })",
       "indexes[1].name: another"},
      {R"(indexes { url: "/a" credentials_file: "/c" })", "indexes[0]: a directory has neither"},
      {R"(indexes { url: "/a" ca_file: "/c" })", "indexes[0]: a directory has neither"},
      {R"(indexes { url: "http://a.test" ca_file: "/c" })",
       "indexes[0].ca_file: an index over http"},
      {R"(indexes { url: "https://a.test" ca_file: "c" })", "indexes[0].ca_file: \"c\" must be"},
      {R"(indexes { url: "https://a.test" credentials_file: "c" })",
       "indexes[0].credentials_file: \"c\" must be"},
      {R"(indexes { url: "/a" packages: "a" packages: "*" })",
       "indexes[0].packages[1]: \"*\" must"},
      {R"(indexes { url: "/a" packages: "" })", "indexes[0].packages[0]: "},
      {R"(indexes { url: "/a" packages: "*a" })", "indexes[0].packages[0]: "},
      {R"(indexes { url: "/a" packages: "-*" })", "indexes[0].packages[0]: "},
      {R"(indexes { url: "/a" packages: "a**" })", "indexes[0].packages[0]: "},
      {R"(indexes { url: "/a" packages: "a>=1" })", "indexes[0].packages[0]: "},
  };
  for (const auto& [policy, what] : cases) {
    EXPECT_THAT(WhyInvalid(policy), HasSubstr(what)) << policy;
    EXPECT_THAT(WhyInvalid(policy), Not(HasSubstr("secret"))) << policy;
  }
}

TEST(ValidatePackagePolicyTest, BoundsTheIndexes) {
  config::PackagePolicy policy;
  for (int i = 0; i < kMaxPackageIndexes; ++i) policy.add_indexes()->set_url("/srv/wheels");
  EXPECT_TRUE(ValidatePackagePolicy(policy).ok());
  policy.add_indexes()->set_url("/srv/wheels");
  EXPECT_THAT(MessageOf(ValidatePackagePolicy(policy)), HasSubstr("indexes: there are 17"));
}

TEST(PackagePolicyFileNameTest, IsTheOperatorsWhereItHasASlash) {
  EXPECT_EQ(PackagePolicyFile("/usr/local", "default"),
            "/usr/local/share/warren/policies/packages/default.textproto");
  for (const char* path : {"/etc/warren/packages.textproto", "./mine"}) {
    EXPECT_EQ(PackagePolicyFile("/usr/local", path), path);
  }
}

}  // namespace
}  // namespace warren::testing
