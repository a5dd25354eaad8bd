#include "supervisor/e2b/control/sandbox_record.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/control/create_body.h"

namespace warren {
namespace {

nlohmann::json Told() {
  return nlohmann::json::parse(R"({
    "sandboxID": "i1abc", "templateID": "t", "startedAt": "2026-12-01T10:00:00.000Z",
    "endAt": "2026-12-01T11:00:00.000Z", "state": "running", "cpuCount": 2, "memoryMB": 512,
    "diskSizeMB": 1024, "envdAccessToken": "tok", "allowInternetAccess": false,
    "network": {"allowOut": ["pip.test"], "denyOut": ["0.0.0.0/0"]},
    "lifecycle": {"onTimeout": "pause"},
    "metadata": {"job": "7", "warren-tenant": "acme",
                 "warren-notes": "{\"template\":\"base\",\"lifetime\":3600,\"from\":1}"}})");
}

TEST(SandboxRecord, IsWhatTheCloudAndTheNotesSay) {
  CloudOptions options;
  options.name = "cloud";
  auto sandbox = ReadSandbox(Told(), options);
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ(sandbox->sandbox_id(), "i1abc");
  EXPECT_EQ(sandbox->template_id(), "base");
  EXPECT_EQ(sandbox->state(), v1::Sandbox::RUNNING);
  EXPECT_EQ(ToTime(sandbox->expires_at()) - ToTime(sandbox->created_at()), absl::Hours(1));
  EXPECT_EQ(sandbox->lifetime().seconds(), 3600);
  EXPECT_EQ(sandbox->lifetime_from(), v1::LIFETIME_FROM_LAST_USE);
  EXPECT_EQ(sandbox->on_expiry(), v1::ON_EXPIRY_PAUSE);
  EXPECT_EQ(sandbox->limits().memory_bytes(), int64_t{512} << 20);
  EXPECT_EQ(sandbox->limits().cpu_millis(), 2000);
  EXPECT_EQ(sandbox->metadata_size(), 1) << "notes are no metadata";
  EXPECT_EQ(sandbox->network().preset(), "none");
  EXPECT_EQ(sandbox->network().allow(0).host(), "pip.test");
  EXPECT_TRUE(sandbox->network().deny().empty());
  EXPECT_EQ(sandbox->backend(), "cloud");
  EXPECT_EQ(TenantOf(Told()), "acme");
}

TEST(SandboxRecord, WhatNoWarrenHasMadeIsNotFound) {
  nlohmann::json told = Told();
  told["metadata"].erase(kTenantNote);
  EXPECT_TRUE(absl::IsNotFound(ReadSandbox(told, {}).status()));
  told = Told();
  told["sandboxID"] = "../teams";
  EXPECT_TRUE(absl::IsNotFound(ReadSandbox(told, {}).status()));
}

TEST(SandboxRecord, GarbageIsNoMoreThanNothing) {
  for (const char* field : {"startedAt", "memoryMB", "lifecycle", "network", "cpuCount"}) {
    for (const nlohmann::json& value :
         {nlohmann::json(nullptr), nlohmann::json("\xff\xfe"), nlohmann::json(-1e300),
          nlohmann::json::array({1}), nlohmann::json(int64_t{1} << 62)}) {
      nlohmann::json told = Told();
      told[field] = value;
      EXPECT_TRUE(ReadSandbox(told, {}).ok()) << field;
    }
  }
}

// They go into headers.
TEST(SandboxRecord, TokensAndDomainsAreClean) {
  CloudSandbox sandbox("i1abc");
  nlohmann::json told = Told();
  told["trafficAccessToken"] = "a\r\nX-API-KEY: b";
  told["domain"] = "evil.test/path";
  ReadConnection(told, sandbox);
  EXPECT_EQ(sandbox.envd_token, "tok");
  EXPECT_EQ(sandbox.traffic_token, "");
  EXPECT_EQ(sandbox.domain, "");
  // What an answer leaves out stays as it was.
  ReadConnection(nlohmann::json::object(), sandbox);
  EXPECT_EQ(sandbox.envd_token, "tok");
}

}  // namespace
}  // namespace warren
