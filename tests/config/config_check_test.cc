// What is wrong with backends by themselves, each complaint with its place.
#include "supervisor/config/config_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/config/config_testing.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kTemplate[] = R"(templates { template_id: "base" cloud_template: "b" })";

// A backend in one line, which begins at 1:1: its kind at 1:24.
std::string One(const std::string& kind) {
  return absl::StrCat("backends { name: \"one\" ", kind, " }");
}
std::vector<std::string> ProblemsOfOne(const std::string& kind) { return ProblemsOf(One(kind)); }

// A cloud whose key, templates and closing brackets stand in the first line; `rest` is the second.
std::vector<std::string> ProblemsOfCloud(const std::string& rest) {
  return ProblemsOf(absl::StrCat(R"(backends { name: "one" e2b { key { file: "/k" } )", kTemplate,
                                 "\n", rest, "\n} }"));
}
std::vector<std::string> ProblemsOfRemote(const std::string& rest) {
  return ProblemsOf(
      absl::StrCat("backends { name: \"one\" remote { address: \"h:1\"\n", rest, "\n} }"));
}

TEST(ConfigCheckTest, WhatCannotBeParsedIsToldWithItsPlace) {
  EXPECT_THAT(
      ProblemsOf("backends {\n  nam: \"x\"\n}"),
      ElementsAre("2:6: Message type \"warren.config.Backend\" has no field named \"nam\""));
  EXPECT_THAT(
      ProblemsOf("backends {\n  name: \"x\"\n  name: \"y\"\n}"),
      ElementsAre(HasSubstr("3:7: Non-repeated field \"name\" is specified multiple times")));
  EXPECT_THAT(ProblemsOf("backends {"), ElementsAre(StartsWith("1:11: ")));
  EXPECT_THAT(ProblemsOf(One("local {} remote {}")), ElementsAre(HasSubstr("oneof \"kind\"")));
}

TEST(ConfigCheckTest, WhatIsRepeatedOfABrokenTextIsPrintable) {
  for (const char* text :
       {"backends { \x1b[2J }", "backends { name: \"\x1b[2J\" \xff }", "\x01\x02"}) {
    for (const std::string& problem : ProblemsOf(text)) {
      for (char c : problem) EXPECT_TRUE(c >= ' ' && c <= '~') << problem;
    }
    EXPECT_FALSE(ProblemsOf(text).empty());
  }
}

// Names and templates are sent, and protobuf's texts are UTF-8.
TEST(ConfigCheckTest, TextsCanBePrinted) {
  const std::string rule =
      " has characters that cannot be printed; write it without them, as UTF-8";
  EXPECT_THAT(ProblemsOfCloud(R"(templates { template_id: "\377" cloud_template: "x" })"),
              ElementsAre("2:13: \"\\xff\"" + rule));
  EXPECT_THAT(ProblemsOfCloud(R"(templates { template_id: "a\nb" cloud_template: "x" })"),
              ElementsAre("2:13: \"a\\nb\"" + rule));
  EXPECT_THAT(ProblemsOf(One("local {}") + R"(
routes { tenants: "a" template_ids: "x"
template_ids: "\303" to { backend: "one" } })"),
              ElementsAre("3:1: \"\\xc3\"" + rule));
  EXPECT_THAT(ProblemsOfCloud("templates { template_id: \"Entwürfe\" cloud_template: \"x\" }"),
              IsEmpty());
}

TEST(ConfigCheckTest, AFileHasBackends) {
  for (const char* text : {"", "# nothing\n", "default_backend: \"x\""}) {
    EXPECT_THAT(
        ProblemsOf(text),
        ElementsAre("1:1: the file has no backends; write backends { name: \"here\" local {} } "
                    "for this machine alone"));
  }
}

TEST(ConfigCheckTest, ThirtyTwoBackendsAndNoMore) {
  std::string text = "default_backend: \"b0\"\n";
  for (int i = 0; i < kMaxBackends; ++i)
    absl::StrAppend(&text, "backends { name: \"b", i, "\" remote { address: \"h:1\" } }\n");
  EXPECT_THAT(ProblemsOf(text), IsEmpty());
  EXPECT_THAT(ProblemsOf(text + "  backends { name: \"more\" local {} }"),
              ElementsAre("34:3: the file has 33 backends; there can be 32"));
}

TEST(ConfigCheckTest, ABackendHasANameOfItsOwn) {
  EXPECT_THAT(ProblemsOf("\n backends { local {} }"),
              ElementsAre("2:2: the backend has no name; give it one: name: \"cloud\""));
  const std::string rule =
      " cannot be the name of a backend; write 1 to 63 of a-z, 0-9 and -, the first no -";
  for (const std::string& name : {std::string("Cloud"), std::string("-a"), std::string("a_b"),
                                  std::string("a b"), std::string(64, 'a')}) {
    EXPECT_THAT(ProblemsOf("backends { local {} name: \"" + name + "\" }"),
                ElementsAre("1:21: \"" + name + "\"" + rule));
  }
  EXPECT_THAT(ProblemsOf("backends { name: \"" + std::string(63, 'a') + "\" local {} }"),
              IsEmpty());
  EXPECT_THAT(ProblemsOf("default_backend: \"a\"\nbackends { name: \"a\" local {} }\n"
                         "backends { name: \"a\" remote { address: \"h:1\" } }"),
              ElementsAre("3:12: the backend of line 2 is called \"a\" too; give it another name"));
}

TEST(ConfigCheckTest, ABackendHasAKind) {
  EXPECT_THAT(ProblemsOf("\nbackends { name: \"a\" }"),
              ElementsAre("2:1: the backend has no kind; write one of local {}, remote {...}, e2b "
                          "{...}, failover {...}"));
}

TEST(ConfigCheckTest, ThisMachineIsThereOnce) {
  EXPECT_THAT(
      ProblemsOf("default_backend: \"a\"\nbackends { name: \"a\" local {} }\n"
                 "backends { name: \"b\" local {} }"),
      ElementsAre("3:22: this machine is the backend of line 2 already; remove one of them"));
}

TEST(ConfigCheckTest, ARemoteHasAnAddress) {
  EXPECT_THAT(ProblemsOfOne("remote {}"),
              ElementsAre("1:24: the backend has no address; write HOST:PORT, an IPv6 address in "
                          "brackets, or unix:///PATH"));
  EXPECT_THAT(
      ProblemsOfOne("remote { address: \"h\" }"),
      ElementsAre("1:33: \"h\" is no address: it has no port of 1 to 65535; write HOST:PORT, an "
                  "IPv6 address in brackets, or unix:///PATH"));
}

TEST(ConfigCheckTest, AUnixSocketHasNoTls) {
  EXPECT_THAT(ProblemsOfOne("remote { address: \"unix:///s\" tls {} }"),
              ElementsAre("1:54: a Unix socket is served without TLS; remove tls: the socket's "
                          "permissions say who may connect"));
  EXPECT_THAT(ProblemsOfRemote("tls {}"), IsEmpty());
}

// A field, its bounds, and what comes where it is left out.
struct Range {
  const char* before;
  const char* field;
  int64_t least;
  int64_t most;
  const char* otherwise;
  const char* after;
  int column;
};

TEST(ConfigCheckTest, NumbersHaveTheRangesOfTheContract) {
  const Range ranges[] = {
      {"} circuit {", "failures", 1, 100, "3", "", 12},
      {"} circuit {", "retry_ms", 100, 60'000, "2000", "", 12},
      {"} circuit {", "probe_ms", 500, 600'000, "5000", "", 12},
      {"} circuit {", "probe_timeout_ms", 100, 10'000, "500", "", 12},
      {"", "call_connections", 1, 1000, "10", "", 1},
      {"", "cell_connections", 1, 1000, "100", "", 1},
      {"", "stream_connections", 1, 1000, "1000", "", 1},
      {"warm { template_id: \"base\" ", "ready", 0, 64, "0", "}", 28},
      {"budget { file: \"/b\" sandbox_minutes: 1 ", "warn_percent", 1, 100, "80", "}", 40},
      {"budget { file: \"/b\" ", "sandbox_minutes", 1, 1'000'000'000, "", "}", 21},
  };
  for (const Range& range : ranges) {
    auto problems = [&range](int64_t number) {
      return ProblemsOfCloud(absl::StrCat(range.before, range.field, ": ", number, range.after));
    };
    EXPECT_THAT(problems(range.least), IsEmpty()) << range.field;
    EXPECT_THAT(problems(range.most), IsEmpty()) << range.field;
    for (int64_t wrong : {range.least - 1, range.most + 1, int64_t{-7}}) {
      const std::string left_out =
          *range.otherwise == '\0'
              ? ""
              : absl::StrCat(", and is ", range.otherwise, " where it is left out");
      EXPECT_THAT(problems(wrong), ElementsAre(absl::StrCat(
                                       "2:", range.column, ": ", range.field, " is ", wrong,
                                       "; it can be ", range.least, " to ", range.most, left_out)));
    }
  }
  EXPECT_THAT(ProblemsOfRemote("channels: 16"), IsEmpty());
  for (int wrong : {0, 17}) {
    EXPECT_THAT(ProblemsOfRemote(absl::StrCat("channels: ", wrong)),
                ElementsAre(absl::StrCat("2:1: channels is ", wrong,
                                         "; it can be 1 to 16, and is 2 where it is left out")));
  }
}

TEST(ConfigCheckTest, AListHasNoCircuit) {
  EXPECT_THAT(
      ProblemsOf(
          "default_backend: \"a\" backends { name: \"a\" local {} circuit {} }\n"
          "backends { name: \"b\" remote { address: \"h:1\" } }\n"
          "backends { name: \"c\" failover { backends: \"a\" backends: \"b\" } circuit {} }"),
      ElementsAre("3:63: a list has no circuit of its own; write it into the backends that are "
                  "listed"));
}

TEST(ConfigCheckTest, TlsNamesFilesThatBelongTogether) {
  const std::string path = " is not the absolute path of a file; write all of it, from / on";
  EXPECT_THAT(ProblemsOfRemote("tls { ca_file: \"ca.pem\" }"),
              ElementsAre("2:7: \"ca.pem\"" + path));
  EXPECT_THAT(ProblemsOfRemote("tls { ca_file: \"\" }"), ElementsAre("2:7: \"\"" + path));
  EXPECT_THAT(ProblemsOfRemote("tls { certificate_file: \"c\"\nkey_file: \"k\" }"),
              ElementsAre("2:7: \"c\"" + path, "3:1: \"k\"" + path));
  EXPECT_THAT(ProblemsOfRemote("tls { certificate_file: \"/c\" }"),
              ElementsAre("2:7: certificate_file is without its key; write key_file too"));
  EXPECT_THAT(ProblemsOfCloud("tls { key_file: \"/k\" }"),
              ElementsAre("2:7: key_file is without its certificate; write certificate_file too"));
  EXPECT_THAT(
      ProblemsOfCloud("tls { server_name: \"a b\" }"),
      ElementsAre(
          "2:7: \"a b\" cannot be a server's name; write the name that its certificate has"));
  EXPECT_THAT(
      ProblemsOfCloud(
          "tls { ca_file: \"/a\" certificate_file: \"/c\" key_file: \"/k\" server_name: \"w\" }"),
      IsEmpty());
}

TEST(ConfigCheckTest, ASecretHasASource) {
  EXPECT_THAT(
      ProblemsOfRemote(" key {}"),
      ElementsAre("2:2: the secret has no source; write file: \"/PATH\" or environment: \"NAME\""));
  EXPECT_THAT(
      ProblemsOfRemote("key { file: \"e2b.key\" }"),
      ElementsAre(
          "2:7: \"e2b.key\" is not the absolute path of a file; write all of it, from / on"));
  for (const char* name : {"", "$KEY", "1KEY", "A KEY", "K=V"}) {
    EXPECT_THAT(ProblemsOfRemote(absl::StrCat("key { environment: \"", name, "\" }")),
                ElementsAre(absl::StrCat("2:7: \"", name,
                                         "\" cannot be the name of a variable; write the "
                                         "name alone, of letters, digits and _, without $")));
  }
  EXPECT_THAT(ProblemsOfRemote("key { environment: \"E2B_KEY_2\" }"), IsEmpty());
}

TEST(ConfigCheckTest, ACloudHasAKey) {
  EXPECT_THAT(
      ProblemsOfOne(absl::StrCat("e2b { ", kTemplate, " }")),
      ElementsAre("1:24: the cloud has no key; write key { file: \"/PATH\" } or key { environment: "
                  "\"E2B_API_KEY\" }"));
  EXPECT_THAT(
      ProblemsOfOne(absl::StrCat("e2b { key {} ", kTemplate, " }")),
      ElementsAre(
          "1:30: the secret has no source; write file: \"/PATH\" or environment: \"NAME\""));
}

TEST(ConfigCheckTest, ACloudIsADomainOrUrls) {
  EXPECT_THAT(
      ProblemsOfCloud("domain: \"https://e2b.app\""),
      ElementsAre("2:1: \"https://e2b.app\" is no domain; write its name alone: \"e2b.app\""));
  EXPECT_THAT(ProblemsOfCloud("domain: \"\""), ElementsAre(StartsWith("2:1: \"\" is no domain")));
  EXPECT_THAT(ProblemsOfCloud("domain: \"e2b.dev\""), IsEmpty());
  const std::string path = "the URL has a path, a query or a fragment; end it behind the host";
  EXPECT_THAT(ProblemsOfCloud("api_url: \"https://h/\"\nsandbox_url: \"https://h?x\""),
              ElementsAre("2:1: " + path, "3:1: " + path));
  EXPECT_THAT(ProblemsOfCloud("api_url: \"\""),
              ElementsAre("2:1: the URL begins with neither https:// nor http://; write "
                          "\"https://HOST\", with a port where it has one"));
  EXPECT_THAT(
      ProblemsOfCloud("api_url: \"https://h\" sandbox_url: \"http://127.0.0.1:3000\" tls {}"),
      IsEmpty());
  EXPECT_THAT(
      ProblemsOfCloud("api_url: \"http://[::1]:1\" sandbox_url: \"http://localhost:1\"\ntls {}"),
      ElementsAre(
          "3:1: http:// shows and asks for no certificates; remove tls, or write https://"));
}

TEST(ConfigCheckTest, ACloudHasTemplates) {
  EXPECT_THAT(
      ProblemsOfOne("e2b { key { file: \"/k\" } }"),
      ElementsAre("1:24: the cloud has no templates, so nothing can be made there; add templates { "
                  "template_id: \"base\" cloud_template: \"base\" }"));
  EXPECT_THAT(
      ProblemsOfCloud("templates { cloud_template: \"x\" }"),
      ElementsAre("2:1: the template has no template_id; write the name that creates have"));
  EXPECT_THAT(ProblemsOfCloud("templates { template_id: \"base\" cloud_template: \"x\" }"),
              ElementsAre("2:13: the template \"base\" is there twice; remove one of them"));
  EXPECT_THAT(ProblemsOfCloud("templates { template_id: \"" + std::string(300, 'a') +
                              "\" cloud_template: \"x\" }"),
              ElementsAre(StartsWith("2:13: template_id has 300 bytes")));
  const std::string cloud =
      " cannot be one of the cloud's; write cloud_template, the template's id or alias there";
  EXPECT_THAT(ProblemsOfCloud("templates { template_id: \"x\" }"),
              ElementsAre("2:1: \"\"" + cloud));
  EXPECT_THAT(ProblemsOfCloud("templates { template_id: \"x\"\ncloud_template: \"a b\" }"),
              ElementsAre("3:1: \"a b\"" + cloud));
}

TEST(ConfigCheckTest, WhatRefersToTemplatesNamesOneOfThem) {
  const std::string unknown =
      " is not among this backend's templates; add templates { template_id: ... }, or correct the "
      "name";
  EXPECT_THAT(ProblemsOfCloud("default_template: \"bse\""), ElementsAre("2:1: \"bse\"" + unknown));
  EXPECT_THAT(ProblemsOfCloud("warm { template_id: \"bse\" ready: 1 }"),
              ElementsAre("2:8: \"bse\"" + unknown));
  EXPECT_THAT(ProblemsOfCloud("warm { ready: 1 }"), ElementsAre("2:1: \"\"" + unknown));
  EXPECT_THAT(
      ProblemsOfCloud("warm { template_id: \"base\" ready: 1 }\nwarm { template_id: \"base\" }"),
      ElementsAre("3:8: how many of \"base\" are ready is there twice; remove one of them"));
  EXPECT_THAT(ProblemsOfCloud("default_template: \"base\" warm { template_id: \"base\" ready: 1 }"),
              IsEmpty());
}

TEST(ConfigCheckTest, ABudgetHasMinutesAndAFile) {
  EXPECT_THAT(
      ProblemsOfCloud("budget {}"),
      ElementsAre("2:1: sandbox_minutes is missing; write 1 to 1000000000",
                  "2:1: the budget has no file, and would begin anew at each start; write file: "
                  "\"/var/lib/warren/budget\", say"));
  EXPECT_THAT(
      ProblemsOfCloud("budget { sandbox_minutes: 1 file: \"b\" }"),
      ElementsAre("2:29: \"b\" is not the absolute path of a file; write all of it, from / on"));
}

TEST(ConfigCheckTest, TwoBudgetsDoNotShareAFile) {
  auto cloud = [](const std::string& name, const std::string& file) {
    return absl::StrCat("backends { name: \"", name, "\" e2b { key { file: \"/k\" } ", kTemplate,
                        "\nbudget { sandbox_minutes: 5 file: \"", file, "\" } } }\n");
  };
  const std::string text = "default_backend: \"a\"\n" + cloud("a", "/a");
  EXPECT_THAT(ProblemsOf(text + cloud("b", "/b")), IsEmpty());
  EXPECT_THAT(
      ProblemsOf(text + cloud("b", "/a")),
      ElementsAre("5:29: the budget of line 3 is in \"/a\" too; give each a file of its own"));
}

TEST(ConfigCheckTest, APackagePolicyIsANameOrAPath) {
  EXPECT_THAT(ProblemsOfCloud("package_policy: \"strict\""), IsEmpty());
  EXPECT_THAT(ProblemsOfCloud("package_policy: \"/etc/p.textproto\""), IsEmpty());
  EXPECT_THAT(
      ProblemsOfCloud("package_policy: \"./p\""),
      ElementsAre("2:1: \"./p\" is not the absolute path of a file; write all of it, from / on"));
  EXPECT_THAT(
      ProblemsOfCloud("package_policy: \"a.textproto\""),
      ElementsAre("2:1: \"a.textproto\" is no name of a policy; write one of a-z, 0-9 and -, or "
                  "the absolute path of a file"));
}

}  // namespace
}  // namespace warren
