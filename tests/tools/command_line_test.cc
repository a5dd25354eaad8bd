#include "tools/warren/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/warren/completion/scripts.h"
#include "tools/warren/completion/tables.h"
#include "tools/warren/exit_code.h"

namespace warren {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

// What a line says on standard error, with its exit code. No server listens where it looks.
std::pair<int, std::string> RunLine(std::vector<std::string> arguments) {
  ::setenv("WARREN_ADDRESS", "unix:///nowhere/warren.sock", 1);
  CommandLine line;
  CaptureStderr();
  CaptureStdout();
  int exit_code = line.Run(std::move(arguments));
  GetCapturedStdout();
  return {exit_code, GetCapturedStderr()};
}

TEST(CommandLine, EveryCommandExplainsItself) {
  CommandLine line;
  for (const CompletionCommand& command : DescribeCommands(line.app())) {
    EXPECT_FALSE(command.description.empty()) << command.path;
    std::set<std::string> names;
    for (const CompletionOption& option : command.options) {
      EXPECT_FALSE(option.description.empty()) << command.path << " " << option.names.front();
      for (const std::string& name : option.names) {
        EXPECT_TRUE(names.insert(name).second) << command.path << " " << name;
      }
    }
  }
}

TEST(CommandLine, EveryCommandThatAsksAServerHasJson) {
  CommandLine line;
  for (const CompletionCommand& command : DescribeCommands(line.app())) {
    std::set<std::string> names;
    for (const CompletionOption& option : command.options) {
      names.insert(option.names.begin(), option.names.end());
    }
    if (names.count("--address") != 0) {
      EXPECT_THAT(names, Contains("--json")) << command.path;
    }
  }
}

TEST(CommandLine, RefusesWhatItCannotMean) {
  const std::vector<std::vector<std::string>> lines = {
      {"run"},
      {"run", "--"},
      {"run", "ls"},
      {"run", "--detach", "--", "ls"},
      {"run", "--sandbox", "sb1", "--memory", "1G", "--", "ls"},
      {"run", "--env", "NOVALUE", "--", "ls"},
      {"shell", "sb1", "--template", "base"},
      {"script"},
      {"script", "--path", "/x"},
      {"script", "x.py", "--sandbox", "sb1", "--path", "/x"},
      {"exec", "--context", "c1", "-c", "1"},
      {"exec", "--detach", "-c", "1"},
      {"exec", "--sandbox", "sb1", "--detach", "-c", "1", "-c", "2"},
      {"exec", "--request-id", "r1", "-c", "1"},
      {"exec", "--sandbox", "sb1", "--request-id", "r1", "-c", "1", "-c", "2"},
      {"exec", "--max-output", "much", "-c", "1"},
      {"script", "--detach", "/dev/null"},
      {"script", "--request-id", "r1", "/dev/null"},
      {"script", "--max-output", "-1", "/dev/null"},
      {"create", "--on-expiry", "explode"},
      {"create", "--lifetime", "soon"},
      {"create", "--allow", "pip.test:"},
      {"create", "--deny", "pip.test:443,0"},
      {"create", "--bandwidth", "fast"},
      {"run", "--sandbox", "sb1", "--network", "internet", "--", "ls"},
      {"network"},
      {"network", "set", "sb1"},
      {"network", "watch"},
      {"install"},
      {"install", "sb1"},
      {"install", "sb1", "-r", "/nowhere/requirements.txt"},
      {"install", "sb1", "--constraints", "/dev/null"},
      {"packages", "nosuch"},
      {"packages", "prefetch"},
      {"packages", "prune", "--unused-for", "long"},
      {"extend", "sb1"},
      {"signal", "sb1", "p1", "NOPE"},
      {"signal", "sb1", "p1"},
      {"ps", "--state", "asleep"},
      {"context"},
      {"context", "restart", "sb1"},
      {"files", "mkdir", "sb1", "/x", "--mode", "9"},
      {"cp", "a", "b"},
      {"cp", "sb1:a", "sb2:b"},
      {"cp", "--json", "sb1:a", "-"},
      {"completion", "tcsh"},
  };
  for (const std::vector<std::string>& line : lines) {
    auto [exit_code, said] = RunLine(line);
    EXPECT_EQ(exit_code, kExitWarren) << absl::StrJoin(line, " ");
    EXPECT_FALSE(said.empty());
    EXPECT_EQ(said.find("no answer from warrend"), std::string::npos) << absl::StrJoin(line, " ");
  }
}

TEST(CommandLine, WhatItCanMeanReachesTheServer) {
  const std::vector<std::vector<std::string>> lines = {
      {"run", "--env", "A=[1, 2]", "--env", "B=", "--", "echo", "[1, 2]", "--json", "--"},
      {"run", "--sandbox", "sb1", "--detach", "--", "ps"},
      {"exec", "--sandbox", "sb1", "--request-id", "r1", "--max-output", "1M", "-c", "1"},
      {"exec", "--max-output", "64K", "-c", "1", "-c", "2"},
      {"script", "--sandbox", "sb1", "--detach", "--request-id", "r1", "--max-output", "1M", "-"},
      {"script", "--max-output", "64K", "/dev/null"},
      {"create", "--lifetime", "30s", "--lifetime-from", "creation", "--on-expiry", "pause",
       "--metadata", "a=b", "--env", "A=b=c", "--inodes", "9"},
      {"create", "--network", "internet", "--deny", "*.example.com", "--bandwidth", "1M"},
      {"exec", "--allow", "[2001:db8::1]:443", "--allow", "[2001:db8::1]", "--allow", "pip.test",
       "--connections", "9", "-c", "1"},
      {"network", "show", "sb1"},
      {"network", "set", "sb1", "--network", "none"},
      {"network", "watch", "sb1"},
      {"install", "sb1", "six", "httpx[http2]>=0.27; python_version >= '3.9'", "--refresh"},
      {"install", "-r", "/dev/null", "sb1", "-c", "/dev/null", "six"},
      {"packages"},
      {"packages", "--json"},
      {"packages", "prefetch", "--template", "base", "six"},
      {"packages", "prune", "--unused-for", "30m"},
      {"packages", "verify"},
      {"extend", "sb1", "2h", "--lifetime-from", "use"},
      {"limits", "sb1", "--memory", "1G"},
      {"limits", "sb1"},
      {"metrics", "sb1"},
      {"metrics"},
      {"pause", "sb1"},
      {"resume", "sb1", "--lifetime", "5m"},
      {"ps", "--state", "paused", "--state", "dead", "--since", "10m", "--metadata", "a=b"},
      {"context", "create", "sb1", "--language", "bash", "--cwd", "/tmp"},
      {"context", "interrupt", "sb1"},
      {"context", "delete", "sb1", "c1"},
      {"connect", "sb1", "e1", "--after", "7"},
      {"signal", "sb1", "p1", "SIGTERM"},
      {"processes", "sb1"},
      {"ls", "-l", "-R", "sb1:/tmp"},
      {"ls", "sb1"},
      {"files", "rm", "-r", "sb1", "/x"},
      {"files", "mv", "sb1", "a", "b"},
      {"cp", "sb1:/a", "/tmp/"},
  };
  for (const std::vector<std::string>& line : lines) {
    auto [exit_code, said] = RunLine(line);
    EXPECT_EQ(exit_code, kExitWarren);
    EXPECT_THAT(said, HasSubstr("no answer from warrend")) << absl::StrJoin(line, " ");
  }
}

TEST(Completion, FollowsTheCommandTree) {
  CommandLine line;
  std::vector<CompletionCommand> commands = DescribeCommands(line.app());
  std::string bash = BashCompletion(commands);
  std::string zsh = ZshCompletion(commands);
  std::string fish = FishCompletion(commands);
  for (const CompletionCommand& command : commands) {
    EXPECT_NE(bash.find(ShellQuote(command.path)), std::string::npos) << command.path;
    EXPECT_NE(zsh.find(ShellQuote(command.path)), std::string::npos) << command.path;
    std::string condition = absl::StrCat("'__warren_at \\'", command.path, "\\'");
    EXPECT_NE(fish.find(condition), std::string::npos) << command.path;
    for (const CompletionOption& option : command.options) {
      for (const std::string& name : option.names) {
        EXPECT_NE(bash.find(name), std::string::npos) << name;
        EXPECT_NE(zsh.find(name), std::string::npos) << name;
      }
    }
  }
  for (const std::string* script : {&bash, &zsh, &fish}) {
    EXPECT_EQ(script->find('@'), script->rfind("$@") == std::string::npos ? std::string::npos
                                                                          : script->rfind("$@") + 1)
        << "a place that nothing filled";
  }
}

TEST(Completion, KnowsWhatIsTaken) {
  CommandLine line;
  for (const CompletionCommand& command : DescribeCommands(line.app())) {
    EXPECT_NE(command.name, "__sandboxes");
    if (command.path == "extend") {
      ASSERT_EQ(command.operands.size(), 2U);
      EXPECT_EQ(command.operands[0].value.kind, CompletionValue::Kind::kSandbox);
      EXPECT_EQ(command.operands[1].value.kind, CompletionValue::Kind::kText);
    }
    if (command.path == "kill") {
      EXPECT_TRUE(command.operands.at(0).repeated);
    }
    if (command.path == "signal") {
      EXPECT_THAT(command.operands.at(2).value.choices, Contains("TERM"));
    }
    for (const CompletionOption& option : command.options) {
      bool is_json = option.names.front() == "--json";
      if (is_json) {
        EXPECT_EQ(option.value.kind, CompletionValue::Kind::kNone);
      }
    }
  }
}

}  // namespace
}  // namespace warren
