#include "supervisor/e2b/control/create_body.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

CloudOptions SomeOptions() {
  CloudOptions options;
  options.templates = {{"data-science", "code-interpreter-v1"}};
  return options;
}

v1::CreateSandboxRequest SomeRequest() {
  v1::CreateSandboxRequest request;
  request.set_template_id("data-science");
  request.mutable_lifetime()->set_seconds(90);
  return request;
}

TEST(CreateBody, SaysWhatTheCloudHasFieldsForAndNotesTheRest) {
  v1::CreateSandboxRequest request = SomeRequest();
  request.mutable_lifetime()->set_nanos(1);
  request.set_on_expiry(v1::ON_EXPIRY_PAUSE);
  request.set_lifetime_from(v1::LIFETIME_FROM_LAST_USE);
  (*request.mutable_metadata())["job"] = "7";
  (*request.mutable_env())["STAGE"] = "test";
  auto body = CreateBody(SomeOptions(), "acme", request);
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ((*body)["templateID"], "code-interpreter-v1");
  EXPECT_EQ((*body)["timeout"], 91) << "never less than was asked for";
  EXPECT_EQ((*body)["autoPause"], true);
  EXPECT_EQ((*body)["envVars"]["STAGE"], "test");
  EXPECT_EQ((*body)["metadata"]["job"], "7");
  EXPECT_EQ((*body)["metadata"][kTenantNote], "acme");
  EXPECT_THAT((*body)["metadata"][kNotes].get<std::string>(), HasSubstr("data-science"));
}

TEST(CreateBody, NothingIsLetOutWhereNobodyAsks) {
  auto body = CreateBody(SomeOptions(), "", SomeRequest());
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ((*body)["allow_internet_access"], false);
  EXPECT_FALSE(body->contains("network"));
}

TEST(CreateBody, WhatIsAllowedIsAllThatIsLetOut) {
  v1::CreateSandboxRequest request = SomeRequest();
  request.mutable_network()->add_allow()->set_host("pip.test");
  auto body = CreateBody(SomeOptions(), "", request);
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ((*body)["allow_internet_access"], false);
  EXPECT_EQ((*body)["network"]["allowOut"], nlohmann::json::array({"pip.test"}));
  EXPECT_EQ((*body)["network"]["denyOut"], nlohmann::json::array({"0.0.0.0/0"}));
}

TEST(CreateBody, WhatIsDeniedOfAllIsKept) {
  v1::CreateSandboxRequest request = SomeRequest();
  request.mutable_network()->set_preset("internet");
  request.mutable_network()->add_deny()->set_host("203.0.113.0/24");
  auto body = CreateBody(SomeOptions(), "", request);
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ((*body)["allow_internet_access"], true);
  EXPECT_EQ((*body)["network"]["denyOut"], nlohmann::json::array({"203.0.113.0/24"}));
}

void ExpectRefused(const v1::CreateSandboxRequest& request, absl::StatusCode code,
                   const char* field) {
  const absl::Status status = CreateBody(SomeOptions(), "", request).status();
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(field));
}

TEST(CreateBody, WhatTheCloudCannotDoIsNamed) {
  v1::CreateSandboxRequest limits = SomeRequest();
  limits.mutable_limits()->set_pids(17);
  ExpectRefused(limits, absl::StatusCode::kUnimplemented, "limits");
  v1::CreateSandboxRequest ports = SomeRequest();
  ports.mutable_network()->add_allow()->set_host("pip.test");
  ports.mutable_network()->mutable_allow(0)->add_ports()->set_first(443);
  ExpectRefused(ports, absl::StatusCode::kUnimplemented, "network.allow.ports");
  v1::CreateSandboxRequest rate = SomeRequest();
  rate.mutable_network()->set_bytes_per_second(4096);
  ExpectRefused(rate, absl::StatusCode::kUnimplemented, "bytes_per_second");
  v1::CreateSandboxRequest preset = SomeRequest();
  preset.mutable_network()->set_preset("index");
  ExpectRefused(preset, absl::StatusCode::kUnimplemented, "preset");
}

// There what is allowed wins: a policy that counts on the other order would let out what it denies.
TEST(CreateBody, AllowAndDenyTogetherAreRefused) {
  v1::CreateSandboxRequest request = SomeRequest();
  request.mutable_network()->add_allow()->set_host("*.example.com");
  request.mutable_network()->add_deny()->set_host("evil.example.com");
  ExpectRefused(request, absl::StatusCode::kUnimplemented, "network.deny");
}

// Else a client could say that its sandbox is another tenant's.
TEST(CreateBody, MetadataOfOurOwnNamesIsRefused) {
  v1::CreateSandboxRequest request = SomeRequest();
  (*request.mutable_metadata())[kTenantNote] = "other";
  ExpectRefused(request, absl::StatusCode::kInvalidArgument, "metadata");
}

}  // namespace
}  // namespace warren
