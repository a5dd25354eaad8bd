#include "supervisor/gateway/control/create_request.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/gateway/base/sandbox_notes.h"
#include "supervisor/gateway/control/json_fields.h"
#include "supervisor/gateway/control/network_rules.h"

namespace warren {
namespace {

using ::testing::ElementsAre;

CreateDefaults Defaults() {
  CreateDefaults defaults;
  defaults.aliases = {{"code-interpreter-v1", "data-science"}};
  return defaults;
}

absl::StatusOr<v1::CreateSandboxRequest> ReadText(absl::string_view text,
                                                  ApiVersion version = ApiVersion::kV2,
                                                  CreateDefaults defaults = Defaults()) {
  auto body = ParseObject(text);
  if (!body.ok()) return body.status();
  return ReadCreate(*body, version, defaults);
}

SandboxNotes NotesOf(const v1::CreateSandboxRequest& request) {
  v1::Sandbox sandbox;
  *sandbox.mutable_metadata() = request.metadata();
  return ReadNotes(sandbox);
}

TEST(CreateRequestTest, TheServerOwnsTheDefaults) {
  auto request = ReadText(R"({"templateID": "code-interpreter-v1"})");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->template_id(), "data-science");
  EXPECT_EQ(request->lifetime().seconds(), 300);
  EXPECT_EQ(request->lifetime_from(), v1::LIFETIME_FROM_CREATION);
  EXPECT_EQ(request->on_expiry(), v1::ON_EXPIRY_KILL);
  EXPECT_EQ(request->network().preset(), "internet");
  EXPECT_TRUE(NotesOf(*request).secured);
  EXPECT_EQ(NotesOf(*request).alias, "code-interpreter-v1");
}

TEST(CreateRequestTest, TheFirstGenerationHasOthers) {
  auto request = ReadText(R"({"templateID": "base"})", ApiVersion::kV1);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->lifetime().seconds(), 15);
  EXPECT_FALSE(NotesOf(*request).secured);
  auto secure = ReadText(R"({"templateID": "base", "secure": true})", ApiVersion::kV1);
  EXPECT_TRUE(NotesOf(*secure).secured);
}

TEST(CreateRequestTest, TakesWhatIsAskedFor) {
  auto request = ReadText(R"({"templateID": "base", "timeout": 60, "metadata": {"a": "b"},
      "envVars": {"X": "1"}, "autoPause": true, "autoResume": {"enabled": true},
      "network": {"allowPublicTraffic": false, "maskRequestHost": "localhost:${PORT}"}})");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->lifetime().seconds(), 60);
  EXPECT_EQ(request->metadata().at("a"), "b");
  EXPECT_EQ(request->env().at("X"), "1");
  EXPECT_EQ(request->on_expiry(), v1::ON_EXPIRY_PAUSE);
  const SandboxNotes notes = NotesOf(*request);
  EXPECT_TRUE(notes.auto_resume);
  EXPECT_FALSE(notes.public_traffic);
  EXPECT_EQ(notes.masked_host, "localhost:${PORT}");
}

TEST(CreateRequestTest, RefusesWithTheFieldsName) {
  const std::pair<const char*, const char*> refused[] = {
      {R"({})", "templateID"},
      {R"({"templateID": 7})", "templateID"},
      {R"({"templateID": "base", "timeout": "x"})", "timeout"},
      {R"({"templateID": "base", "timeout": 0})", "timeout"},
      {R"({"templateID": "base", "timeout": 86401})", "timeout"},
      {R"({"templateID": "base", "timeout": 18446744073709551615})", "timeout"},
      {R"({"templateID": "base", "timeout": 1.5})", "timeout"},
      {R"({"templateID": "base", "metadata": {"a": 1}})", "metadata"},
      {R"({"templateID": "base", "metadata": []})", "metadata"},
      {R"({"templateID": "base", "metadata": {"warren.e2b": "{}"}})", "warren."},
      {R"({"templateID": "base", "envVars": "x"})", "envVars"},
      {R"({"templateID": "base", "autoResume": true})", "autoResume"},
      {R"({"templateID": "base", "network": {"allowOut": "x"}})", "allowOut"},
      {R"([])", "JSON object"},
      {R"({"templateID": )", "JSON object"},
  };
  for (const auto& [text, named] : refused) {
    auto request = ReadText(text);
    ASSERT_FALSE(request.ok()) << text;
    EXPECT_TRUE(absl::IsInvalidArgument(request.status())) << text;
    EXPECT_NE(request.status().message().find(named), absl::string_view::npos) << request.status();
  }
}

TEST(CreateRequestTest, SaysWhatItHasNot) {
  for (const char* text :
       {R"({"templateID": "base", "volumeMounts": [{"name": "v", "path": "/v"}]})",
        R"({"templateID": "base", "mcp": {"x": {}}})",
        R"({"templateID": "base", "autoPauseMemory": false})",
        R"({"templateID": "base", "network": {"egressProxy": {"address": "x"}}})",
        R"({"templateID": "base", "network": {"rules": {"h": []}}})"}) {
    EXPECT_TRUE(absl::IsUnimplemented(ReadText(text).status())) << text;
  }
  EXPECT_TRUE(ReadText(R"({"templateID": "base", "volumeMounts": [], "mcp": null})").ok());
}

TEST(CreateRequestTest, WhatIsNestedDeeplyIsRefused) {
  for (const char* field : {"autoResume", "network", "metadata", "none"}) {
    const std::string deep = absl::StrCat(R"({"templateID": "base", ")", field, R"(": {"x": )",
                                          std::string(300000, '['), std::string(300000, ']'), "}}");
    EXPECT_TRUE(absl::IsInvalidArgument(ReadText(deep).status())) << field;
  }
}

TEST(CreateRequestTest, WhatHasTooManyValuesIsRefused) {
  const auto read = [](size_t objects) {
    std::string many = R"({"templateID": "base", "none": [)";
    for (size_t i = 0; i < objects; ++i) many += "{},";
    return ParseObject(many + "1]}").status();
  };
  EXPECT_TRUE(read(90'000).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(read(100'000)));
}

TEST(CreateRequestTest, AMaskedHostIsNoLineOfAHeader) {
  EXPECT_TRUE(
      ReadText(R"({"templateID": "base", "network": {"maskRequestHost": "h:${PORT}"}})").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(
      ReadText(R"({"templateID": "base", "network": {"maskRequestHost": "h\r\nX-A: 1"}})")
          .status()));
}

TEST(CreateRequestTest, WithoutANetworkNoneIsAskedFor) {
  CreateDefaults none = Defaults();
  none.network = false;
  auto request =
      ReadText(R"({"templateID": "base", "allow_internet_access": true})", ApiVersion::kV1, none);
  ASSERT_TRUE(request.ok());
  EXPECT_FALSE(request->has_network());
  EXPECT_FALSE(NotesOf(*request).internet);
  auto closed = ReadText(R"({"templateID": "base", "allow_internet_access": false})");
  EXPECT_FALSE(closed->has_network());
}

TEST(NetworkRulesTest, DeniesEverythingButWhatIsAllowed) {
  auto network =
      ParseObject(R"({"allowOut": ["pip.test", "203.0.113.7"], "denyOut": ["0.0.0.0/0"]})");
  auto egress = ReadEgress(*network);
  ASSERT_TRUE(egress.ok());
  const v1::NetworkPolicy policy = ToNetworkPolicy(*egress);
  EXPECT_EQ(policy.preset(), "none");
  ASSERT_EQ(policy.allow_size(), 2);
  EXPECT_EQ(policy.allow(0).host(), "pip.test");
  EXPECT_EQ(policy.deny_size(), 0);
}

TEST(NetworkRulesTest, TheInternetWithoutWhatIsDenied) {
  auto network = ParseObject(R"({"denyOut": ["198.51.100.0/24"]})");
  const v1::NetworkPolicy policy = ToNetworkPolicy(*ReadEgress(*network));
  EXPECT_EQ(policy.preset(), "internet");
  EXPECT_EQ(policy.deny(0).host(), "198.51.100.0/24");
}

TEST(NetworkRulesTest, AreToldAsTheyWereGiven) {
  for (const char* text :
       {R"({"allowOut": ["pip.test", "203.0.113.7"], "denyOut": ["0.0.0.0/0"]})",
        R"({"denyOut": ["198.51.100.0/24"]})", R"({"allowOut": ["pip.test"]})", R"({})"}) {
    auto given = ReadEgress(*ParseObject(text));
    const E2bEgress told = ToEgress(ToNetworkPolicy(*given));
    EXPECT_EQ(told.allow_out, given->allow_out) << text;
    EXPECT_EQ(told.deny_out, given->deny_out) << text;
  }
  E2bEgress closed;
  closed.internet = false;
  EXPECT_THAT(ToEgress(ToNetworkPolicy(closed)).deny_out, ElementsAre("0.0.0.0/0"));
}

TEST(SandboxNotesTest, AreReadBackAndDefaultWhereTheyAreNone) {
  SandboxNotes notes;
  notes.secured = false;
  notes.auto_resume = true;
  notes.public_traffic = false;
  notes.alias = "na\"me";
  notes.internet = false;
  v1::Sandbox sandbox;
  WriteNotes(notes, *sandbox.mutable_metadata());
  const SandboxNotes read = ReadNotes(sandbox);
  EXPECT_FALSE(read.secured);
  EXPECT_TRUE(read.auto_resume);
  EXPECT_FALSE(read.public_traffic);
  EXPECT_EQ(read.alias, "na\"me");
  EXPECT_FALSE(read.internet);
  for (const char* broken : {"", "[]", "{", "{\"secured\": 1}"}) {
    (*sandbox.mutable_metadata())["warren.e2b"] = broken;
    EXPECT_TRUE(ReadNotes(sandbox).secured) << broken;
  }
  sandbox.clear_metadata();
  EXPECT_FALSE(ReadNotes(sandbox).public_traffic) << "another door's: nobody asked for open ports";
}

}  // namespace
}  // namespace warren
