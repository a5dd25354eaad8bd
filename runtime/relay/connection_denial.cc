#include <sys/socket.h>

#include <cerrno>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/relay/client_hello.h"
#include "runtime/relay/connection.h"
#include "runtime/relay/http_requests.h"
#include "runtime/relay/socket_options.h"
#include "runtime/relay/times.h"

// A connection that comes to nothing. Its program has been told that it is connected, so it is told
// the rest in the protocol that it speaks: a TLS client sees an alert, an HTTP client an answer
// with the reason, and another a reset.
namespace warren {
namespace {

constexpr int kForbidden = 403;
constexpr int kBadGateway = 502;
// Of what a client goes on to say behind its denial: the answer must reach it before the reset that
// unread bytes are answered with.
constexpr int64_t kMostDiscarded = 1 << 20;

}  // namespace

void Connection::Deny(const std::string& reason) {
  Report(v1::NetworkEvent::DENIED, reason);
  AnswerWith({kForbidden, true, reason});
}

void Connection::Fail(const std::string& reason) {
  Report(v1::NetworkEvent::FAILED, reason);
  AnswerWith({kBadGateway, false, reason});
}

void Connection::Refuse(const std::string& reason) {
  Report(v1::NetworkEvent::DENIED, reason);
  End(Ending::kReset);
}

void Connection::AnswerWith(Answer answer) {
  state_ = State::kAnswering;
  answer_ = std::move(answer);
  candidates_.clear();
  if (origin_.watch != IoLoop::kNoWatch) host_.loop().Unwatch(origin_.watch);
  if (origin_.fd.valid()) CloseWithReset(origin_.fd.get());
  origin_ = Side();
  SetOption(client_.fd.get(), SOL_SOCKET, SO_RCVLOWAT, 1);
  held_ = 0;
  client_.wants_write = false;
  client_.wants_read = true;
  WatchSide(client_);
  if (state_ == State::kAnswering) ArmTimer(kFirstWordTime);
}

void Connection::OnAnswering() {
  const std::span<char> bytes = host_.buffer();
  const ssize_t seen =
      ::recv(client_.fd.get(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (seen <= 0) return End(Ending::kReset);
  const absl::string_view said(bytes.data(), static_cast<size_t>(seen));
  if (said.size() <= held_) {
    // Nothing more comes, or none that can be seen: its time runs out.
    client_.wants_read = false;
    return WatchSide(client_);
  }
  held_ = said.size();
  // Enough of a hello to know one by.
  constexpr char kHandshakeRecord = 0x16;
  if (said[0] == kHandshakeRecord) {
    if (!answer_->tls_alert) return End(Ending::kReset);
    return Say(AccessDeniedAlert());
  }
  switch (speech_ == Speech::kHttp ? HttpLikeness::kYes : LooksLikeHttp(said)) {
    case HttpLikeness::kYes:
      return Say(DenialResponse(answer_->http_status, answer_->reason));
    case HttpLikeness::kNeedMore:
      return SetOption(client_.fd.get(), SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(seen) + 1);
    case HttpLikeness::kNo:
      return End(Ending::kReset);
  }
}

void Connection::Say(absl::string_view text) {
  // A few hundred bytes on a socket that nothing was written to fit its buffer.
  const ssize_t sent =
      ::send(client_.fd.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(text.size())) return End(Ending::kReset);
  ::shutdown(client_.fd.get(), SHUT_WR);
  Linger();
}

void Connection::Linger() {
  state_ = State::kLingering;
  SetOption(client_.fd.get(), SOL_SOCKET, SO_RCVLOWAT, 1);
  ArmTimer(kLingerTime);
  OnLingering();
}

void Connection::OnLingering() {
  while (discarded_ < kMostDiscarded) {
    const ssize_t size = ::recv(client_.fd.get(), nullptr, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return;
    if (size == 0) return End(Ending::kOrderly);
    if (size < 0) break;
    discarded_ += size;
  }
  End(Ending::kReset);
}

}  // namespace warren
