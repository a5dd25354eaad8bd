#include "supervisor/gateway/interpreter/interpreter_request.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(InterpreterRequestTest, TakesItsFields) {
  const auto request = ParseInterpreterRequest(
      R"({"code": "a\n\u00e4", "context_id": "c", "language": " JS ", "cwd": "/x",)"
      R"( "env_vars": {"A": "1", "B": ""}})");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->code, "a\n\xc3\xa4");
  EXPECT_EQ(request->context_id, "c");
  EXPECT_EQ(request->language, "javascript");
  EXPECT_EQ(request->cwd, "/x");
  EXPECT_THAT(request->env_vars, ElementsAre(Pair("A", "1"), Pair("B", "")));
}

TEST(InterpreterRequestTest, WhatIsNotSaidIsEmpty) {
  for (const char* body : {"", "{}", R"({"code": null, "language": null, "env_vars": null})"}) {
    const auto request = ParseInterpreterRequest(body);
    ASSERT_TRUE(request.ok()) << body;
    EXPECT_EQ(request->code, "");
    EXPECT_EQ(request->language, "");
    EXPECT_TRUE(request->env_vars.empty());
  }
}

TEST(InterpreterRequestTest, PassesOverWhatItDoesNotKnow) {
  const auto request = ParseInterpreterRequest(
      R"({"x": {"code": "no", "env_vars": {"N": "o"}}, "y": [[{"code": 1}], 2], "code": "yes",)"
      R"( "z": 1.5})");
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->code, "yes");
  EXPECT_TRUE(request->env_vars.empty());
  const std::string deep = absl::StrCat(R"({"x": )", std::string(1 << 20, '['),
                                        std::string(1 << 20, ']'), R"(, "code": "c"})");
  EXPECT_EQ(ParseInterpreterRequest(deep)->code, "c");
}

TEST(InterpreterRequestTest, NamesTheFieldThatIsWrong) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"code": 1})", "code"},
      {R"({"code": ["x"]})", "code"},
      {R"({"context_id": {}})", "context_id"},
      {R"({"env_vars": []})", "env_vars"},
      {R"({"env_vars": "x"})", "env_vars"},
      {R"({"env_vars": {"A": 1}})", "env_vars"},
      {R"({"env_vars": {"A": null}})", "env_vars"},
      {R"({"env_vars": {"A": {}}})", "env_vars"},
      {R"({"env_vars": {"A": []}})", "env_vars"},
      {"[]", "no JSON object"},
      {"\"code\"", "no JSON object"},
      {"null", "no JSON object"},
      {"{", "no JSON"},
      {"{} {}", "no JSON"},
      {R"({"code": "\ud800"})", "no JSON"},
      {"{\"code\": \"\xff\"}", "no JSON"},
  };
  for (const auto& [body, told] : wrong) {
    const auto request = ParseInterpreterRequest(body);
    EXPECT_EQ(request.status().code(), absl::StatusCode::kInvalidArgument) << body;
    EXPECT_THAT(std::string(request.status().message()), HasSubstr(told)) << body;
  }
}

TEST(InterpreterRequestTest, BoundsItsVariables) {
  std::string body = R"({"env_vars": {)";
  for (size_t i = 0; i <= kMaxEnvVars; ++i)
    absl::StrAppend(&body, i == 0 ? "" : ",", "\"V", i, "\":\"\"");
  EXPECT_FALSE(ParseInterpreterRequest(body + "}}").ok());
}

}  // namespace
}  // namespace warren
