#include "supervisor/gateway/envd/process_service.h"

#include <csignal>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/base/proto_time.h"
#include "tests/gateway/process_testing.h"

namespace warren {
namespace {

using Json = nlohmann::json;
using Output = v1::ProcessEvent::Output;
using ::testing::ElementsAre;

const Json kCommand = {{"process", {{"cmd", "/bin/bash"}, {"args", {"-l", "-c", "true"}}}}};

Json ByPid(uint32_t pid) { return {{"process", {{"pid", pid}}}}; }

std::string Bytes(const Json& base64) {
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(base64.get<std::string>(), &bytes));
  return bytes;
}

Json Input(uint32_t pid, const char* kind, const std::string& data) {
  std::string encoded;
  absl::Base64Escape(data, &encoded);
  Json request = ByPid(pid);
  request["input"] = {{kind, encoded}};
  return request;
}

std::string ErrorOf(const std::vector<StreamFrame>& frames) {
  if (frames.empty() || !frames.back().end) return "cut";
  return frames.back().json.value("/error/code"_json_pointer, "ok");
}

TEST(ProcessServiceTest, StreamsWhatACommandDoes) {
  ProcessGateway gateway;
  StreamCall call = gateway.Stream("Start", kCommand);
  EXPECT_EQ(call.Next()->json, (Json{{"event", {{"start", {{"pid", 101}}}}}}));
  gateway.processes().Say("p1", Output::STDOUT, "out\n");
  EXPECT_EQ(Bytes(call.Next()->json["event"]["data"]["stdout"]), "out\n");
  gateway.processes().Say("p1", Output::STDERR, "\xff");
  EXPECT_EQ(Bytes(call.Next()->json["event"]["data"]["stderr"]), "\xff");
  gateway.processes().Exit("p1", 0);
  const auto rest = call.Rest();
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(rest[0].json["event"]["end"], (Json{{"exited", true}, {"status", "exit status 0"}}));
  EXPECT_TRUE(rest[1].end);
  EXPECT_EQ(rest[1].json, Json::object());
}

TEST(ProcessServiceTest, StartsWhatWasAskedFor) {
  ProcessGateway gateway;
  Json request = kCommand;
  request["process"]["cwd"] = "~/work";
  request["process"]["envs"] = {{"A", "b"}};
  request["stdin"] = false;
  request["tag"] = "taken";
  // "root:".
  StreamCall call = gateway.Stream(
      "Start", request, {{"Authorization", "Basic cm9vdDo="}, {"Connect-Timeout-Ms", "1500"}});
  ASSERT_TRUE(call.Next());
  const v1::StartProcessRequest start = gateway.processes().last_start();
  EXPECT_THAT(start.arguments(), ElementsAre("/bin/bash", "-l", "-c", "true"));
  EXPECT_EQ(start.working_directory(), "/root/work");
  EXPECT_EQ(start.env().at("A"), "b");
  EXPECT_EQ(start.user(), "root");
  EXPECT_EQ(ToDuration(start.timeout()), absl::Milliseconds(1500));
  EXPECT_TRUE(start.no_input());
  EXPECT_EQ(start.on_disconnect(), v1::ON_DISCONNECT_CONTINUE);
  EXPECT_FALSE(start.has_terminal());
}

TEST(ProcessServiceTest, InputIsOpenUnlessItIsDeclined) {
  ProcessGateway gateway;
  StreamCall call = gateway.Stream("Start", kCommand);
  ASSERT_TRUE(call.Next());
  EXPECT_FALSE(gateway.processes().last_start().no_input());
  EXPECT_FALSE(gateway.processes().last_start().has_timeout());
  EXPECT_EQ(gateway.processes().last_start().user(), "");
}

TEST(ProcessServiceTest, SaysHowItEnded) {
  v1::Termination killed;
  killed.set_kind(v1::Termination::KILLED);
  killed.set_signal(SIGKILL);
  v1::Termination stack = killed;
  stack.set_signal(SIGSEGV);
  v1::Termination failed;
  failed.set_kind(v1::Termination::EXITED);
  failed.set_exit_code(3);
  const std::pair<v1::Termination, Json> ends[] = {
      {failed,
       {{"exitCode", 3},
        {"exited", true},
        {"status", "exit status 3"},
        {"error", "exit status 3"}}},
      {killed, {{"exitCode", -1}, {"status", "signal: killed"}, {"error", "signal: killed"}}},
      {stack,
       {{"exitCode", -1},
        {"status", "signal: segmentation fault"},
        {"error", "signal: segmentation fault"}}},
  };
  for (const auto& [termination, told] : ends) {
    ProcessGateway gateway;
    StreamCall call = gateway.Stream("Start", kCommand);
    ASSERT_TRUE(call.Next());
    gateway.processes().Exit("p1", termination);
    const auto rest = call.Rest();
    ASSERT_EQ(rest.size(), 2u);
    EXPECT_EQ(rest[0].json["event"]["end"], told);
  }
}

TEST(ProcessServiceTest, ItsTimeoutIsTheDeadlineOfTheCall) {
  ProcessGateway gateway;
  StreamCall call = gateway.Stream("Start", kCommand);
  ASSERT_TRUE(call.Next());
  v1::Termination late;
  late.set_kind(v1::Termination::TIMED_OUT);
  gateway.processes().Exit("p1", late);
  EXPECT_EQ(ErrorOf(call.Rest()), "deadline_exceeded");
}

TEST(ProcessServiceTest, WhatCannotBeStartedIsTheRequestsMistake) {
  ProcessGateway gateway;
  const auto program = gateway.Stream("Start", {{"process", {{"cmd", "missing"}}}}).Rest();
  EXPECT_EQ(ErrorOf(program), "invalid_argument");
  Json lost = kCommand;
  lost["process"]["cwd"] = "/missing";
  const auto directory = gateway.Stream("Start", lost).Rest();
  EXPECT_EQ(ErrorOf(directory), "invalid_argument");
  EXPECT_THAT(directory.back().json["error"]["message"].get<std::string>(),
              ::testing::StartsWith("cwd \"/missing\""));
  lost["process"]["cwd"] = "~other/x";
  EXPECT_EQ(ErrorOf(gateway.Stream("Start", lost).Rest()), "invalid_argument");
  EXPECT_EQ(ErrorOf(gateway.Stream("Start", kCommand, {{"Connect-Timeout-Ms", "x"}}).Rest()),
            "invalid_argument");
}

TEST(ProcessServiceTest, OnlyItsOwnUsersAndWhoHasTheToken) {
  ProcessGateway gateway;
  // "mallory:".
  const auto frames =
      gateway.Stream("Start", kCommand, {{"Authorization", "Basic bWFsbG9yeTo="}}).Rest();
  EXPECT_EQ(ErrorOf(frames), "unauthenticated");
  EXPECT_EQ(frames.back().json["error"]["message"], "invalid username: 'mallory'");
  TestClient stranger(gateway.server());
  const HttpAnswer refused = stranger.Ask(
      "POST", "/process.Process/List",
      {{"E2b-Sandbox-Id", "sb1"}, {"Content-Type", "application/json"}, {"X-Access-Token", "x"}},
      "{}");
  EXPECT_EQ(refused.status, 401u);
  EXPECT_EQ(Json::parse(refused.body)["code"], "unauthenticated");
}

TEST(ProcessServiceTest, AClientThatGoesLeavesItRunning) {
  ProcessGateway gateway;
  StreamCall call = gateway.Stream("Start", kCommand);
  ASSERT_TRUE(call.Next());
  call.Close();
  while (gateway.processes().left() == 0) absl::SleepFor(absl::Milliseconds(1));
  StreamCall again = gateway.Stream("Connect", ByPid(101));
  EXPECT_EQ(again.Next()->json["event"]["start"]["pid"], 101);
  gateway.processes().Say("p1", Output::STDOUT, "new");
  EXPECT_EQ(Bytes(again.Next()->json["event"]["data"]["stdout"]), "new");
  gateway.processes().Exit("p1", 0);
  EXPECT_EQ(ErrorOf(again.Rest()), "ok");
}

TEST(ProcessServiceTest, TheEndOfTheSandboxCutsTheStream) {
  ProcessGateway gateway;
  StreamCall call = gateway.Stream("Start", kCommand);
  ASSERT_TRUE(call.Next());
  gateway.processes().SetState(v1::Sandbox::DEAD);
  v1::Termination killed;
  killed.set_kind(v1::Termination::KILLED);
  gateway.processes().Exit("p1", killed);
  EXPECT_TRUE(call.Rest().empty());
  TestClient client(gateway.server());
  EXPECT_EQ(client.Ask("POST", "/process.Process/List", gateway.Headers(), "{}").status, 502u);
}

TEST(ProcessServiceTest, ConnectFindsTheOneThatRuns) {
  ProcessGateway gateway;
  v1::Process process;
  process.set_pid(7);
  for (const char* id : {"p1", "p2", "p3"}) {
    process.set_process_id(id);
    process.clear_termination();
    if (std::string(id) != "p2") {
      process.mutable_termination()->set_kind(v1::Termination::EXITED);
      process.mutable_termination()->set_exit_code(5);
    }
    gateway.processes().Add(process);
  }
  StreamCall call = gateway.Stream("Connect", ByPid(7));
  ASSERT_TRUE(call.Next());
  gateway.processes().Exit("p2", 9);
  EXPECT_EQ(call.Rest()[0].json["event"]["end"]["exitCode"], 9);
  // None runs now: the last one's end is told.
  const auto ended = gateway.Stream("Connect", ByPid(7)).Rest();
  ASSERT_EQ(ended.size(), 3u);
  EXPECT_EQ(ended[1].json["event"]["end"]["exitCode"], 5);
  EXPECT_EQ(ErrorOf(gateway.Stream("Connect", ByPid(8)).Rest()), "not_found");
  EXPECT_EQ(ErrorOf(gateway.Stream("Connect", {{"process", {{"tag", "x"}}}}).Rest()),
            "unimplemented");
}

TEST(ProcessServiceTest, AConnectionsDeadlineIsNotTheProcesss) {
  ProcessGateway gateway;
  v1::Process process;
  process.set_pid(7);
  process.set_process_id("p1");
  gateway.processes().Add(process);
  StreamCall call = gateway.Stream("Connect", ByPid(7), {{"Connect-Timeout-Ms", "20"}});
  EXPECT_EQ(ErrorOf(call.Rest()), "deadline_exceeded");
  while (gateway.processes().left() == 0) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(gateway.Rpc("List", Json::object())["processes"].size(), 1u);
}

TEST(ProcessServiceTest, SaysThatItIsThere) {
  // A second of such a host is a millisecond.
  ProcessGateway gateway(0.001);
  StreamCall call = gateway.Stream("Start", kCommand, {{"Keepalive-Ping-Interval", "1"}});
  EXPECT_TRUE(call.Next()->json["event"].contains("start"));
  EXPECT_EQ(call.Next()->json, (Json{{"event", {{"keepalive", Json::object()}}}}));
  EXPECT_EQ(call.Next()->json, (Json{{"event", {{"keepalive", Json::object()}}}}));
}

TEST(ProcessServiceTest, ListsThoseThatRun) {
  ProcessGateway gateway;
  EXPECT_EQ(gateway.Rpc("List", Json::object()), Json::object());
  StreamCall first = gateway.Stream("Start", kCommand);
  ASSERT_TRUE(first.Next());
  StreamCall second = gateway.Stream("Start", kCommand);
  ASSERT_TRUE(second.Next());
  gateway.processes().Exit("p1", 0);
  const Json list = gateway.Rpc("List", Json::object());
  ASSERT_EQ(list["processes"].size(), 1u);
  EXPECT_EQ(list["processes"][0]["pid"], 102);
  EXPECT_EQ(list["processes"][0]["config"],
            (Json{{"cmd", "/bin/bash"}, {"args", {"-l", "-c", "true"}}, {"cwd", "/home/user"}}));
}

TEST(ProcessServiceTest, InputGoesInPartsThatAreTaken) {
  ProcessGateway gateway;
  StreamCall call = gateway.Stream("Start", kCommand);
  ASSERT_TRUE(call.Next());
  EXPECT_EQ(gateway.Rpc("SendInput", Input(101, "stdin", std::string((2 << 20) + 1, 'x'))),
            Json::object());
  const auto inputs = gateway.processes().inputs();
  ASSERT_EQ(inputs.size(), 3u);
  EXPECT_EQ(inputs[0].size(), (1u << 20) + 3);
  EXPECT_EQ(inputs[2], "p1:x");
  EXPECT_EQ(gateway.Rpc("SendInput", Input(101, "pty", "x"))["code"], "failed_precondition");
  EXPECT_EQ(gateway.Rpc("SendInput", Input(9, "stdin", "x"))["code"], "not_found");
  EXPECT_EQ(gateway.Rpc("SendInput", ByPid(101))["code"], "unimplemented");
  EXPECT_EQ(gateway.processes().inputs().size(), 3u);
}

TEST(ProcessServiceTest, ClosedInputMayBeClosedAgain) {
  ProcessGateway gateway;
  StreamCall call = gateway.Stream("Start", kCommand);
  ASSERT_TRUE(call.Next());
  EXPECT_EQ(gateway.Rpc("CloseStdin", ByPid(101)), Json::object());
  EXPECT_EQ(gateway.Rpc("CloseStdin", ByPid(101)), Json::object());
  EXPECT_EQ(gateway.Rpc("SendInput", Input(101, "stdin", "x"))["code"], "failed_precondition");
}

TEST(ProcessServiceTest, SignalsAreForThoseThatRun) {
  ProcessGateway gateway;
  StreamCall call = gateway.Stream("Start", kCommand);
  ASSERT_TRUE(call.Next());
  Json kill = ByPid(101);
  kill["signal"] = "SIGNAL_SIGKILL";
  EXPECT_EQ(gateway.Rpc("SendSignal", kill), Json::object());
  ASSERT_EQ(gateway.processes().signals().size(), 1u);
  EXPECT_EQ(gateway.processes().signals()[0].signal(), SIGKILL);
  EXPECT_EQ(gateway.Rpc("SendSignal", ByPid(101))["code"], "unimplemented");
  gateway.processes().Exit("p1", 0);
  const Json late = gateway.Rpc("SendSignal", kill);
  EXPECT_EQ(late["code"], "not_found");
  EXPECT_EQ(late["message"], "process with pid 101 not found");
}

TEST(ProcessServiceTest, ATerminalHasASizeAndOneInput) {
  ProcessGateway gateway;
  Json request = kCommand;
  request["pty"] = {{"size", {{"cols", 80}, {"rows", 24}}}};
  StreamCall call = gateway.Stream("Start", request);
  ASSERT_TRUE(call.Next());
  const v1::StartProcessRequest start = gateway.processes().last_start();
  EXPECT_EQ(start.terminal().columns(), 80);
  EXPECT_EQ(start.terminal().rows(), 24);
  gateway.processes().Say("p1", Output::TERMINAL, "$ ");
  EXPECT_EQ(Bytes(call.Next()->json["event"]["data"]["pty"]), "$ ");
  Json resize = ByPid(101);
  resize["pty"] = {{"size", {{"cols", 4294967295}, {"rows", 30}}}};
  EXPECT_EQ(gateway.Rpc("Update", resize), Json::object());
  EXPECT_EQ(gateway.processes().last_resize().size().rows(), 30);
  // Refused where sizes are checked.
  EXPECT_EQ(gateway.processes().last_resize().size().columns(), 65536);
  EXPECT_EQ(gateway.Rpc("SendInput", Input(101, "stdin", "x"))["code"], "failed_precondition");
  EXPECT_EQ(gateway.Rpc("SendInput", Input(101, "pty", "x")), Json::object());
  EXPECT_EQ(gateway.Rpc("CloseStdin", ByPid(101))["code"], "failed_precondition");
}

TEST(ProcessServiceTest, InputMayBeAStream) {
  ProcessGateway gateway;
  StreamCall call = gateway.Stream("Start", kCommand);
  ASSERT_TRUE(call.Next());
  const Json start = {{"start", ByPid(101)}};
  const Json data = {{"data", {{"input", {{"stdin", "aGk="}}}}}};
  const Json keepalive = {{"keepalive", Json::object()}};
  std::string body;
  for (const Json& message : {start, data, keepalive, data})
    absl::StrAppend(&body, Envelope(0, message.dump()));
  StreamCall whole(gateway.server(), "StreamInput", body, gateway.Headers());
  const auto frames = whole.Rest();
  EXPECT_EQ(frames.size(), 2u);
  EXPECT_EQ(ErrorOf(frames), "ok");
  EXPECT_THAT(gateway.processes().inputs(), ElementsAre("p1:hi", "p1:hi"));

  StreamCall headless(gateway.server(), "StreamInput", Envelope(0, data.dump()), gateway.Headers());
  EXPECT_EQ(ErrorOf(headless.Rest()), "invalid_argument");
  for (size_t cut : {size_t{2}, body.size() - 1}) {
    StreamCall broken(gateway.server(), "StreamInput", body.substr(0, cut), gateway.Headers());
    EXPECT_EQ(ErrorOf(broken.Rest()), "invalid_argument") << cut;
  }
  StreamCall large(gateway.server(), "StreamInput", std::string("\0\x7f\xff\xff\xff", 5),
                   gateway.Headers());
  EXPECT_EQ(ErrorOf(large.Rest()), "invalid_argument");
}

TEST(ProcessServiceTest, RefusesWhatIsMalformed) {
  ProcessGateway gateway;
  const std::string good = Envelope(0, kCommand.dump());
  std::string compressed = good;
  compressed[0] = 1;
  for (const std::string& body :
       {std::string(), good.substr(0, 3), good.substr(0, good.size() - 1), good + good, compressed,
        Envelope(0, "{\"process\": 5}"), Envelope(0, "[")}) {
    StreamCall call(gateway.server(), "Start", body, gateway.Headers());
    EXPECT_EQ(ErrorOf(call.Rest()), "invalid_argument") << absl::CEscape(body);
  }
  TestClient client(gateway.server());
  const HttpAnswer unary =
      client.Ask("POST", "/process.Process/Start",
                 gateway.Headers({{"Content-Type", "application/json"}}), kCommand.dump());
  EXPECT_EQ(unary.status, 400u);
  const HttpAnswer unknown =
      client.Ask("POST", "/process.Process/Nope",
                 gateway.Headers({{"Content-Type", "application/json"}}), "{}");
  EXPECT_EQ(unknown.status, 501u);
  EXPECT_EQ(Json::parse(unknown.body)["code"], "unimplemented");
}

}  // namespace
}  // namespace warren
