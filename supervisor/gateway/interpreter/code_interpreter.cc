#include "supervisor/gateway/interpreter/code_interpreter.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "supervisor/base/proto_time.h"
#include "supervisor/base/text.h"
#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/interpreter/cell_stream.h"

namespace warren {
namespace {

using SandboxOfCode = std::shared_ptr<SandboxHandle>;

// Between two lines that say nothing, where a cell says nothing.
constexpr absl::Duration kLineKeepalive = absl::Seconds(5);
// The client has a clock of its own: this is the longest that a cell may have.
constexpr absl::Duration kCellTime = absl::Hours(24);
// For another's restart of the same context, and between two looks whether it is over.
constexpr absl::Duration kReviveTime = absl::Seconds(30);
constexpr absl::Duration kReviveLook = absl::Milliseconds(10);
constexpr char kPython[] = "python";
constexpr size_t kShownContext = 64;

absl::Status NoSuchContext(absl::string_view context_id) {
  return absl::NotFoundError(
      absl::StrCat("Context ", ToValidUtf8(context_id, kShownContext), " not found"));
}

nlohmann::json ContextJson(const v1::Context& context) {
  nlohmann::json json;
  json["id"] = context.context_id();
  json["language"] = context.language();
  json["cwd"] = context.working_directory();
  return json;
}

// What the backend says of a context, in text, as E2B's server does.
Async<void> AnswerStatus(Exchange& exchange, const absl::Status& status) {
  if (exchange.client_gone()) {
    exchange.Hangup();
    co_return;
  }
  co_await exchange.Answer(HttpStatusOf(status), kPlainText, status.message());
}

// Nothing: it has been answered.
Async<std::optional<InterpreterRequest>> ReadInterpreterRequest(Exchange& exchange) {
  auto body = co_await exchange.ReadBody(kMaxInterpreterBody);
  if (!body.ok()) {
    co_await AnswerStatus(exchange, body.status());
    co_return std::nullopt;
  }
  auto request = ParseInterpreterRequest(*body);
  if (!request.ok()) {
    co_await exchange.Answer(HttpStatus::unprocessable_entity, kPlainText,
                             request.status().message());
    co_return std::nullopt;
  }
  co_return *std::move(request);
}

Async<absl::StatusOr<v1::Context>> FindContext(SandboxOfCode sandbox, std::string context_id) {
  auto list = co_await Ask<v1::ListContextsResponse>(
      [&](auto reply) { sandbox->ListContexts(Call(), std::move(reply)); });
  if (!list.ok()) co_return list.status();
  for (const v1::Context& context : list->contexts()) {
    if (context.context_id() == context_id) co_return context;
  }
  co_return NoSuchContext(context_id);
}

// Made once, whoever asks for it first.
Async<absl::StatusOr<v1::Context>> DefaultContextOf(SandboxOfCode sandbox, std::string language) {
  v1::CreateContextRequest request;
  request.set_language(language);
  request.set_request_id(absl::StrCat("e2b-default-", language));
  co_return co_await Ask<v1::Context>(
      [&](auto reply) { sandbox->CreateContext(Call(), request, std::move(reply)); });
}

Async<absl::StatusOr<v1::Context>> ChooseContext(SandboxOfCode sandbox, std::string context_id,
                                                 std::string language,
                                                 std::string default_context) {
  if (!context_id.empty()) co_return co_await FindContext(sandbox, std::move(context_id));
  if (language.empty()) language = kPython;
  if (language == kPython) {
    auto found = co_await FindContext(sandbox, std::move(default_context));
    // Where it was deleted there is another.
    if (!absl::IsNotFound(found.status())) co_return found;
  }
  co_return co_await DefaultContextOf(sandbox, std::move(language));
}

Async<absl::StatusOr<v1::Context>> RestartContext(SandboxOfCode sandbox, std::string context_id) {
  co_return co_await Ask<v1::Context>(
      [&](auto reply) { sandbox->RestartContext(Call(), context_id, std::move(reply)); });
}

// One that a cell has ended is there again for the next; where several come at once, one of them
// restarts it, and the others wait.
Async<absl::StatusOr<v1::Context>> Revive(Exchange& exchange, SandboxOfCode sandbox,
                                          v1::Context dead, SteadyTime deadline) {
  const auto alarm = std::make_shared<Signal>(exchange.strand());
  absl::StatusOr<v1::Context> context = std::move(dead);
  while (context.ok() && !context->alive()) {
    const std::string id = context->context_id();
    context = co_await RestartContext(sandbox, id);
    const auto now = std::chrono::steady_clock::now();
    if (!absl::IsFailedPrecondition(context.status()) || now >= deadline) break;
    co_await alarm->WaitUntil(now + absl::ToChronoNanoseconds(kReviveLook));
    context = co_await FindContext(sandbox, id);
  }
  co_return context;
}

v1::ExecuteCodeRequest ToExecute(InterpreterRequest& from, const std::string& context_id) {
  v1::ExecuteCodeRequest request;
  request.set_context_id(context_id);
  request.set_code(std::move(from.code));
  for (auto& [name, value] : from.env_vars) (*request.mutable_env())[name] = std::move(value);
  *request.mutable_timeout() = ToProto(kCellTime);
  request.set_display_style(v1::DISPLAY_STYLE_CODE_INTERPRETER);
  request.set_on_disconnect(v1::ON_DISCONNECT_CANCEL);
  return request;
}

}  // namespace

Async<void> CodeInterpreter::Serve(Exchange& exchange, const std::string& sandbox_id) {
  const auto& path = exchange.target().segments;
  const bool executes = path.size() == 1 && path[0] == "execute";
  // To E2B it is a port of the sandbox like any other; its SDKs show the access token where they
  // run code, and not for its contexts.
  const Credential credential =
      executes ? Credential::kTrafficAndAccessToken : Credential::kTraffic;
  auto opened = co_await door_.Open(exchange, sandbox_id, credential, ErrorForm::kRest);
  if (!opened) co_return;
  co_await Route(exchange, *opened);
}

Async<void> CodeInterpreter::Route(Exchange& exchange, const OpenedSandbox& opened) {
  const auto& path = exchange.target().segments;
  const absl::string_view first = path.empty() ? absl::string_view() : path[0];
  const bool gets = exchange.method() == "GET";
  const bool posts = exchange.method() == "POST";
  if (path.size() == 1 && first == "execute" && posts) {
    co_await Execute(exchange, opened.handle, opened.sandbox.default_context_id());
  } else if (path.size() == 1 && first == "contexts" && gets) {
    co_await List(exchange, opened.handle);
  } else if (path.size() == 1 && first == "contexts" && posts) {
    co_await Create(exchange, opened.handle);
  } else if (path.size() == 1 && first == "health" && gets) {
    const nlohmann::json well = "OK";
    co_await AnswerJson(exchange, HttpStatus::ok, well);
  } else {
    co_await RouteContext(exchange, opened.handle);
  }
}

Async<void> CodeInterpreter::RouteContext(Exchange& exchange, Handle sandbox) {
  const auto& path = exchange.target().segments;
  const bool of_context = path.size() >= 2 && path[0] == "contexts";
  if (of_context && path.size() == 2 && exchange.method() == "DELETE") {
    co_await Delete(exchange, sandbox, path[1]);
  } else if (of_context && path.size() == 3 && path[2] == "restart" &&
             exchange.method() == "POST") {
    co_await Restart(exchange, sandbox, path[1]);
  } else {
    co_await exchange.Answer(HttpStatus::not_found, kPlainText,
                             "the code interpreter has no such path, or not with this method");
  }
}

Async<void> CodeInterpreter::Execute(Exchange& exchange, Handle sandbox,
                                     std::string default_context) {
  auto asked = co_await ReadInterpreterRequest(exchange);
  if (!asked) co_return;
  if (!asked->context_id.empty() && !asked->language.empty()) {
    co_await exchange.Answer(HttpStatus::bad_request, kPlainText,
                             "Only one of context_id or language can be provided");
    co_return;
  }
  auto context = co_await ChooseContext(sandbox, asked->context_id, asked->language,
                                        std::move(default_context));
  if (context.ok() && !context->alive()) {
    const auto deadline =
        std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(kReviveTime * pace_);
    context = co_await Revive(exchange, sandbox, *std::move(context), deadline);
  }
  if (!context.ok()) {
    co_await AnswerStatus(exchange, context.status());
    co_return;
  }
  // A slow host keeps its word all the same.
  CellStream cell(exchange, sandbox,
                  absl::ToChronoNanoseconds(kLineKeepalive * std::min(pace_, 1.0)));
  cell.queue()->Attach(
      sandbox->Execute(Call(), ToExecute(*asked, context->context_id()), cell.queue()));
  co_await cell.Run();
}

Async<void> CodeInterpreter::List(Exchange& exchange, Handle sandbox) {
  auto list = co_await Ask<v1::ListContextsResponse>(
      [&](auto reply) { sandbox->ListContexts(Call(), std::move(reply)); });
  if (!list.ok()) {
    co_await AnswerStatus(exchange, list.status());
    co_return;
  }
  nlohmann::json contexts = nlohmann::json::array();
  for (const v1::Context& context : list->contexts()) contexts.push_back(ContextJson(context));
  co_await AnswerJson(exchange, HttpStatus::ok, contexts);
}

Async<void> CodeInterpreter::Create(Exchange& exchange, Handle sandbox) {
  auto asked = co_await ReadInterpreterRequest(exchange);
  if (!asked) co_return;
  v1::CreateContextRequest request;
  request.set_language(asked->language);
  request.set_working_directory(asked->cwd);
  auto context = co_await Ask<v1::Context>(
      [&](auto reply) { sandbox->CreateContext(Call(), request, std::move(reply)); });
  if (!context.ok()) {
    co_await AnswerStatus(exchange, context.status());
    co_return;
  }
  const nlohmann::json made = ContextJson(*context);
  co_await AnswerJson(exchange, HttpStatus::ok, made);
}

Async<void> CodeInterpreter::Delete(Exchange& exchange, Handle sandbox, std::string context_id) {
  auto deleted = co_await Ask<v1::DeleteContextResponse>(
      [&](auto reply) { sandbox->DeleteContext(Call(), context_id, std::move(reply)); });
  absl::Status status = deleted.status();
  if (absl::IsNotFound(status)) status = NoSuchContext(context_id);
  if (!status.ok()) {
    co_await AnswerStatus(exchange, status);
    co_return;
  }
  const nlohmann::json nothing;
  co_await AnswerJson(exchange, HttpStatus::ok, nothing);
}

Async<void> CodeInterpreter::Restart(Exchange& exchange, Handle sandbox, std::string context_id) {
  auto context = co_await RestartContext(sandbox, context_id);
  absl::Status status = context.status();
  if (absl::IsNotFound(status)) status = NoSuchContext(context_id);
  if (!status.ok()) {
    co_await AnswerStatus(exchange, status);
    co_return;
  }
  const nlohmann::json nothing;
  co_await AnswerJson(exchange, HttpStatus::ok, nothing);
}

}  // namespace warren
