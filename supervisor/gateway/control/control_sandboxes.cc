#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/status.h"
#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/control/control_plane.h"
#include "supervisor/gateway/control/json_fields.h"
#include "supervisor/gateway/control/list_query.h"
#include "supervisor/gateway/control/network_rules.h"

namespace warren {
namespace {

// docs/TIMING.md. Between the two readings that tell how busy a sandbox is.
constexpr absl::Duration kMetricsApart = absl::Milliseconds(100);

}  // namespace

// A create may wait for room: nothing is made for a client that goes meanwhile.
Async<absl::StatusOr<v1::Sandbox>> ControlPlane::Make(Context& context,
                                                      const v1::CreateSandboxRequest& request) {
  struct Made {
    std::optional<absl::StatusOr<v1::Sandbox>> answer;
  };
  Exchange& exchange = context.exchange;
  auto made = std::make_shared<Made>();
  auto operation = door_.backend().Create(
      context.call, request,
      [made, signal = exchange.signal(),
       strand = exchange.strand()](absl::StatusOr<v1::Sandbox> answer) {
        boost::asio::post(strand, [made, signal, answer = std::move(answer)]() mutable {
          made->answer = std::move(answer);
          signal->Wake();
        });
      });
  exchange.WatchClient();
  bool cancelled = false;
  while (!made->answer) {
    co_await exchange.signal()->WaitUntil(SteadyTime::max());
    if (exchange.client_gone() && operation != nullptr && !std::exchange(cancelled, true))
      operation->Cancel();
  }
  co_return *std::move(made->answer);
}

Async<void> ControlPlane::Create(Context& context) {
  Exchange& exchange = context.exchange;
  auto body = co_await ReadJson(context);
  WARREN_ANSWER_IF_ERROR(exchange, body.status());
  auto request = ReadCreate(*body, context.version, options_.defaults);
  WARREN_ANSWER_IF_ERROR(exchange, request.status());
  // It may take many times the bytes that it was charged with, and what follows may wait.
  body = nlohmann::json();
  auto made = co_await Make(context, *request);
  WARREN_ANSWER_IF_ERROR(exchange, made.status());
  if (exchange.client_gone()) {
    // Nobody will hear its name.
    auto found = co_await door_.Look(made->sandbox_id(), context.call);
    if (found.ok()) (void)co_await Destroy(*found);
    exchange.Hangup();
    co_return;
  }
  const nlohmann::json json = ConnectionJson(*made, door_.tokens(), options_.naming);
  co_await AnswerJson(exchange, HttpStatus::created, json);
}

Async<absl::Status> ControlPlane::Destroy(OpenedSandbox& opened) {
  auto destroyed = co_await Ask<v1::DestroySandboxResponse>(
      [&](auto reply) { opened.handle->Destroy(Call(), std::move(reply)); });
  co_return destroyed.status();
}

Async<void> ControlPlane::List(Context& context) {
  auto request = ReadListQuery(context.exchange.target(), options_.defaults.aliases);
  WARREN_ANSWER_IF_ERROR(context.exchange, request.status());
  auto listed = co_await Ask<v1::ListSandboxesResponse>(
      [&](auto reply) { door_.backend().List(context.call, *request, std::move(reply)); });
  WARREN_ANSWER_IF_ERROR(context.exchange, listed.status());
  nlohmann::json json = nlohmann::json::array();
  for (const v1::Sandbox& sandbox : listed->sandboxes()) json.push_back(ListedJson(sandbox));
  if (!listed->next_page_token().empty())
    context.exchange.answer_fields().set("X-Next-Token", listed->next_page_token());
  co_await AnswerJson(context.exchange, HttpStatus::ok, json);
}

Async<void> ControlPlane::Get(Context& context) {
  auto found = co_await Find(context);
  WARREN_ANSWER_IF_ERROR(context.exchange, found.status());
  const nlohmann::json json = InfoJson(found->sandbox, door_.tokens(), options_.naming);
  co_await AnswerJson(context.exchange, HttpStatus::ok, json);
}

Async<void> ControlPlane::Kill(Context& context) {
  auto found = co_await Find(context);
  WARREN_ANSWER_IF_ERROR(context.exchange, found.status());
  const absl::Status ended = co_await Destroy(*found);
  WARREN_ANSWER_IF_ERROR(context.exchange, ended);
  co_await AnswerNothing(context.exchange);
}

Async<absl::Status> ControlPlane::Unpause(OpenedSandbox& opened, int64_t seconds) {
  v1::ResumeSandboxRequest request;
  request.mutable_lifetime()->set_seconds(seconds);
  auto resumed = co_await Ask<v1::Sandbox>(
      [&](auto reply) { opened.handle->Unpause(Call(), request, std::move(reply)); });
  if (!resumed.ok()) co_return resumed.status();
  opened.sandbox = *std::move(resumed);
  co_return absl::OkStatus();
}

Async<absl::Status> ControlPlane::SetRest(OpenedSandbox& opened, int64_t seconds, Extend extend) {
  const absl::Time end = absl::Now() + absl::Seconds(seconds);
  if (extend == Extend::kOnlyLonger &&
      absl::FromUnixSeconds(opened.sandbox.expires_at().seconds()) > end) {
    co_return absl::OkStatus();
  }
  v1::SetSandboxLifetimeRequest request;
  request.mutable_lifetime()->set_seconds(seconds);
  request.set_lifetime_from(v1::LIFETIME_FROM_CREATION);
  // As it was: to leave it out would be to kill it.
  request.set_on_expiry(opened.sandbox.on_expiry());
  auto set = co_await Ask<v1::Sandbox>(
      [&](auto reply) { opened.handle->SetLifetime(Call(), request, std::move(reply)); });
  if (!set.ok()) co_return set.status();
  opened.sandbox = *std::move(set);
  co_return absl::OkStatus();
}

Async<absl::StatusOr<ControlPlane::Timed>> ControlPlane::FindTimed(Context& context,
                                                                   const char* name,
                                                                   int64_t otherwise) {
  auto body = co_await ReadJson(context);
  if (!body.ok()) co_return body.status();
  auto seconds = ReadTimeout(*body, name, otherwise);
  if (!seconds.ok()) co_return seconds.status();
  auto memory = FlagOf(*body, "memory");
  if (!memory.ok()) co_return memory.status();
  auto found = co_await Find(context);
  if (!found.ok()) co_return found.status();
  co_return Timed{*std::move(found), *seconds, memory->value_or(true)};
}

absl::Status ControlPlane::CheckResume(const Timed& timed) {
  if (timed.memory) return absl::OkStatus();
  return absl::UnimplementedError(
      "a resume that boots anew (onResume: reboot) is not supported by this server");
}

Async<void> ControlPlane::Connect(Context& context) {
  auto timed = co_await FindTimed(context, "timeout", kDefaultTimeoutSeconds);
  WARREN_ANSWER_IF_ERROR(context.exchange, timed.status());
  WARREN_ANSWER_IF_ERROR(context.exchange, CheckResume(*timed));
  const bool paused = timed->opened.sandbox.state() == v1::Sandbox::PAUSED;
  absl::Status done;
  if (paused) {
    done = co_await Unpause(timed->opened, timed->seconds);
  } else {
    done = co_await SetRest(timed->opened, timed->seconds, Extend::kOnlyLonger);
  }
  WARREN_ANSWER_IF_ERROR(context.exchange, done);
  const nlohmann::json json =
      ConnectionJson(timed->opened.sandbox, door_.tokens(), options_.naming);
  co_await AnswerJson(context.exchange, paused ? HttpStatus::created : HttpStatus::ok, json);
}

Async<void> ControlPlane::Resume(Context& context) {
  auto timed = co_await FindTimed(context, "timeout", kDefaultTimeoutSecondsV1);
  WARREN_ANSWER_IF_ERROR(context.exchange, timed.status());
  WARREN_ANSWER_IF_ERROR(context.exchange, CheckResume(*timed));
  if (timed->opened.sandbox.state() != v1::Sandbox::PAUSED) {
    co_await AnswerError(context.exchange, HttpStatus::conflict, "the sandbox is running already");
    co_return;
  }
  const absl::Status resumed = co_await Unpause(timed->opened, timed->seconds);
  WARREN_ANSWER_IF_ERROR(context.exchange, resumed);
  const nlohmann::json json =
      ConnectionJson(timed->opened.sandbox, door_.tokens(), options_.naming);
  co_await AnswerJson(context.exchange, HttpStatus::created, json);
}

Async<void> ControlPlane::SetTimeout(Context& context) {
  auto timed = co_await FindTimed(context, "timeout", kDefaultTimeoutSeconds);
  WARREN_ANSWER_IF_ERROR(context.exchange, timed.status());
  const absl::Status set = co_await SetRest(timed->opened, timed->seconds, Extend::kAlways);
  WARREN_ANSWER_IF_ERROR(context.exchange, set);
  co_await AnswerNothing(context.exchange);
}

Async<void> ControlPlane::Refresh(Context& context) {
  auto timed = co_await FindTimed(context, "duration", kDefaultTimeoutSecondsV1);
  WARREN_ANSWER_IF_ERROR(context.exchange, timed.status());
  const absl::Status set = co_await SetRest(timed->opened, timed->seconds, Extend::kOnlyLonger);
  WARREN_ANSWER_IF_ERROR(context.exchange, set);
  co_await AnswerNothing(context.exchange);
}

Async<void> ControlPlane::Pause(Context& context) {
  auto body = co_await ReadJson(context);
  WARREN_ANSWER_IF_ERROR(context.exchange, body.status());
  auto memory = FlagOf(*body, "memory");
  WARREN_ANSWER_IF_ERROR(context.exchange, memory.status());
  auto found = co_await Find(context);
  WARREN_ANSWER_IF_ERROR(context.exchange, found.status());
  if (memory->has_value() && !**memory) {
    co_await AnswerError(
        context.exchange, HttpStatus::not_implemented,
        "a pause that keeps files alone (keepMemory: false) is not supported by this server");
    co_return;
  }
  if (found->sandbox.state() == v1::Sandbox::PAUSED) {
    co_await AnswerError(context.exchange, HttpStatus::conflict,
                         absl::StrCat("sandbox \"", context.path.at(1), "\" is paused already"));
    co_return;
  }
  auto paused = co_await Ask<v1::Sandbox>(
      [&](auto reply) { found->handle->Pause(Call(), std::move(reply)); });
  WARREN_ANSWER_IF_ERROR(context.exchange, paused.status());
  co_await AnswerNothing(context.exchange);
}

Async<void> ControlPlane::Metrics(Context& context) {
  auto found = co_await Find(context);
  WARREN_ANSWER_IF_ERROR(context.exchange, found.status());
  auto read = [&](auto reply) { found->handle->GetMetrics(Call(), std::move(reply)); };
  auto before = co_await Ask<v1::SandboxMetrics>(read);
  WARREN_ANSWER_IF_ERROR(context.exchange, before.status());
  const auto alarm = std::make_shared<Signal>(context.exchange.strand());
  co_await alarm->WaitUntil(std::chrono::steady_clock::now() +
                            absl::ToChronoNanoseconds(kMetricsApart));
  auto now = co_await Ask<v1::SandboxMetrics>(read);
  WARREN_ANSWER_IF_ERROR(context.exchange, now.status());
  nlohmann::json json = nlohmann::json::array();
  json.push_back(MetricsJson(*before, *now));
  co_await AnswerJson(context.exchange, HttpStatus::ok, json);
}

Async<void> ControlPlane::SetNetwork(Context& context) {
  auto body = co_await ReadJson(context);
  WARREN_ANSWER_IF_ERROR(context.exchange, body.status());
  auto egress = ReadEgress(*body);
  WARREN_ANSWER_IF_ERROR(context.exchange, egress.status());
  auto internet = FlagOf(*body, "allow_internet_access");
  WARREN_ANSWER_IF_ERROR(context.exchange, internet.status());
  egress->internet = internet->value_or(true);
  auto found = co_await Find(context);
  WARREN_ANSWER_IF_ERROR(context.exchange, found.status());
  v1::SetSandboxNetworkRequest request;
  *request.mutable_network() = ToNetworkPolicy(*egress);
  auto set = co_await Ask<v1::Sandbox>(
      [&](auto reply) { found->handle->SetNetwork(Call(), request, std::move(reply)); });
  WARREN_ANSWER_IF_ERROR(context.exchange, set.status());
  co_await AnswerNothing(context.exchange);
}

}  // namespace warren
