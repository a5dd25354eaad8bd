#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/relay/client_hello.h"
#include "runtime/relay/connection.h"
#include "runtime/relay/socket_options.h"
#include "runtime/relay/times.h"

// An open connection: what it says, looked at and passed on.
namespace warren {
namespace {

// At a time, before others have their turn.
constexpr int kRounds = 8;
constexpr std::chrono::milliseconds kLookAgain(20);

}  // namespace

void Connection::Pump(Direction direction) {
  const Side& from = direction == Direction::kOut ? client_ : origin_;
  for (int round = 0; round < kRounds && state_ == State::kOpen && !from.ended; ++round) {
    if (!PumpOnce(direction)) return;
  }
}

bool Connection::PumpOnce(Direction direction) {
  const bool out = direction == Direction::kOut;
  Side& from = out ? client_ : origin_;
  const std::span<char> buffer = host_.buffer();
  const int64_t most = (out ? host_.bandwidth_out() : host_.bandwidth_in())
                           .Available(static_cast<int64_t>(buffer.size()));
  if (most == 0) {
    WaitForBandwidth(direction);
    return false;
  }
  // What must be looked at is looked at whole.
  const bool whole = out && speech_ != Speech::kOpaque;
  const size_t room = whole ? buffer.size() : static_cast<size_t>(most);
  const ssize_t seen = ::recv(from.fd.get(), buffer.data(), room, MSG_PEEK | MSG_DONTWAIT);
  if (seen <= 0) return OnNothingSeen(direction, seen);
  const auto there = static_cast<size_t>(seen);
  const size_t passes =
      std::min(out ? Screen({buffer.data(), there}) : there, static_cast<size_t>(most));
  if (state_ != State::kOpen || passes == 0 || !PassOn(direction, passes)) return false;
  from.wants_read = true;
  return there > passes || there == room;
}

bool Connection::OnNothingSeen(Direction direction, ssize_t seen) {
  Side& from = direction == Direction::kOut ? client_ : origin_;
  const Side& to = direction == Direction::kOut ? origin_ : client_;
  if (seen < 0 && errno == EINTR) return true;
  if (seen < 0 && errno == EAGAIN) {
    from.wants_read = true;
  } else if (seen < 0) {
    End(broken_ ? Ending::kOrderly : Ending::kReset);
  } else {
    from.ended = true;
    from.wants_read = false;
    ::shutdown(to.fd.get(), SHUT_WR);
    CloseWhenDone();
  }
  return false;
}

bool Connection::PassOn(Direction direction, size_t size) {
  const bool out = direction == Direction::kOut;
  Side& from = out ? client_ : origin_;
  Side& to = out ? origin_ : client_;
  const ssize_t sent =
      ::send(to.fd.get(), host_.buffer().data(), size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    OnSendFailed(direction);
    return false;
  }
  if (sent > 0) {
    // Taken only now: what was not sent lies where it lay.
    ::recv(from.fd.get(), nullptr, static_cast<size_t>(sent), MSG_TRUNC | MSG_DONTWAIT);
    from.received += sent;
    if (out) approved_ -= std::min(approved_, static_cast<size_t>(sent));
    (out ? host_.bandwidth_out() : host_.bandwidth_in()).Spend(sent);
    last_byte_ = MonotonicClock::now();
  }
  if (sent == static_cast<ssize_t>(size)) return true;
  to.wants_write = true;
  from.wants_read = false;
  return false;
}

// A server that refuses an upload answers and closes: its answer is in the kernel, and the program
// is to see it.
void Connection::OnSendFailed(Direction direction) {
  Side& from = direction == Direction::kOut ? client_ : origin_;
  Side& to = direction == Direction::kOut ? origin_ : client_;
  from.ended = true;
  from.wants_read = false;
  to.wants_write = false;
  if (broken_ || to.ended) return End(Ending::kReset);
  broken_ = true;
  Pump(direction == Direction::kOut ? Direction::kIn : Direction::kOut);
  // What may still come has as long as any half of a connection.
  if (state_ == State::kOpen) CloseWhenDone();
}

void Connection::WaitForBandwidth(Direction direction) {
  const bool out = direction == Direction::kOut;
  (out ? client_ : origin_).wants_read = false;
  if (std::exchange(out ? waits_out_ : waits_in_, true)) return;
  (out ? host_.bandwidth_out() : host_.bandwidth_in()).Await([self = weak_from_this(), direction] {
    auto connection = self.lock();
    if (!connection) return;
    (direction == Direction::kOut ? connection->waits_out_ : connection->waits_in_) = false;
    connection->GoOn(direction);
  });
}

void Connection::LookLater() {
  client_.wants_read = false;
  if (look_timer_ != 0) return;
  look_timer_ =
      host_.loop().AddTimer(MonotonicClock::now() + kLookAgain, [self = weak_from_this()] {
        auto connection = self.lock();
        if (!connection) return;
        connection->look_timer_ = 0;
        connection->GoOn(Direction::kOut);
      });
}

void Connection::GoOn(Direction direction) {
  if (state_ != State::kOpen) return;
  // One that waits for room goes on when there is some.
  if (!(direction == Direction::kOut ? origin_ : client_).wants_write) Pump(direction);
  if (state_ == State::kOpen) WatchSide(client_);
  if (state_ == State::kOpen) WatchSide(origin_);
}

void Connection::CloseWhenDone() {
  if (client_.ended && origin_.ended) return End(Ending::kOrderly);
  ArmOpenTimer();
}

// ---- What the client says of where it goes ----------------------------------------------------

size_t Connection::Screen(absl::string_view bytes) {
  if (LayerIsOff(host_.layers_off(), TestLayer::kNameAgreement)) speech_ = Speech::kOpaque;
  if (held_ > 0 && bytes.size() <= held_) {
    if (HasEnded(client_.fd.get())) {
      Deny("it ends before it has said where it goes");
    } else {
      // Urgent data behind it, which a look never passes, or a kernel that is short of memory.
      LookLater();
    }
    return 0;
  }
  switch (speech_) {
    case Speech::kUnknown:
      return ScreenFirst(bytes);
    case Speech::kHttp:
      return ScreenHttp(bytes);
    case Speech::kOpaque:
      return bytes.size();
  }
  return 0;
}

size_t Connection::ScreenFirst(absl::string_view bytes) {
  const ClientHello hello = InspectClientHello(bytes);
  switch (hello.state) {
    case ClientHello::State::kNeedMore:
      Hold(bytes.size());
      return 0;
    case ClientHello::State::kMalformed:
      Deny(absl::StrCat("its TLS hello is malformed: ", hello.problem));
      return 0;
    case ClientHello::State::kComplete:
      if (!hello.server_name.empty() && hello.server_name != target_.name) {
        Deny(absl::StrCat("the connection was made to ", target_.Text(),
                          ", and its TLS hello names ", hello.server_name));
        return 0;
      }
      speech_ = Speech::kOpaque;
      Release();
      return bytes.size();
    case ClientHello::State::kNotTls:
      break;
  }
  switch (LooksLikeHttp(bytes)) {
    case HttpLikeness::kNeedMore:
      Hold(bytes.size());
      return 0;
    case HttpLikeness::kNo:
      speech_ = Speech::kOpaque;
      Release();
      return bytes.size();
    case HttpLikeness::kYes:
      break;
  }
  speech_ = Speech::kHttp;
  http_.emplace(target_.name.empty() ? AddressText(target_.address) : target_.name, target_.port);
  return ScreenHttp(bytes);
}

size_t Connection::ScreenHttp(absl::string_view bytes) {
  // The guard counts as gone what it let go.
  if (approved_ > 0) return std::min(approved_, bytes.size());
  const HttpGuard::Look look = http_->Next(bytes);
  if (!look.denied.empty()) {
    Deny(look.denied);
    return 0;
  }
  if (look.opaque) {
    speech_ = Speech::kOpaque;
    Release();
    return bytes.size();
  }
  if (look.need_more && look.forward == 0) {
    Hold(bytes.size());
    return 0;
  }
  Release();
  approved_ = look.forward;
  return look.forward;
}

// The kernel says that there is something to read only when there is more than that.
void Connection::Hold(size_t held) {
  const bool first = held_ == 0;
  held_ = held;
  if (first) {
    held_since_ = MonotonicClock::now();
    ArmOpenTimer();
  }
  client_.wants_read = true;
  SetOption(client_.fd.get(), SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(held) + 1);
}

void Connection::Release() {
  if (std::exchange(held_, 0) == 0) return;
  SetOption(client_.fd.get(), SOL_SOCKET, SO_RCVLOWAT, 1);
  ArmOpenTimer();
}

}  // namespace warren
