#include "runtime/relay/connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/packages/package_name.h"
#include "runtime/relay/name_table.h"
#include "runtime/relay/socket_options.h"
#include "runtime/relay/times.h"

namespace warren {
namespace {

using std::chrono::milliseconds;

// Of the addresses of a name, so many are looked at.
constexpr size_t kMaxCandidates = 8;
// Of what a reason may be; the rest is cut.
constexpr size_t kMaxReason = 512;

std::string ToAscii(absl::string_view text) {
  std::string ascii(text);
  for (char& c : ascii) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return ascii;
}

}  // namespace

std::string Target::Text() const {
  return absl::StrCat(name.empty() ? AddressText(address) : name, ":", port);
}

Connection::Connection(ConnectionHost& host, uint64_t id, UniqueFd client, Target target)
    : host_(host), id_(id), target_(std::move(target)) {
  client_.fd = std::move(client);
  PrepareStream(client_.fd.get());
}

Connection::~Connection() {
  // Its host goes: nobody is told.
  reported_ = true;
  if (state_ != State::kEnded) Close(Ending::kReset);
}

void Connection::Start() {
  const NetworkRules::Decision decision = DecideTarget();
  if (!decision.allowed) return Deny(decision.reason);
  if (target_.name.empty()) return OnResolved(std::vector<IpAddress>{target_.address});
  if (target_.name == kPackageIndexHost) return HandOver();
  state_ = State::kResolving;
  host_.Resolve(target_.name, [self = weak_from_this()](const Resolver::Answer& answer) {
    auto connection = self.lock();
    if (connection && connection->state_ == State::kResolving) connection->OnResolved(answer);
  });
}

void Connection::HandOver() {
  if (target_.port != kPackageIndexPort)
    return Fail(absl::StrCat(target_.name, " is at port ", kPackageIndexPort, " alone"));
  const absl::Status status = host_.HandOver(client_.fd.get());
  if (!status.ok()) return Fail(absl::StrCat(target_.Text(), ": ", status.message()));
  // Closes a descriptor of it, not the connection.
  End(Ending::kOrderly);
}

NetworkRules::Decision Connection::DecideTarget() const {
  if (!target_.name.empty()) return host_.rules().DecideName(target_.name, target_.port);
  if (NameTable::IsName(target_.address.to_v4().to_uint())) {
    return {false,
            absl::StrCat(AddressText(target_.address),
                         " stands for no name that this sandbox has asked for: look the name "
                         "up again")};
  }
  if (LayerIsOff(host_.layers_off(), TestLayer::kAddressesByName)) return {true, ""};
  return host_.rules().DecideDirect(target_.address, target_.port);
}

NetworkRules::Decision Connection::DecideDial(const IpAddress& address) const {
  if (LayerIsOff(host_.layers_off(), TestLayer::kSpecialAddresses)) return {true, ""};
  NetworkRules::Decision decision = host_.rules().DecideAddress(address, target_.port);
  if (!decision.allowed || host_.rules().IsOpened(address, target_.port) ||
      !IsOwnAddress({Unmapped(address), target_.port})) {
    return decision;
  }
  return {false,
          absl::StrCat(AddressText(address),
                       " is an address of the server's own, which only the operator's egress "
                       "policy can open")};
}

void Connection::OnResolved(const Resolver::Answer& answer) {
  if (!answer.ok()) return Fail(std::string(answer.status().message()));
  const size_t count = std::min(answer->size(), kMaxCandidates);
  candidates_.assign(answer->rend() - static_cast<ptrdiff_t>(count), answer->rend());
  DialNext();
}

// Each address is asked for right before that very one is dialled: what the name turns into later,
// or the policy was before, does not matter.
void Connection::DialNext() {
  state_ = State::kDialling;
  while (!candidates_.empty()) {
    const IpAddress address = Unmapped(candidates_.back());
    candidates_.pop_back();
    const NetworkRules::Decision decision = DecideDial(address);
    // Of several, the one that was dialled is told of, else the first.
    if (decision.allowed || !dialled_) dialled_ = address;
    if (!decision.allowed) {
      if (address_denied_.empty()) address_denied_ = decision.reason;
      continue;
    }
    absl::Status status = Dial(address);
    if (status.ok()) return;
    dial_error_ = std::string(status.message());
  }
  if (!dial_error_.empty())
    return Fail(absl::StrCat("nobody answers at ", target_.Text(), ": ", dial_error_));
  Deny(target_.name.empty() ? address_denied_ : absl::StrCat(target_.name, ": ", address_denied_));
}

absl::Status Connection::Dial(const IpAddress& address) {
  origin_ = Side();
  const int family = address.is_v4() ? AF_INET : AF_INET6;
  origin_.fd.reset(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!origin_.fd.valid()) return Errno("make a socket");
  PrepareStream(origin_.fd.get());
  SetOption(origin_.fd.get(), SOL_SOCKET, SO_RCVBUF, host_.SocketBuffer());
  SetOption(origin_.fd.get(), SOL_SOCKET, SO_SNDBUF, host_.SocketBuffer());
  const SocketAddress to = ToSocketAddress({address, target_.port});
  const int result =
      ::connect(origin_.fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.size);
  if (result != 0 && errno != EINPROGRESS)
    return Errno(absl::StrCat("connect to ", AddressText(address)));
  origin_.wants_write = true;
  WatchSide(origin_);
  ArmTimer(kDialTime);
  return absl::OkStatus();
}

void Connection::OnDialled() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(origin_.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) {
    dial_error_ = std::strerror(error);
    if (origin_.watch != IoLoop::kNoWatch) host_.loop().Unwatch(origin_.watch);
    origin_ = Side();
    return DialNext();
  }
  Open();
}

void Connection::Open() {
  state_ = State::kOpen;
  last_byte_ = MonotonicClock::now();
  SetOption(client_.fd.get(), SOL_SOCKET, SO_SNDBUF, host_.SocketBuffer());
  origin_.wants_write = false;
  client_.wants_read = origin_.wants_read = true;
  ArmOpenTimer();
  // What the client has said meanwhile goes out at once.
  Pump(Direction::kOut);
  if (state_ != State::kOpen) return;
  WatchSide(client_);
  WatchSide(origin_);
}

// What waits for nothing is not watched at all: the kernel tells of a hang-up whether it was asked
// or not, and again and again.
void Connection::WatchSide(Side& side) {
  const uint32_t events = (side.wants_read ? EPOLLIN : 0u) | (side.wants_write ? EPOLLOUT : 0u);
  if (events == side.watched && (events == 0) == (side.watch == IoLoop::kNoWatch)) return;
  side.watched = events;
  if (events == 0) return host_.loop().Unwatch(std::exchange(side.watch, IoLoop::kNoWatch));
  if (side.watch != IoLoop::kNoWatch) {
    if (!host_.loop().Modify(side.watch, events).ok()) End(Ending::kReset);
    return;
  }
  auto watch = host_.loop().Watch(side.fd.get(), events, [this, &side](uint32_t ready) {
    // It may end here, and its host drops it later.
    const auto keep = shared_from_this();
    OnReady(side, ready);
  });
  if (!watch.ok()) return End(Ending::kReset);
  side.watch = *watch;
}

void Connection::OnReady(Side& side, uint32_t events) {
  switch (state_) {
    case State::kDialling:
      return OnDialled();
    case State::kAnswering:
      return OnAnswering();
    case State::kLingering:
      return OnLingering();
    case State::kOpen:
      break;
    default:
      return;
  }
  const bool failed = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const Direction from = &side == &client_ ? Direction::kOut : Direction::kIn;
  const Direction to = &side == &client_ ? Direction::kIn : Direction::kOut;
  if (side.wants_write && (failed || (events & EPOLLOUT) != 0)) {
    side.wants_write = false;
    Pump(to);
  }
  if (state_ == State::kOpen && side.wants_read && (failed || (events & EPOLLIN) != 0)) Pump(from);
  if (state_ != State::kOpen) return;
  WatchSide(client_);
  if (state_ == State::kOpen) WatchSide(origin_);
}

void Connection::ArmTimer(milliseconds time) {
  host_.loop().CancelTimer(timer_);
  const auto wait = std::chrono::duration_cast<MonotonicClock::duration>(time * host_.pace());
  timer_ = host_.loop().AddTimer(MonotonicClock::now() + wait, [self = weak_from_this()] {
    if (auto connection = self.lock()) {
      connection->timer_ = 0;
      connection->OnTimer();
    }
  });
}

void Connection::OnTimer() {
  switch (state_) {
    case State::kDialling:
      dial_error_ = "no answer in time";
      if (origin_.watch != IoLoop::kNoWatch) host_.loop().Unwatch(origin_.watch);
      origin_ = Side();
      return DialNext();
    case State::kAnswering:
    case State::kLingering:
      return End(Ending::kReset);
    case State::kOpen:
      return OnOpenTimer();
    default:
      return;
  }
}

void Connection::OnOpenTimer() {
  const MonotonicTime now = MonotonicClock::now();
  if (held_ > 0 && now - held_since_ >= kHeadTime * host_.pace())
    return Deny("what it says is not complete, and nothing more of it has come in time");
  const bool half = client_.ended || origin_.ended;
  const milliseconds bound = half ? milliseconds(kHalfOpenTime) : milliseconds(kIdleTime);
  if (now - last_byte_ < bound * host_.pace()) return ArmOpenTimer();
  Report(v1::NetworkEvent::ALLOWED,
         half ? "one direction had ended, and the other was idle" : "it was idle");
  End(Ending::kReset);
}

void Connection::ArmOpenTimer() {
  if (held_ > 0) return ArmTimer(kHeadTime);
  ArmTimer(client_.ended || origin_.ended ? milliseconds(kHalfOpenTime) : milliseconds(kIdleTime));
}

void Connection::Review() {
  if (state_ != State::kResolving && state_ != State::kDialling && state_ != State::kOpen) return;
  NetworkRules::Decision decision = DecideTarget();
  if (decision.allowed && state_ != State::kResolving) decision = DecideDial(*dialled_);
  if (decision.allowed) return;
  Report(v1::NetworkEvent::DENIED,
         absl::StrCat("cut, for the policy has changed: ", decision.reason));
  End(Ending::kReset);
}

void Connection::Report(v1::NetworkEvent::Verdict verdict, absl::string_view reason) {
  if (std::exchange(reported_, true)) return;
  v1::NetworkEvent event;
  event.set_verdict(verdict);
  event.set_name(target_.name);
  if (dialled_) {
    event.set_address(AddressText(*dialled_));
  } else if (target_.name.empty()) {
    event.set_address(AddressText(target_.address));
  }
  event.set_port(target_.port);
  event.set_reason(ToAscii(reason.substr(0, kMaxReason)));
  event.set_bytes_sent(client_.received);
  event.set_bytes_received(origin_.received);
  host_.Tell(std::move(event));
}

void Connection::Close(Ending ending) {
  state_ = State::kEnded;
  host_.loop().CancelTimer(timer_);
  host_.loop().CancelTimer(look_timer_);
  for (Side* side : {&client_, &origin_}) {
    if (side->watch != IoLoop::kNoWatch) host_.loop().Unwatch(side->watch);
    if (side->fd.valid() && ending == Ending::kReset) CloseWithReset(side->fd.get());
    *side = Side();
  }
}

void Connection::End(Ending ending) {
  if (state_ == State::kEnded) return;
  Report(v1::NetworkEvent::ALLOWED, "");
  Close(ending);
  host_.Drop(id_);
}

}  // namespace warren
