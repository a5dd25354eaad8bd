#include "supervisor/gateway/ports/port_proxy.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/http/write.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "supervisor/gateway/base/answers.h"
#include "supervisor/gateway/http/limits.h"

namespace warren {
namespace {

namespace http = boost::beast::http;

std::string NameOf(const HttpFields::value_type& field) {
  return absl::AsciiStrToLower(std::string(field.name_string()));
}

// Headers that are about one connection, and are not passed on (RFC 9110, 7.6.1), but for those of
// an upgrade; and those by which the gateway was asked.
bool StaysHere(const std::string& name, absl::string_view named_by_connection) {
  for (const char* own :
       {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade", "expect", "host", "content-length", "x-forwarded-host", "x-forwarded-proto"}) {
    if (name == own) return true;
  }
  if (absl::StartsWith(name, "e2b-") || name == "x-access-token" || name == "x-api-key")
    return true;
  for (absl::string_view named : absl::StrSplit(named_by_connection, ',')) {
    if (absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(named), name)) return true;
  }
  return false;
}

bool WantsUpgrade(const Exchange& exchange) {
  return !exchange.header("Upgrade").empty() &&
         absl::StrContains(absl::AsciiStrToLower(exchange.header("Connection")), "upgrade");
}

Async<void> RefusePort(Exchange& exchange, const std::string& sandbox_id, uint32_t port,
                       HttpStatus status, absl::string_view message) {
  nlohmann::json body;
  body["sandboxId"] = sandbox_id;
  body["message"] = std::string(message);
  body["port"] = port;
  body["code"] = static_cast<unsigned>(status);
  co_await AnswerJson(exchange, status, body);
}

// Ends when the client has gone, or `exchange_over` says that nobody asks any more.
Async<void> AbortWhenGone(std::shared_ptr<Signal> signal, std::shared_ptr<Upstream> upstream,
                          std::shared_ptr<bool> over, std::shared_ptr<ClientLink> link) {
  while (!*over) {
    co_await signal->WaitUntil(SteadyTime::max());
    if (link->gone() && !*over) {
      upstream->Abort();
      break;
    }
  }
}

// From the program to the client, once both speak something else than HTTP.
Async<void> PassBack(std::shared_ptr<Upstream> upstream, std::shared_ptr<ClientLink> link) {
  for (;;) {
    const std::string bytes = co_await upstream->ReadRaw();
    if (bytes.empty()) break;
    const absl::string_view parts[] = {bytes};
    link->Within(kStallTime);
    const bool written = co_await link->Write(parts);
    link->WithoutLimit();
    if (!written) break;
  }
  // The client reads what is on its way to it, and then the end; it has as long as a piece to go.
  link->Finish();
  link->Within(kStallTime);
}

Async<void> PassForth(std::shared_ptr<Upstream> upstream, std::shared_ptr<ClientLink> link) {
  for (;;) {
    if (link->input().size() == 0) {
      const bool filled = co_await link->Fill();
      if (!filled) break;
    }
    const auto data = link->input().data();
    const std::string bytes(static_cast<const char*>(data.data()), data.size());
    link->input().consume(data.size());
    const bool written = co_await upstream->Write(bytes);
    if (!written) break;
  }
  upstream->Abort();
}

// The head of the request as the program gets it.
std::string ForwardedHead(const Exchange& exchange, const SandboxNotes& notes, uint32_t port) {
  std::string host(exchange.header("Host"));
  std::string head = absl::StrCat(exchange.method(), " ", exchange.raw_target(), " HTTP/1.1\r\n");
  const std::string shown =
      notes.masked_host.empty()
          ? host
          : absl::StrReplaceAll(notes.masked_host, {{"${PORT}", absl::StrCat(port)}});
  absl::StrAppend(&head, "Host: ", shown, "\r\n");
  const absl::string_view connection = exchange.header("Connection");
  for (const auto& field : exchange.fields()) {
    if (StaysHere(NameOf(field), connection)) continue;
    absl::StrAppend(&head, std::string(field.name_string()), ": ", std::string(field.value()),
                    "\r\n");
  }
  if (WantsUpgrade(exchange)) {
    absl::StrAppend(&head, "Connection: Upgrade\r\nUpgrade: ", exchange.header("Upgrade"), "\r\n");
  } else {
    absl::StrAppend(&head, "Connection: close\r\n");
  }
  if (!exchange.header("Transfer-Encoding").empty()) {
    absl::StrAppend(&head, "Transfer-Encoding: chunked\r\n");
  } else if (!exchange.header("Content-Length").empty()) {
    absl::StrAppend(&head, "Content-Length: ", exchange.header("Content-Length"), "\r\n");
  }
  return absl::StrCat(head, "X-Forwarded-Host: ", host,
                      "\r\nX-Forwarded-Proto: ", exchange.secure() ? "https" : "http", "\r\n\r\n");
}

}  // namespace

Async<std::shared_ptr<Upstream>> PortProxy::Connect(Exchange& exchange, const OpenedSandbox& opened,
                                                    uint32_t port) {
  const std::string& id = opened.sandbox.sandbox_id();
  auto connection = co_await Ask<std::unique_ptr<PortConnection>>(
      [&](auto reply) { opened.handle->ConnectPort(Call(), port, std::move(reply)); });
  absl::Status refused = connection.status();
  if (refused.ok()) {
    auto upstream = Upstream::Open(exchange.strand(), *std::move(connection));
    if (upstream.ok()) co_return *std::move(upstream);
    refused = upstream.status();
  }
  const bool closed = absl::IsFailedPrecondition(refused);
  co_await RefusePort(exchange, id, port, closed ? HttpStatus::bad_gateway : HttpStatusOf(refused),
                      closed ? absl::string_view("The sandbox is running but port is not open")
                             : refused.message());
  co_return nullptr;
}

Async<void> PortProxy::SendRequest(Exchange& exchange, Upstream& upstream,
                                   const std::string& head) {
  bool written = co_await upstream.Write(head);
  exchange.SetBodyLimit(Exchange::kNoBodyLimit);
  exchange.KeepEncoding();
  const bool chunked = !exchange.header("Transfer-Encoding").empty();
  while (written) {
    auto piece = co_await exchange.ReadPiece();
    if (!piece.ok()) {
      // It must not take what came for the whole of it.
      upstream.Abort();
      co_return;
    }
    std::string bytes = *std::move(piece);
    const bool last = bytes.empty();
    if (chunked && last) bytes = "0\r\n\r\n";
    if (chunked && !last)
      bytes = absl::StrCat(absl::StrFormat("%x\r\n", bytes.size()), bytes, "\r\n");
    if (!bytes.empty()) written = co_await upstream.Write(bytes);
    if (last) break;
  }
}

Async<void> PortProxy::PassAnswer(Exchange& exchange, Upstream& upstream) {
  const auto& answer = upstream.answer().get();
  const auto found = answer.find(http::field::connection);
  const std::string connection =
      found == answer.end() ? std::string() : std::string(found->value());
  for (const auto& field : answer) {
    if (!StaysHere(NameOf(field), connection))
      exchange.answer_fields().insert(field.name_string(), field.value());
  }
  std::optional<uint64_t> length;
  if (auto said = upstream.answer().content_length()) length = *said;
  const auto status = static_cast<HttpStatus>(answer.result_int());
  bool going = co_await exchange.Begin(status, "", length);
  while (going) {
    auto piece = co_await upstream.ReadPiece();
    if (!piece.ok()) {
      exchange.Hangup();
      co_return;
    }
    if (piece->empty()) break;
    going = co_await exchange.Write(*piece);
  }
  if (going) co_await exchange.End();
}

Async<void> PortProxy::Serve(Exchange& exchange, std::string sandbox_id, uint32_t port) {
  auto opened = co_await door_.Open(exchange, sandbox_id, Credential::kTraffic, ErrorForm::kRest);
  if (!opened) co_return;
  auto upstream = co_await Connect(exchange, *opened, port);
  if (upstream == nullptr) co_return;
  const std::string head = ForwardedHead(exchange, opened->notes, port);

  auto link = exchange.link().shared_from_this();
  auto over = std::make_shared<bool>(false);
  // A program that takes nothing of the body, or says nothing, is left when its client goes.
  exchange.WatchClient();
  boost::asio::co_spawn(exchange.strand(), AbortWhenGone(exchange.signal(), upstream, over, link),
                        boost::asio::detached);
  co_await SendRequest(exchange, *upstream, head);
  exchange.WatchClient();
  absl::Status read = co_await upstream->ReadHead(exchange.method() == "HEAD");
  const bool switches = read.ok() && upstream->answer().get().result_int() == 101;
  if (switches && !WantsUpgrade(exchange)) {
    read = absl::UnavailableError("the program in the sandbox switches protocols, unasked");
  }
  if (!read.ok()) {
    co_await RefusePort(exchange, sandbox_id, port, HttpStatus::bad_gateway, read.message());
  } else if (switches) {
    std::ostringstream answer;
    answer << upstream->answer().get().base();
    // What comes of the client from here on is for the program.
    link->Watch(exchange.signal(), ClientLink::Expected::kBody);
    const std::string text = std::move(answer).str();
    const absl::string_view parts[] = {text};
    const bool written = co_await link->Write(parts);
    if (written) {
      boost::asio::co_spawn(exchange.strand(), PassBack(upstream, link), boost::asio::detached);
      co_await PassForth(upstream, link);
    }
    exchange.Hangup();
  } else {
    co_await PassAnswer(exchange, *upstream);
  }
  *over = true;
  exchange.signal()->Wake();
  // Wakes who is still reading from it.
  upstream->Abort();
}

}  // namespace warren
