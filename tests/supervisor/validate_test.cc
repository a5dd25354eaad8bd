#include "supervisor/backend/validate.h"

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::CreateSandboxRequest;
using warren::v1::ExecuteCodeRequest;
using warren::v1::RunScriptRequest;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(ValidateCreateTest, FillsTheDefaultLifetimeIn) {
  CreateSandboxRequest request;
  ASSERT_TRUE(ValidateCreate(request).ok());
  EXPECT_EQ(ToDuration(request.lifetime()), absl::Hours(1));
  EXPECT_EQ(request.lifetime_from(), warren::v1::LIFETIME_FROM_LAST_USE);
  EXPECT_EQ(request.on_expiry(), warren::v1::ON_EXPIRY_KILL);
}

TEST(ValidateCreateTest, BoundsTheLifetime) {
  CreateSandboxRequest request;
  for (absl::Duration fits : {absl::Seconds(1), absl::Hours(24)}) {
    *request.mutable_lifetime() = ToProto(fits);
    EXPECT_TRUE(ValidateCreate(request).ok()) << fits;
  }
  for (absl::Duration bad : {absl::Milliseconds(999), absl::Hours(24) + absl::Nanoseconds(1)}) {
    *request.mutable_lifetime() = ToProto(bad);
    absl::Status status = ValidateCreate(request);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << bad;
    EXPECT_THAT(Message(status), HasSubstr("from 1s to 24h"));
  }
}

TEST(ValidateCreateTest, SurvivesSecondsBeyondEveryRange) {
  CreateSandboxRequest request;
  for (int64_t seconds :
       {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min(), int64_t{-1}}) {
    request.mutable_lifetime()->set_seconds(seconds);
    EXPECT_TRUE(absl::IsInvalidArgument(ValidateCreate(request))) << seconds;
  }
}

TEST(ValidateCreateTest, BoundsMetadata) {
  CreateSandboxRequest request;
  auto& metadata = *request.mutable_metadata();
  metadata[std::string(128, 'k')] = std::string(1024, 'v');
  EXPECT_TRUE(ValidateCreate(request).ok());
  metadata[""] = "v";
  EXPECT_TRUE(absl::IsInvalidArgument(ValidateCreate(request)));
  metadata.clear();
  metadata["k"] = std::string(1025, 'v');
  EXPECT_TRUE(absl::IsInvalidArgument(ValidateCreate(request)));
  metadata.clear();
  for (int i = 0; i < 65; ++i) metadata[absl::StrCat(i)] = "";
  EXPECT_TRUE(absl::IsInvalidArgument(ValidateCreate(request)));
}

TEST(ValidateCreateTest, RefusesChoicesThatThereAreNot) {
  CreateSandboxRequest request;
  request.set_lifetime_from(static_cast<warren::v1::LifetimeFrom>(7));
  EXPECT_THAT(Message(ValidateCreate(request)), HasSubstr("lifetime_from is 7"));
  request.set_lifetime_from(warren::v1::LIFETIME_FROM_CREATION);
  request.set_on_expiry(static_cast<warren::v1::OnExpiry>(-1));
  EXPECT_THAT(Message(ValidateCreate(request)), HasSubstr("on_expiry is -1"));
  request.set_on_expiry(warren::v1::ON_EXPIRY_PAUSE);
  ASSERT_TRUE(ValidateCreate(request).ok());
  EXPECT_EQ(request.lifetime_from(), warren::v1::LIFETIME_FROM_CREATION) << "as it was";
  EXPECT_EQ(request.on_expiry(), warren::v1::ON_EXPIRY_PAUSE);
}

TEST(ValidateCreateTest, BoundsTheRequestId) {
  CreateSandboxRequest request;
  request.set_request_id(std::string(128, 'r'));
  EXPECT_TRUE(ValidateCreate(request).ok());
  request.set_request_id(std::string(129, 'r'));
  EXPECT_THAT(Message(ValidateCreate(request)), HasSubstr("request_id has 129 bytes"));
}

TEST(ValidateCreateTest, BoundsTheEnvironment) {
  CreateSandboxRequest request;
  auto& env = *request.mutable_env();
  env["_PATH9"] = "any \xc3\xa4 value = of\nlines";
  EXPECT_TRUE(ValidateCreate(request).ok());
  for (const char* bad : {"", "9A", "A-B", "A=B", "A B", "\xc3\xa4"}) {
    env.clear();
    env[bad] = "v";
    EXPECT_THAT(Message(ValidateCreate(request)), HasSubstr("env has the name")) << bad;
  }
  env.clear();
  env["A"] = std::string("x\0y", 3);
  EXPECT_THAT(Message(ValidateCreate(request)), HasSubstr("the value of A contains a NUL"));
  env["A"] = std::string((64 << 10) - 1, 'v');
  EXPECT_TRUE(ValidateCreate(request).ok());
  env["A"] += 'v';
  EXPECT_THAT(Message(ValidateCreate(request)), HasSubstr("env has 65537 bytes"));
  env.clear();
  for (int i = 0; i < 129; ++i) env[absl::StrCat("A", i)] = "";
  EXPECT_THAT(Message(ValidateCreate(request)), HasSubstr("env has 129 entries"));
}

TEST(ValidateCreateTest, LooksAtTheNetworkPolicy) {
  CreateSandboxRequest request;
  request.mutable_network()->set_preset("internet");
  request.mutable_network()->add_allow()->set_host("pip.test");
  EXPECT_TRUE(ValidateCreate(request).ok());
  EXPECT_EQ(request.network().preset(), "internet") << "as it was";
  request.mutable_network()->set_bytes_per_second(1023);
  absl::Status refused = ValidateCreate(request);
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(Message(refused), HasSubstr("network.bytes_per_second"));
}

TEST(ValidateSetNetworkTest, LooksAtThePolicy) {
  warren::v1::SetSandboxNetworkRequest request;
  EXPECT_TRUE(ValidateSetNetwork(request).ok()) << "unset: nothing is let out";
  request.mutable_network()->add_deny()->set_host("");
  absl::Status refused = ValidateSetNetwork(request);
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(Message(refused), HasSubstr("network.deny[0].host"));
}

TEST(ValidateExecuteTest, FillsTheDefaultsIn) {
  ExecuteCodeRequest request;
  ASSERT_TRUE(ValidateExecute(request).ok());
  EXPECT_EQ(ToDuration(request.timeout()), absl::Seconds(60));
  EXPECT_EQ(request.max_output_bytes(), 0) << "the sandbox's limit";
  EXPECT_TRUE(request.store_history());
  ExecuteCodeRequest silent;
  silent.set_silent(true);
  ASSERT_TRUE(ValidateExecute(silent).ok());
  EXPECT_TRUE(silent.has_store_history());
  EXPECT_FALSE(silent.store_history());
}

TEST(ValidateExecuteTest, KeepsWhatIsSet) {
  ExecuteCodeRequest request;
  *request.mutable_timeout() = ToProto(absl::Milliseconds(1));
  request.set_max_output_bytes(1);
  request.set_store_history(false);
  ASSERT_TRUE(ValidateExecute(request).ok());
  EXPECT_EQ(ToDuration(request.timeout()), absl::Milliseconds(1));
  EXPECT_EQ(request.max_output_bytes(), 1);
  EXPECT_FALSE(request.store_history());
}

TEST(ValidateExecuteTest, RefusesCodeThatNoInterpreterTakes) {
  ExecuteCodeRequest request;
  request.set_code(std::string(1 << 20, '#'));
  EXPECT_TRUE(ValidateExecute(request).ok());
  request.set_code(std::string((1 << 20) + 1, '#'));
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("1048577 bytes"));
  request.set_code("x = '\xff'");
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("UTF-8"));
  request.set_code(std::string("x\0y", 3));
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("NUL"));
}

TEST(ValidateExecuteTest, BoundsTimeoutAndOutput) {
  ExecuteCodeRequest request;
  *request.mutable_timeout() = ToProto(absl::Nanoseconds(999'999));
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("timeout"));
  request.clear_timeout();
  for (int64_t bytes : {int64_t{-1}, (int64_t{16} << 30) + 1}) {
    request.set_max_output_bytes(bytes);
    EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("max_output_bytes")) << bytes;
  }
}

TEST(ValidateExecuteTest, BoundsUserExpressions) {
  ExecuteCodeRequest request;
  auto& expressions = *request.mutable_user_expressions();
  expressions[std::string(128, 'n')] = std::string(64 << 10, '1');
  EXPECT_TRUE(ValidateExecute(request).ok());
  expressions["one more"] = "1";
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("65537 bytes"));
  expressions.clear();
  expressions[std::string(129, 'n')] = "";
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("a name of 129 bytes"));
  expressions.clear();
  for (int i = 0; i < 65; ++i) expressions[absl::StrCat(i)] = "";
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("65 entries"));
}

TEST(ValidateExecuteTest, SaysWhatIsNotBuilt) {
  ExecuteCodeRequest request;
  request.set_allow_stdin(true);
  EXPECT_TRUE(absl::IsUnimplemented(ValidateExecute(request)));
}

TEST(ValidateExecuteTest, InputFilesHaveBounds) {
  ExecuteCodeRequest request;
  request.add_input_files()->set_path("a/b.csv");
  request.mutable_input_files(0)->set_data(std::string(2 << 20, 'x'));
  EXPECT_TRUE(ValidateExecute(request).ok());
  request.add_input_files()->set_path("/c");
  request.mutable_input_files(1)->set_data("y");
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("input_files have 2097153 bytes"));
  request.mutable_input_files(0)->clear_data();
  for (const std::string& path :
       {std::string(), std::string(4096, 'p'), std::string("a\0b", 3), std::string("\xff")}) {
    request.mutable_input_files(1)->set_path(path);
    EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("input_files[1].path ")) << path;
  }
  request.mutable_input_files(1)->set_path(std::string(4095, 'p'));
  EXPECT_TRUE(ValidateExecute(request).ok());
  while (request.input_files_size() < 65) request.add_input_files()->set_path("f");
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("input_files has 65 entries"));
}

TEST(ValidateExecuteTest, OutputFilesHaveBounds) {
  ExecuteCodeRequest request;
  request.add_output_files("**/*.csv");
  EXPECT_TRUE(ValidateExecute(request).ok());
  request.add_output_files("");
  for (const std::string& pattern :
       {std::string(), std::string(1025, '*'), std::string("a\0b", 3), std::string("\xff")}) {
    request.set_output_files(1, pattern);
    EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("output_files[1] ")) << pattern;
  }
  request.set_output_files(1, std::string(1024, '*'));
  EXPECT_TRUE(ValidateExecute(request).ok());
  while (request.output_files_size() < 17) request.add_output_files(std::string(2, 'f'));
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("output_files has 17 patterns"));
}

TEST(ValidateExecuteTest, EnvHasNamesAndBounds) {
  ExecuteCodeRequest request;
  (*request.mutable_env())["_A1"] = "any\nvalue";
  EXPECT_TRUE(ValidateExecute(request).ok());
  EXPECT_EQ(request.on_disconnect(), warren::v1::ON_DISCONNECT_CANCEL);
  for (const char* name : {"", "1A", "A-B", "A=", "Ä"}) {
    ExecuteCodeRequest bad;
    (*bad.mutable_env())[name] = "x";
    EXPECT_THAT(Message(ValidateExecute(bad)), HasSubstr("env")) << name;
  }
  ExecuteCodeRequest nul;
  (*nul.mutable_env())["A"] = std::string("a\0b", 3);
  EXPECT_THAT(Message(ValidateExecute(nul)), HasSubstr("NUL"));
  ExecuteCodeRequest large;
  (*large.mutable_env())["A"] = std::string(64 << 10, 'x');
  EXPECT_THAT(Message(ValidateExecute(large)), HasSubstr("bytes"));
  ExecuteCodeRequest many;
  for (int i = 0; i < 129; ++i) (*many.mutable_env())[absl::StrCat("A", i)] = "";
  EXPECT_THAT(Message(ValidateExecute(many)), HasSubstr("129"));
}

TEST(ValidateExecuteTest, RequestIdAndGoingHaveBounds) {
  ExecuteCodeRequest request;
  request.set_request_id(std::string(129, 'r'));
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("request_id"));
  request.clear_request_id();
  request.set_on_disconnect(static_cast<warren::v1::OnDisconnect>(9));
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("on_disconnect"));
  request.clear_on_disconnect();
  request.set_display_style(static_cast<warren::v1::DisplayStyle>(9));
  EXPECT_THAT(Message(ValidateExecute(request)), HasSubstr("display_style"));
}

TEST(ValidateCreateContextTest, FillsInPythonAndNamesTheField) {
  warren::v1::CreateContextRequest request;
  EXPECT_TRUE(ValidateCreateContext(request).ok());
  EXPECT_EQ(request.language(), "python");
  request.set_language(std::string(33, 'x'));
  EXPECT_THAT(Message(ValidateCreateContext(request)), HasSubstr("language"));
  request.set_language("bash");
  request.set_working_directory(std::string(4097, '/'));
  EXPECT_THAT(Message(ValidateCreateContext(request)), HasSubstr("working_directory"));
  request.set_working_directory(std::string("a\0", 2));
  EXPECT_THAT(Message(ValidateCreateContext(request)), HasSubstr("NUL"));
  request.clear_working_directory();
  (*request.mutable_env())["A B"] = "";
  EXPECT_THAT(Message(ValidateCreateContext(request)), HasSubstr("env"));
}

TEST(ValidateRunScriptTest, FillsTheDefaultsIn) {
  RunScriptRequest request;
  request.set_source("");
  ASSERT_EQ(ValidateRunScript(request), absl::OkStatus());
  EXPECT_EQ(request.language(), "python");
  EXPECT_EQ(request.working_directory(), "/home/user");
  EXPECT_EQ(ToDuration(request.timeout()), absl::Seconds(60));
  EXPECT_EQ(request.on_disconnect(), warren::v1::ON_DISCONNECT_CANCEL);
  // An absolute path is no option of the interpreter's.
  request.set_path("-c");
  request.set_working_directory("sub");
  ASSERT_EQ(ValidateRunScript(request), absl::OkStatus());
  EXPECT_EQ(request.path(), "/home/user/sub/-c");
}

TEST(ValidateRunScriptTest, TheEndOfThePathSaysTheLanguage) {
  for (const auto& [path, language] :
       std::vector<std::pair<std::string, std::string>>{{"/a.py", "python"},
                                                        {"/a.sh", "bash"},
                                                        {"/a.js", "javascript"},
                                                        {"/a.mjs", "javascript"},
                                                        {"/a", "python"},
                                                        {"/a.sh/b", "python"}}) {
    RunScriptRequest request;
    request.set_path(path);
    ASSERT_EQ(ValidateRunScript(request), absl::OkStatus());
    EXPECT_EQ(request.language(), language) << path;
  }
}

TEST(ValidateRunScriptTest, EachFieldHasItsBounds) {
  auto refused = [](const std::string& field, const std::function<void(RunScriptRequest&)>& set) {
    RunScriptRequest request;
    request.set_source("1");
    ASSERT_EQ(ValidateRunScript(request), absl::OkStatus());
    set(request);
    const absl::Status status = ValidateRunScript(request);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << field << ": " << status;
    EXPECT_THAT(Message(status), HasSubstr(field));
  };
  const std::string nul("/a\0b", 4);
  refused("script", [](auto& request) { request.clear_source(); });
  refused("source", [](auto& request) { request.set_source(std::string((1 << 20) + 1, '#')); });
  refused("path", [](auto& request) { request.set_path(""); });
  refused("path", [&](auto& request) { request.set_path(nul); });
  refused("path", [](auto& request) { request.set_path(std::string(4090, 'p')); });
  refused("arguments", [](auto& request) {
    for (int i = 0; i < 1025; ++i) request.add_arguments("");
  });
  refused("arguments", [](auto& request) { request.add_arguments(std::string(129 << 10, 'a')); });
  refused("arguments", [&](auto& request) { request.add_arguments(nul); });
  refused("timeout", [](auto& request) { request.mutable_timeout()->set_seconds(-1); });
  refused("language", [](auto& request) { request.set_language(std::string(33, 'l')); });
  refused("standard_input",
          [](auto& request) { request.set_standard_input(std::string((1 << 20) + 1, 'i')); });
  refused("env", [](auto& request) { (*request.mutable_env())["1"] = ""; });
  refused("working_directory", [&](auto& request) { request.set_working_directory(nul); });
  refused("max_output_bytes", [](auto& request) { request.set_max_output_bytes(-1); });
  refused("user", [](auto& request) { request.set_user("nobody"); });
  refused("request_id", [](auto& request) { request.set_request_id(std::string(129, 'r')); });
  refused("on_disconnect",
          [](auto& request) { request.set_on_disconnect(static_cast<v1::OnDisconnect>(9)); });
}

TEST(ValidateConnectTest, NamesTheField) {
  warren::v1::ConnectExecutionRequest request;
  EXPECT_TRUE(ValidateConnect(request).ok());
  request.set_after_sequence(-1);
  EXPECT_THAT(Message(ValidateConnect(request)), HasSubstr("after_sequence"));
}

TEST(ValidateLifetimeTest, HasNoDefault) {
  warren::v1::SetSandboxLifetimeRequest request;
  EXPECT_THAT(Message(ValidateLifetime(request)), HasSubstr("missing"));
  *request.mutable_lifetime() = ToProto(absl::Seconds(1));
  EXPECT_TRUE(ValidateLifetime(request).ok());
  *request.mutable_lifetime() = ToProto(absl::ZeroDuration());
  EXPECT_TRUE(absl::IsInvalidArgument(ValidateLifetime(request)));
}

TEST(ValidateLifetimeTest, ChoicesStayAsTheyWere) {
  warren::v1::SetSandboxLifetimeRequest request;
  *request.mutable_lifetime() = ToProto(absl::Seconds(1));
  ASSERT_TRUE(ValidateLifetime(request).ok());
  EXPECT_EQ(request.lifetime_from(), warren::v1::LIFETIME_FROM_UNSPECIFIED);
  request.set_on_expiry(static_cast<warren::v1::OnExpiry>(9));
  EXPECT_THAT(Message(ValidateLifetime(request)), HasSubstr("on_expiry"));
}

TEST(ValidateResumeTest, BoundsTheLifetime) {
  warren::v1::ResumeSandboxRequest request;
  EXPECT_TRUE(ValidateResume(request).ok());
  EXPECT_FALSE(request.has_lifetime());
  *request.mutable_lifetime() = ToProto(absl::Hours(25));
  EXPECT_THAT(Message(ValidateResume(request)), HasSubstr("lifetime is 25h"));
}

TEST(ValidateListTest, NamesTheFilterThatIsNone) {
  warren::v1::ListSandboxesRequest request;
  request.add_states(warren::v1::Sandbox::DEAD);
  request.mutable_created_after()->set_seconds(1'700'000'000);
  EXPECT_TRUE(ValidateList(request).ok());
  request.add_states(warren::v1::Sandbox::STATE_UNSPECIFIED);
  EXPECT_THAT(Message(ValidateList(request)), HasSubstr("states[1] is 0"));
  request.set_states(1, static_cast<warren::v1::Sandbox::State>(17));
  EXPECT_THAT(Message(ValidateList(request)), HasSubstr("states[1] is 17"));
  request.clear_states();
  request.mutable_created_after()->set_nanos(-1);
  EXPECT_THAT(Message(ValidateList(request)), HasSubstr("created_after"));
  request.mutable_created_after()->set_nanos(0);
  request.mutable_created_after()->set_seconds(std::numeric_limits<int64_t>::max());
  EXPECT_THAT(Message(ValidateList(request)), HasSubstr("created_after"));
  request.clear_created_after();
  request.set_template_id(std::string(129, 't'));
  EXPECT_THAT(Message(ValidateList(request)), HasSubstr("template_id has 129 bytes"));
  request.clear_template_id();
  (*request.mutable_metadata())[""] = "v";
  EXPECT_THAT(Message(ValidateList(request)), HasSubstr("metadata"));
}

TEST(ValidateListTest, BoundsThePage) {
  warren::v1::ListSandboxesRequest request;
  ASSERT_TRUE(ValidateList(request).ok());
  EXPECT_EQ(request.page_size(), 100);
  for (int32_t bad : {-1, 1001}) {
    request.set_page_size(bad);
    EXPECT_THAT(Message(ValidateList(request)), HasSubstr("page_size"));
  }
}

}  // namespace
}  // namespace warren
