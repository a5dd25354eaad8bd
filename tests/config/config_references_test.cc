// What refers to backends: lists, routes, the default.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/config/config_testing.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Lines 1 to 3.
constexpr char kTwo[] = R"(default_backend: "here"
backends { name: "here" local {} }
backends { name: "cloud" remote { address: "h:1" } }
)";

// `rest` begins in line 4.
std::vector<std::string> ProblemsBehind(const std::string& rest) { return ProblemsOf(kTwo + rest); }

TEST(ConfigReferencesTest, ANameThatIsNoneIsToldWithTheNearest) {
  EXPECT_THAT(ProblemsBehind("routes { to { backend: \"clod\" } }"),
              ElementsAre("4:15: no backend is named \"clod\"; do you mean \"cloud\"?"));
  EXPECT_THAT(ProblemsBehind("routes { to { backend: \"Here\" } }"),
              ElementsAre("4:15: no backend is named \"Here\"; do you mean \"here\"?"));
  EXPECT_THAT(ProblemsBehind("routes { to { backend: \"e2b\" } }"),
              ElementsAre("4:15: no backend is named \"e2b\"; name one of cloud, here"));
  EXPECT_THAT(ProblemsBehind("routes { to { backend: \"" + std::string(500, 'c') + "\" } }"),
              ElementsAre(StartsWith("4:15: no backend is named \"cccc")));
  EXPECT_THAT(ProblemsBehind("routes {\n to {} }"),
              ElementsAre("5:2: it names no backend; name one of cloud, here"));
}

TEST(ConfigReferencesTest, OfSeveralBackendsOneIsTheDefault) {
  EXPECT_THAT(
      ProblemsOf("backends { name: \"a\" local {} }\nbackends { name: \"b\" remote { address: "
                 "\"h:1\" } }"),
      ElementsAre("1:1: there are several backends, and no default_backend; name the one for "
                  "creates that no route fits"));
  EXPECT_THAT(ProblemsOf("backends { name: \"a\" local {} }\n  default_backend: \"b\""),
              ElementsAre("2:3: no backend is named \"b\"; name one of a"));
  EXPECT_THAT(ProblemsOf("backends { name: \"a\" local {} } default_backend: \"\""),
              ElementsAre("1:33: it names no backend; name one of a"));
  EXPECT_THAT(ProblemsOf("backends { local {} }\ndefault_backend: \"a\""),
              ElementsAre(StartsWith("1:1: the backend has no name"),
                          "2:1: no backend is named \"a\"; add a backend with a name"));
}

TEST(ConfigReferencesTest, AListHasTwoBackendsAtLeast) {
  const std::string few =
      " the list has fewer than 2 backends; name another, or the one itself instead of the list";
  EXPECT_THAT(ProblemsBehind("backends { name: \"l\" failover {} }"), ElementsAre("4:22:" + few));
  EXPECT_THAT(ProblemsBehind("backends { name: \"l\" failover { backends: \"here\" } }"),
              ElementsAre("4:22:" + few));
  EXPECT_THAT(ProblemsBehind(
                  "backends { name: \"l\" failover { backends: \"here\" backends: \"cloud\" } }"),
              IsEmpty());
}

TEST(ConfigReferencesTest, AListNamesBackendsAndEachOnce) {
  EXPECT_THAT(ProblemsBehind(
                  "backends { name: \"l\" failover { backends: \"here\"\n backends: \"clod\" } }"),
              ElementsAre("5:2: no backend is named \"clod\"; do you mean \"cloud\"?"));
  EXPECT_THAT(
      ProblemsBehind("backends { name: \"l\" failover { backends: \"here\"\nbackends: \"cloud\"\n"
                     "  backends: \"here\" } }"),
      ElementsAre("6:3: \"here\" is in the list twice; remove one of them"));
}

// The parser tells no places of its elements.
TEST(ConfigReferencesTest, AListInBracketsStandsInOnePlace) {
  EXPECT_THAT(
      ProblemsBehind("backends { name: \"l\" failover {\n backends: [\"here\",\n\"clod\"] } }"),
      ElementsAre("5:2: no backend is named \"clod\"; do you mean \"cloud\"?"));
}

TEST(ConfigReferencesTest, BackendsInBracketsHavePlacesInside) {
  EXPECT_THAT(ProblemsOf("default_backend: \"a\" backends: [\n{ name: \"a\" local {} },\n{ name: "
                         "\"B\" remote { address: \"h:1\" } }]"),
              ElementsAre(StartsWith("3:3: \"B\" cannot be")));
}

TEST(ConfigReferencesTest, AListDoesNotNameItself) {
  EXPECT_THAT(
      ProblemsBehind("backends { name: \"l\" failover { backends: \"here\"\nbackends: \"l\" } }"),
      ElementsAre("5:1: the list \"l\" names itself; remove it"));
}

TEST(ConfigReferencesTest, ListsDoNotLeadInACircle) {
  EXPECT_THAT(
      ProblemsBehind("backends { name: \"a\" failover { backends: \"b\" backends: \"here\" } }\n"
                     "backends { name: \"b\" failover { backends: \"cloud\" backends: \"a\" } }"),
      ElementsAre(
          "5:51: the lists lead in a circle: a → b → a; remove one of these names from its list"));
  // Entered from outside, the way there is not part of it; and it is told once.
  EXPECT_THAT(
      ProblemsBehind("backends { name: \"x\" failover { backends: \"b\" backends: \"here\" } }\n"
                     "backends { name: \"a\" failover { backends: \"b\" backends: \"here\" } }\n"
                     "backends { name: \"b\" failover { backends: \"c\" backends: \"here\" } }\n"
                     "backends { name: \"c\" failover { backends: \"a\" backends: \"here\" } }"),
      ElementsAre("5:33: the lists lead in a circle: b → c → a → b; remove one of these names from "
                  "its list"));
}

TEST(ConfigReferencesTest, ListsOfListsAreFineWhereTheyEnd) {
  EXPECT_THAT(ProblemsBehind(
                  "backends { name: \"a\" failover { backends: \"b\" backends: \"c\" } }\n"
                  "backends { name: \"b\" failover { backends: \"c\" backends: \"here\" } }\n"
                  "backends { name: \"c\" failover { backends: \"cloud\" backends: \"here\" } }"),
              IsEmpty());
}

TEST(ConfigReferencesTest, ARouteLeadsSomewhere) {
  EXPECT_THAT(ProblemsBehind("\n routes { tenants: \"acme\" }"),
              ElementsAre("5:2: the route leads nowhere; write to { backend: ... }"));
}

TEST(ConfigReferencesTest, ARouteIsOfTenantsAndTemplates) {
  EXPECT_THAT(ProblemsBehind("routes { tenants: \"operator\" tenants: \"acme\" template_ids: \"\" "
                             "template_ids: \"base\""
                             " to { backend: \"here\" } }"),
              IsEmpty());
  const std::string rule =
      " can be no tenant; write a name as `warren keys create --tenant` has it, or \"operator\"";
  EXPECT_THAT(
      ProblemsBehind("routes { tenants: \"acme\"\n  tenants: \"Acme\" to { backend: \"here\" } }"),
      ElementsAre("5:3: \"Acme\"" + rule));
  EXPECT_THAT(ProblemsBehind("routes { tenants: \"\" to { backend: \"here\" } }"),
              ElementsAre("4:10: \"\"" + rule));
  EXPECT_THAT(ProblemsBehind("routes { tenants: \"a\"\ntenants: \"a\" template_ids: "
                             "\"\"\ntemplate_ids: \"\" to { backend: \"here\" } }"),
              ElementsAre("5:1: \"a\" is in the route twice; remove one of them",
                          "6:1: \"\" is in the route twice; remove one of them"));
  EXPECT_THAT(ProblemsBehind("routes { template_ids: \"" + std::string(300, 't') +
                             "\" to { backend: \"here\" } }"),
              ElementsAre(StartsWith("4:10: template_id has 300 bytes")));
}

TEST(ConfigReferencesTest, SharesComeToAHundred) {
  auto problems = [](const std::string& first, const std::string& second) {
    return ProblemsBehind(absl::StrCat("routes { to { backend: \"here\" ", first,
                                       " }\n to { backend: \"cloud\" ", second, " } }"));
  };
  EXPECT_THAT(problems("percent: 10", "percent: 90"), IsEmpty());
  EXPECT_THAT(problems("percent: 0", "percent: 100"), IsEmpty());
  EXPECT_THAT(problems("percent: 10", "percent: 80"),
              ElementsAre("4:10: the shares come to 90, not to 100; change them"));
  EXPECT_THAT(problems("percent: 100", "percent: 1"),
              ElementsAre("4:10: the shares come to 101, not to 100; change them"));
  EXPECT_THAT(
      problems("percent: 100", ""),
      ElementsAre(
          "5:2: the share has no percent, and is not the only one; write percent, be it 0"));
  EXPECT_THAT(problems("percent: -10", "percent: 110"),
              ElementsAre("4:31: percent is -10; it can be 0 to 100",
                          "5:24: percent is 110; it can be 0 to 100"));
  EXPECT_THAT(
      ProblemsBehind(
          "routes { to { backend: \"here\" percent: 50 }\n to { backend: \"here\" percent: 50 } }"),
      ElementsAre("5:7: the route has two shares for \"here\"; make one of them"));
}

TEST(ConfigReferencesTest, TheOnlyShareIsAllOfIt) {
  EXPECT_THAT(ProblemsBehind("routes { to { backend: \"here\" percent: 100 } }"), IsEmpty());
  EXPECT_THAT(ProblemsBehind("routes { to { backend: \"here\" percent: 10 } }"),
              ElementsAre("4:31: the shares come to 10, not to 100; write 100, or leave it out: it "
                          "is the only one"));
  EXPECT_THAT(ProblemsBehind("routes { to { backend: \"here\" percent: 0 } }"),
              ElementsAre("4:31: the shares come to 0, not to 100; write 100, or leave it out: it "
                          "is the only one"));
  EXPECT_THAT(ProblemsBehind("routes { to { backend: \"here\" percent: 101 } }"),
              ElementsAre("4:31: percent is 101; it can be 0 to 100"));
}

}  // namespace
}  // namespace warren
