#include "supervisor/gateway/envd/file_transfer.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/envd/basic_user.h"
#include "supervisor/gateway/envd/file_transfer_download.h"
#include "supervisor/gateway/envd/file_transfer_upload.h"
#include "supervisor/gateway/envd/filesystem_path.h"

namespace warren {
namespace {

constexpr size_t kMaxUnknownUser = 64;

SignedDeed DeedOf(const Exchange& exchange) {
  return exchange.method() == "POST" ? SignedDeed::kWrite : SignedDeed::kRead;
}

}  // namespace

Async<std::optional<FileQuery>> EnvdFiles::Read(Exchange& exchange) {
  const absl::string_view method = exchange.method();
  if (method != "GET" && method != "HEAD" && method != "POST") {
    exchange.answer_fields().set(boost::beast::http::field::allow, "GET, HEAD, POST");
    co_await AnswerError(exchange, HttpStatus::method_not_allowed,
                         "/files takes GET, HEAD and POST");
    co_return std::nullopt;
  }
  auto query = ParseFileQuery(exchange.target());
  if (!query.ok()) {
    co_await AnswerError(exchange, query.status());
    co_return std::nullopt;
  }
  co_return *std::move(query);
}

Async<void> EnvdFiles::Serve(Exchange& exchange, const std::string& sandbox_id) {
  const std::optional<FileQuery> query = co_await Read(exchange);
  if (!query) co_return;
  // A token that is shown has to be right, whatever else is.
  if (!exchange.header("X-Access-Token").empty() || !query->signature) {
    co_await ServeOpened(exchange, *query, sandbox_id, Credential::kAccessToken);
    co_return;
  }
  absl::Status valid = CheckExpiration(*query, absl::Now());
  if (valid.ok() && !HasSignature(*query, DeedOf(exchange), door_.tokens().Envd(sandbox_id)))
    valid = absl::UnauthenticatedError("invalid signature");
  if (valid.ok()) {
    co_await ServeOpened(exchange, *query, sandbox_id, Credential::kChecked);
    co_return;
  }
  auto sandbox = co_await door_.Look(sandbox_id, Call());
  if (sandbox.ok() && sandbox->notes.secured) {
    co_await AnswerError(exchange, valid);
    co_return;
  }
  // Gone, or for everybody, and then a signature means nothing.
  co_await ServeOpened(exchange, *query, sandbox_id, Credential::kAccessToken);
}

Async<void> EnvdFiles::ServeSigned(Exchange& exchange) {
  const std::optional<FileQuery> query = co_await Read(exchange);
  if (!query) co_return;
  auto sandbox_id = co_await search_.Find(exchange, *query, DeedOf(exchange));
  if (!sandbox_id.ok()) {
    co_await AnswerError(exchange, sandbox_id.status());
    co_return;
  }
  co_await ServeOpened(exchange, *query, *sandbox_id, Credential::kChecked);
}

Async<void> EnvdFiles::ServeOpened(Exchange& exchange, const FileQuery& query,
                                   const std::string& sandbox_id, Credential credential) {
  auto opened = co_await door_.Open(exchange, sandbox_id, credential, ErrorForm::kRest);
  if (!opened) co_return;
  if (!CheckEnvdUser(query.user).ok()) {
    const std::string user =
        absl::CEscape(absl::string_view(query.user).substr(0, kMaxUnknownUser));
    co_await AnswerError(exchange, HttpStatus::unauthorized,
                         absl::StrCat("error looking up user '", user, "': unknown user"));
    co_return;
  }
  if (exchange.method() == "POST") {
    co_await ReceiveFiles(exchange, std::move(opened->handle), query);
    co_return;
  }
  auto path = EnvdPath(query.path.value_or(""), query.user);
  if (!path.ok()) {
    co_await AnswerError(exchange, path.status());
    co_return;
  }
  co_await SendFile(exchange, std::move(opened->handle), *std::move(path), query.user);
}

}  // namespace warren
