// Which backends make a sandbox.
#include "supervisor/failover/routes.h"

#include <map>

#include "tests/failover/failover_testing.h"

namespace warren {
namespace {

using ::testing::ElementsAre;

TEST(RoutesTest, TheOnlyBackendIsTheDefault) {
  const Routes routes(ParseConfiguration(kOne));
  EXPECT_THAT(routes.ChooseMembers("", "", 0), ElementsAre("local"));
  EXPECT_THAT(routes.ChooseMembers("acme", "base", 99), ElementsAre("local"));
}

TEST(RoutesTest, NestedListsAreFlattenedInOrderEachNameOnce) {
  const Routes routes(ParseConfiguration(R"pb(
    backends {
      name: "all"
      failover { backends: "x" backends: "inner" backends: "y" }
    }
    backends {
      name: "inner"
      failover { backends: "z" backends: "x" backends: "deep" }
    }
    backends {
      name: "deep"
      failover { backends: "y" backends: "w" }
    }
    backends {
      name: "w"
      remote {}
    }
    backends {
      name: "x"
      remote {}
    }
    backends {
      name: "y"
      remote {}
    }
    backends {
      name: "z"
      remote {}
    }
    default_backend: "all"
  )pb"));
  EXPECT_THAT(routes.ChooseMembers("", "", 0), ElementsAre("x", "z", "y", "w"));
}

TEST(RoutesTest, TheFirstRouteThatFitsAllThatItNames) {
  const Routes routes(ParseConfiguration(R"pb(
    backends {
      name: "a"
      remote {}
    }
    backends {
      name: "b"
      remote {}
    }
    backends {
      name: "c"
      remote {}
    }
    backends {
      name: "d"
      remote {}
    }
    default_backend: "d"
    routes {
      tenants: "acme"
      tenants: "zeta"
      template_ids: "gpu"
      to { backend: "a" }
    }
    routes {
      template_ids: "gpu"
      template_ids: ""
      to { backend: "b" }
    }
    routes {
      tenants: "operator"
      tenants: "zeta"
      to { backend: "c" }
    }
  )pb"));
  auto chosen = [&](const char* tenant, const char* template_id) {
    return routes.ChooseMembers(tenant, template_id, 0).at(0);
  };
  EXPECT_EQ(chosen("acme", "gpu"), "a");
  EXPECT_EQ(chosen("zeta", "gpu"), "a");
  EXPECT_EQ(chosen("omega", "gpu"), "b");
  EXPECT_EQ(chosen("acme", ""), "b");
  EXPECT_EQ(chosen("", "base"), "c");
  EXPECT_EQ(chosen("zeta", "base"), "c");
  EXPECT_EQ(chosen("acme", "base"), "d");
}

TEST(RoutesTest, SharesAreAsLargeAsTheySay) {
  const Routes routes(ParseConfiguration(R"pb(
    backends {
      name: "new"
      remote {}
    }
    backends {
      name: "old"
      remote {}
    }
    backends {
      name: "off"
      remote {}
    }
    default_backend: "old"
    routes {
      to { backend: "off" percent: 0 }
      to { backend: "new" percent: 10 }
      to { backend: "old" percent: 90 }
    }
  )pb"));
  std::map<std::string, int> drawn;
  for (int draw = 0; draw < Routes::kDraws; ++draw) ++drawn[routes.ChooseMembers("", "", draw)[0]];
  EXPECT_EQ(drawn["new"], 10);
  EXPECT_EQ(drawn["old"], 90);
  EXPECT_EQ(routes.ChooseMembers("", "", 9)[0], "new");
  EXPECT_EQ(routes.ChooseMembers("", "", 10)[0], "old");
}

}  // namespace
}  // namespace warren
