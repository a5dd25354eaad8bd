#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "runtime/base/mutex.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/fake/fake_backend.h"
#include "supervisor/gateway/base/sandbox_notes.h"
#include "supervisor/gateway/interpreter/code_interpreter.h"
#include "tests/gateway/gateway_testing.h"

namespace warren {
namespace {

using Json = nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A sandbox of the fake backend that notes what it is asked, and has contexts of "bash": once each
// for a request's id, as Warren's own.
class NotingSandbox final : public SandboxHandle {
 public:
  explicit NotingSandbox(std::shared_ptr<SandboxHandle> sandbox) : sandbox_(std::move(sandbox)) {}

  std::vector<v1::ExecuteCodeRequest> executed() const {
    MutexLock lock(&mu_);
    return executed_;
  }
  std::vector<v1::CreateContextRequest> created() const {
    MutexLock lock(&mu_);
    return created_;
  }

  const std::string& id() const override { return sandbox_->id(); }
  void Get(const Call& call, Reply<v1::Sandbox> reply) override {
    sandbox_->Get(call, std::move(reply));
  }
  void CreateContext(const Call& call, const v1::CreateContextRequest& request,
                     Reply<v1::Context> reply) override {
    v1::CreateContextRequest python = request;
    if (python.language() == "bash") python.set_language("python");
    {
      MutexLock lock(&mu_);
      created_.push_back(request);
      auto made = made_.find(request.request_id());
      if (made != made_.end()) return reply(made->second);
    }
    sandbox_->CreateContext(
        call, python,
        [this, request, reply = std::move(reply)](absl::StatusOr<v1::Context> context) mutable {
          if (context.ok() && !request.request_id().empty()) {
            MutexLock lock(&mu_);
            made_[request.request_id()] = *context;
          }
          reply(std::move(context));
        });
  }
  void ListContexts(const Call& call, Reply<v1::ListContextsResponse> reply) override {
    sandbox_->ListContexts(call, std::move(reply));
  }
  void DeleteContext(const Call& call, const std::string& context_id,
                     Reply<v1::DeleteContextResponse> reply) override {
    sandbox_->DeleteContext(call, context_id, std::move(reply));
  }
  void RestartContext(const Call& call, const std::string& context_id,
                      Reply<v1::Context> reply) override {
    sandbox_->RestartContext(call, context_id, std::move(reply));
  }
  std::unique_ptr<Operation> Execute(const Call& call, v1::ExecuteCodeRequest request,
                                     std::shared_ptr<ExecutionSink> sink) override {
    {
      MutexLock lock(&mu_);
      executed_.push_back(request);
    }
    if (request.code() == "lose") {
      sink->PushOutput(v1::ExecutionEvent::Output::STDOUT, "said", {});
      sink->End(absl::UnavailableError("its end is lost"));
      return nullptr;
    }
    return sandbox_->Execute(call, std::move(request), std::move(sink));
  }

 private:
  const std::shared_ptr<SandboxHandle> sandbox_;
  mutable Mutex mu_;
  std::vector<v1::ExecuteCodeRequest> executed_ ABSL_GUARDED_BY(mu_);
  std::vector<v1::CreateContextRequest> created_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, v1::Context> made_ ABSL_GUARDED_BY(mu_);
};

// The fake backend, whose sandboxes are opened as NotingSandboxes.
class NotingBackend final : public Backend {
 public:
  NotingSandbox& sandbox(const std::string& id) {
    MutexLock lock(&mu_);
    return *sandboxes_.at(id);
  }
  std::string Make(bool public_traffic = true) {
    v1::CreateSandboxRequest request;
    request.set_template_id("base");
    SandboxNotes notes;
    notes.public_traffic = public_traffic;
    WriteNotes(notes, *request.mutable_metadata());
    std::string id;
    fake_.Create(Call(), request,
                 [&](absl::StatusOr<v1::Sandbox> made) { id = made.value().sandbox_id(); });
    return id;
  }
  void Kill(const std::string& id) {
    fake_.Open(Call(), id, [](absl::StatusOr<std::shared_ptr<SandboxHandle>> handle) {
      handle.value()->Destroy(Call(), [](absl::StatusOr<v1::DestroySandboxResponse>) {});
    });
  }

  absl::Status health() const override { return fake_.health(); }
  std::unique_ptr<Operation> Create(const Call& call, const v1::CreateSandboxRequest& request,
                                    Reply<v1::Sandbox> reply) override {
    return fake_.Create(call, request, std::move(reply));
  }
  void Open(const Call& call, const std::string& id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override {
    fake_.Open(call, id,
               [this, id, reply = std::move(reply)](
                   absl::StatusOr<std::shared_ptr<SandboxHandle>> handle) mutable {
                 if (!handle.ok()) return reply(handle.status());
                 std::shared_ptr<NotingSandbox> noting;
                 {
                   MutexLock lock(&mu_);
                   auto& entry = sandboxes_[id];
                   if (entry == nullptr) entry = std::make_shared<NotingSandbox>(*handle);
                   noting = entry;
                 }
                 reply(std::shared_ptr<SandboxHandle>(std::move(noting)));
               });
  }
  void List(const Call& call, const v1::ListSandboxesRequest& request,
            Reply<v1::ListSandboxesResponse> reply) override {
    fake_.List(call, request, std::move(reply));
  }
  void ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) override {
    fake_.ListTemplates(call, std::move(reply));
  }
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<v1::Environment> reply) override {
    fake_.GetEnvironment(call, template_id, std::move(reply));
  }

 private:
  FakeBackend fake_;
  Mutex mu_;
  std::map<std::string, std::shared_ptr<NotingSandbox>> sandboxes_ ABSL_GUARDED_BY(mu_);
};

class InterpreterTest : public ::testing::Test {
 protected:
  explicit InterpreterTest(double pace = 1) : interpreter_(door_, pace) {}

  std::map<std::string, std::string> Headers() const {
    return {{"Content-Type", "application/json"},
            {"E2b-Sandbox-Id", id_},
            {"X-Access-Token", tokens_.Envd(id_)}};
  }
  HttpAnswer Ask(absl::string_view method, const std::string& path, const Json& body = Json()) {
    TestClient client(*server_);
    return client.Ask(method, path, Headers(), body.is_null() ? "" : body.dump());
  }
  // The lines of a cell; empty where it was refused.
  std::vector<Json> Run(const Json& request) {
    last_ = Ask("POST", "/execute", request);
    std::vector<Json> lines;
    if (last_.status != 200) return lines;
    for (absl::string_view line : absl::StrSplit(last_.body, '\n', absl::SkipEmpty()))
      lines.push_back(Json::parse(std::string(line), nullptr, /*exceptions=*/false));
    return lines;
  }
  static std::vector<std::string> Types(const std::vector<Json>& lines) {
    std::vector<std::string> types;
    for (const Json& line : lines) types.push_back(line.value("type", ""));
    return types;
  }
  NotingSandbox& sandbox() { return backend_.sandbox(id_); }

  NotingBackend backend_;
  std::string id_ = backend_.Make();
  const AccessTokens tokens_{"a secret for tests"};
  SandboxDoor door_{backend_, tokens_};
  CodeInterpreter interpreter_;
  TestServer server_{[this](Exchange& exchange) -> Async<void> {
    const std::string id(exchange.header("E2b-Sandbox-Id"));
    co_await interpreter_.Serve(exchange, id);
  }};
  HttpAnswer last_;
};

TEST_F(InterpreterTest, RunsCode) {
  const auto lines =
      Run({{"code", "print a\nwarn b\nshow c\nvalue 'd'"}, {"env_vars", {{"K", "v"}}}});
  ASSERT_THAT(Types(lines), ElementsAre("stdout", "stderr", "result", "result",
                                        "number_of_executions", "end_of_execution"));
  EXPECT_TRUE(last_.whole);
  EXPECT_EQ(lines[0]["text"], "a\n");
  EXPECT_EQ(lines[1]["text"], "b\n");
  EXPECT_EQ(lines[2]["is_main_result"], false);
  EXPECT_EQ(lines[3]["is_main_result"], true);
  EXPECT_EQ(lines[3]["text"], "d");
  EXPECT_EQ(lines[4]["execution_count"], 1);
  ASSERT_EQ(sandbox().executed().size(), 1u);
  const v1::ExecuteCodeRequest request = sandbox().executed()[0];
  EXPECT_EQ(request.env().at("K"), "v");
  EXPECT_EQ(request.display_style(), v1::DISPLAY_STYLE_CODE_INTERPRETER);
  EXPECT_EQ(request.on_disconnect(), v1::ON_DISCONNECT_CANCEL);
  EXPECT_EQ(ToDuration(request.timeout()), absl::Hours(24));
}

TEST_F(InterpreterTest, TellsExceptions) {
  const auto lines = Run({{"code", "fail ValueError bad"}});
  ASSERT_THAT(Types(lines), ElementsAre("error", "number_of_executions", "end_of_execution"));
  EXPECT_EQ(lines[0]["name"], "ValueError");
  EXPECT_EQ(lines[0]["value"], "bad");
}

TEST_F(InterpreterTest, AContextThatEndedIsThereAgainForTheNext) {
  const auto ended = Run({{"code", "exit 3"}});
  EXPECT_EQ(ended[0]["name"], "ContextRestarting");
  EXPECT_EQ(Types(ended).back(), "end_of_execution");
  const auto next = Run({{"code", "print again"}});
  ASSERT_FALSE(next.empty()) << last_.status << last_.body;
  EXPECT_EQ(next[0]["text"], "again\n");
}

TEST_F(InterpreterTest, FindsTheContextThatIsMeant) {
  const HttpAnswer made = Ask("POST", "/contexts", {{"language", "python"}, {"cwd", "/tmp"}});
  ASSERT_EQ(made.status, 200u) << made.body;
  const Json context = Json::parse(made.body);
  EXPECT_EQ(sandbox().created()[0].working_directory(), "/tmp");
  Run({{"code", "print a"}, {"context_id", context["id"]}});
  Run({{"code", "print a"}, {"context_id", context["id"]}});
  const auto own = Run({{"code", "print a"}, {"context_id", context["id"]}});
  EXPECT_EQ(own[1]["execution_count"], 3);
  for (const Json& request :
       {Json{{"code", "print a"}}, Json{{"code", "b"}, {"language", "python"}}})
    Run(request);
  const auto executed = sandbox().executed();
  EXPECT_EQ(executed[0].context_id(), context["id"]);
  EXPECT_EQ(executed[3].context_id(), "default");
  EXPECT_EQ(executed[4].context_id(), "default");
}

TEST_F(InterpreterTest, ALanguageHasOneContextOfItsOwn) {
  Run({{"code", "print a"}, {"language", "bash"}});
  Run({{"code", "print a"}, {"language", "Bash"}});
  const auto executed = sandbox().executed();
  ASSERT_EQ(executed.size(), 2u);
  EXPECT_NE(executed[0].context_id(), "default");
  EXPECT_EQ(executed[0].context_id(), executed[1].context_id());
  EXPECT_EQ(sandbox().created()[0].request_id(), "e2b-default-bash");
  Run({{"code", "x"}, {"language", "ts"}});
  EXPECT_EQ(last_.status, 400u);
  EXPECT_THAT(last_.body, HasSubstr("language"));
}

TEST_F(InterpreterTest, PythonIsThereWhereItsContextWasDeleted) {
  EXPECT_EQ(Ask("DELETE", "/contexts/default").status, 200u);
  EXPECT_FALSE(Run({{"code", "print a"}}).empty());
  EXPECT_FALSE(Run({{"code", "print a"}}).empty());
  const auto executed = sandbox().executed();
  EXPECT_EQ(executed[0].context_id(), executed[1].context_id());
  EXPECT_EQ(sandbox().created()[0].request_id(), "e2b-default-python");
}

TEST_F(InterpreterTest, ListsRestartsAndDeletesContexts) {
  const Json made = Json::parse(Ask("POST", "/contexts", Json::object()).body);
  const Json list = Json::parse(Ask("GET", "/contexts").body);
  ASSERT_EQ(list.size(), 2u);
  for (const Json& context : list) {
    EXPECT_EQ(context.size(), 3u);
    EXPECT_EQ(context["language"], "python");
    EXPECT_TRUE(context.contains("cwd"));
  }
  const std::string id = made["id"];
  Run({{"code", "print a"}, {"context_id", id}});
  EXPECT_EQ(Ask("POST", "/contexts/" + id + "/restart").body, "null");
  EXPECT_EQ(Run({{"code", "print a"}, {"context_id", id}})[1]["execution_count"], 1);
  EXPECT_EQ(Ask("DELETE", "/contexts/" + id).body, "null");
  EXPECT_EQ(Json::parse(Ask("GET", "/contexts").body).size(), 1u);
  for (const HttpAnswer& answer :
       {Ask("DELETE", "/contexts/" + id), Ask("POST", "/contexts/" + id + "/restart"),
        Ask("POST", "/execute", {{"code", "print a"}, {"context_id", id}})}) {
    EXPECT_EQ(answer.status, 404u);
    EXPECT_EQ(answer.body, absl::StrCat("Context ", id, " not found"));
  }
}

TEST_F(InterpreterTest, RefusesWhatIsMalformed) {
  Run({{"code", "print a"}, {"context_id", "default"}, {"language", "python"}});
  EXPECT_EQ(last_.status, 400u);
  Run({{"code", 5}});
  EXPECT_EQ(last_.status, 422u);
  Run(Json::array());
  EXPECT_EQ(last_.status, 422u);
  Run({{"code", std::string((1 << 20) + 1, 'x')}});
  EXPECT_EQ(last_.status, 400u);
  Run({{"code", "print a"}, {"env_vars", {{"a b", "c"}}}});
  EXPECT_EQ(last_.status, 400u);
  EXPECT_EQ(Ask("POST", "/execute", std::string(9 << 20, 'x')).status, 400u);
  EXPECT_EQ(Ask("GET", "/execute").status, 404u);
  EXPECT_EQ(Ask("POST", "/nothing").status, 404u);
}

TEST_F(InterpreterTest, ATokenIsNeededToRunCodeAlone) {
  TestClient client(*server_);
  const std::map<std::string, std::string> stranger = {{"E2b-Sandbox-Id", id_}};
  EXPECT_EQ(client.Ask("POST", "/execute", stranger, R"({"code": "print a"})").status, 401u);
  EXPECT_EQ(client.Ask("GET", "/contexts", stranger).status, 200u);
  EXPECT_EQ(client.Ask("GET", "/health", stranger).status, 200u);
  EXPECT_EQ(client.Ask("GET", "/health", {{"E2b-Sandbox-Id", "other"}}).status, 502u);
}

TEST_F(InterpreterTest, APrivatePortAsksForItsToken) {
  const std::string id = backend_.Make(/*public_traffic=*/false);
  TestClient client(*server_);
  std::map<std::string, std::string> headers = {{"E2b-Sandbox-Id", id}};
  EXPECT_EQ(client.Ask("GET", "/contexts", headers).status, 403u);
  headers["E2B-Traffic-Access-Token"] = tokens_.Traffic(id);
  EXPECT_EQ(client.Ask("GET", "/contexts", headers).status, 200u);
}

TEST_F(InterpreterTest, AClientThatGoesInterruptsTheCell) {
  TestClient client(*server_);
  client.SendRequest("POST", "/execute", Headers(), R"({"code": "print a\nwait"})");
  EXPECT_NE(client.Receive(), "");
  client.Close();
  // Behind it in the context: it ends only where the first does.
  EXPECT_EQ(Run({{"code", "print b"}})[0]["text"], "b\n");
}

TEST_F(InterpreterTest, TheEndOfTheSandboxCutsTheAnswer) {
  TestClient client(*server_);
  client.SendRequest("POST", "/execute", Headers(), R"({"code": "print a\nwait"})");
  // Head and first line may come apart.
  std::string seen;
  while (seen.find("stdout") == std::string::npos) {
    const std::string more = client.Receive();
    ASSERT_NE(more, "");
    seen += more;
  }
  // One that waits for the other has had no answer yet.
  TestClient waiting(*server_);
  waiting.SendRequest("POST", "/execute", Headers(), R"({"code": "print b"})");
  while (sandbox().executed().size() < 2) absl::SleepFor(absl::Milliseconds(1));
  backend_.Kill(id_);
  EXPECT_EQ(waiting.ReadAnswer().status, 0u);
  std::string rest;
  for (std::string more = client.Receive(); !more.empty(); more = client.Receive()) rest += more;
  EXPECT_EQ(rest, "");
  Run({{"code", "print a"}});
  EXPECT_EQ(last_.status, 502u);
}

TEST_F(InterpreterTest, WhatWasSaidIsToldThoughTheEndIsLost) {
  const auto lines = Run({{"code", "lose"}});
  EXPECT_EQ(last_.status, 200u);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines[0]["text"], "said");
  EXPECT_THAT(last_.body, HasSubstr("its end is lost"));
}

// Five seconds of such a host are five milliseconds.
class QuickInterpreterTest : public InterpreterTest {
 protected:
  QuickInterpreterTest() : InterpreterTest(0.001) {}
};

TEST_F(QuickInterpreterTest, ACellThatSaysNothingIsStillThere) {
  TestClient client(*server_);
  client.SendRequest("POST", "/execute", Headers(), R"({"code": "wait"})");
  std::string seen;
  while (seen.find("keepalive") == std::string::npos) {
    const std::string more = client.Receive();
    ASSERT_NE(more, "");
    seen += more;
  }
}

TEST_F(QuickInterpreterTest, OneThatWaitsForAnotherIsAnsweredMeanwhile) {
  TestClient first(*server_);
  first.SendRequest("POST", "/execute", Headers(), R"({"code": "print a\nwait"})");
  ASSERT_NE(first.Receive(), "");
  TestClient second(*server_);
  second.SendRequest("POST", "/execute", Headers(), R"({"code": "print b"})");
  std::string seen = second.Receive();
  EXPECT_THAT(seen, HasSubstr("200 OK"));
  first.Close();
  while (seen.find("end_of_execution") == std::string::npos) {
    const std::string more = second.Receive();
    ASSERT_NE(more, "");
    seen += more;
  }
  EXPECT_THAT(seen, HasSubstr("b\\n"));
}

}  // namespace
}  // namespace warren
