#include "supervisor/gateway/route.h"

#include "gtest/gtest.h"

namespace warren {
namespace {

TEST(RouteTest, TheNameComesBeforeTheHeaders) {
  const GatewayRoute route = RouteOf("8000-sbabc.example.com:443", "sbother", "49983");
  EXPECT_EQ(route.sandbox_id, "sbabc");
  EXPECT_EQ(route.port, 8000u);
}

TEST(RouteTest, HeadersRouteWhereTheNameSaysNothing) {
  EXPECT_EQ(RouteOf("127.0.0.1:3000", "sbabc", "49999").port, kInterpreterPort);
  EXPECT_EQ(RouteOf("localhost", "sbabc", "").port, kEnvdPort);
  EXPECT_EQ(RouteOf("sandbox.example.com", "sbabc", "3000").port, 3000u);
  EXPECT_EQ(RouteOf("[::1]:3000", "sbabc", "3000").sandbox_id, "sbabc");
}

TEST(RouteTest, ElseItIsTheControlPlanes) {
  EXPECT_EQ(RouteOf("api.example.com", "", "").sandbox_id, "");
  EXPECT_EQ(RouteOf("", "", "80").sandbox_id, "");
}

TEST(RouteTest, WhatNamesNoSandboxIsMalformed) {
  for (const char* id : {"../x", "SB", "a-b", "a b", "a/b", "sb\xff"})
    EXPECT_TRUE(RouteOf("127.0.0.1", id, "").malformed) << id;
  EXPECT_TRUE(RouteOf("127.0.0.1", std::string(65, 'a'), "").malformed);
  for (const char* port : {"0", "65536", "x", "-1", "+80", "8 0", "99999999999"})
    EXPECT_TRUE(RouteOf("127.0.0.1", "sbabc", port).malformed) << port;
  // Such a label is a name like another.
  EXPECT_EQ(RouteOf("0-sbabc.example.com", "", "").sandbox_id, "");
  EXPECT_EQ(RouteOf("my-host.example.com", "", "").sandbox_id, "");
}

TEST(RouteTest, KnowsItsOwnNames) {
  for (const char* host : {"localhost", "LOCALHOST:3000", "127.0.0.1:80", "[::1]", "[::1]:80",
                           "a.localhost", "192.0.2.1"})
    EXPECT_TRUE(IsLocalHost(host)) << host;
  for (const char* host :
       {"evil.test", "127.0.0.1.evil.test", "localhost.evil.test", "", "[::1", "[evil]"})
    EXPECT_FALSE(IsLocalHost(host)) << host;
  EXPECT_TRUE(IsWithinDomain("3000-sb.warren.test:443", "warren.test"));
  EXPECT_TRUE(IsWithinDomain("warren.test", "warren.test"));
  EXPECT_FALSE(IsWithinDomain("evilwarren.test", "warren.test"));
  EXPECT_FALSE(IsWithinDomain("warren.test", ""));
}

TEST(RouteTest, KnowsPagesOfOtherSites) {
  const char* const own = "http://127.0.0.1:3000";
  EXPECT_TRUE(IsOfAnotherSite("https://evil.test", "", own));
  EXPECT_TRUE(IsOfAnotherSite("null", "", own));
  // A page that a sandbox serves.
  EXPECT_TRUE(IsOfAnotherSite("http://8000-sbabc.localhost:3000", "same-site", own));
  EXPECT_TRUE(IsOfAnotherSite("", "cross-site", own));
  EXPECT_FALSE(IsOfAnotherSite(own, "same-origin", own));
  EXPECT_FALSE(IsOfAnotherSite("", "none", own));
  EXPECT_FALSE(IsOfAnotherSite("", "", own)) << "a program";
}

}  // namespace
}  // namespace warren
