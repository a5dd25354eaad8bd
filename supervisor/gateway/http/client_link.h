#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_CLIENT_LINK_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_CLIENT_LINK_H_

#include <array>
#include <atomic>
#include <boost/beast/core/flat_buffer.hpp>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/transport.h"

namespace warren {

// A client's connection with what was read ahead of it, and a time by which it must have done what
// it is about: one that is late is cut.
//
// While an answer takes its time, the connection is read beside it, into a bounded buffer: so a
// client's going is noticed when it happens. Where nothing may be read, because a body is on its
// way or the buffer is full, the kernel says when the connection is broken: at once where it is
// reset, within minutes where the client only said that it says no more and went.
//
// On its strand; held by shared_ptr, for the reading beside and the watchdog go on for a moment
// after the connection's end. Lifecycle: constructor → Start → … → Finish → Close, or Abort.
class ClientLink : public std::enable_shared_from_this<ClientLink> {
 public:
  // `pace`: by how much the host is slower than one of pace 1. `tls` outlives this, or is null.
  ClientLink(const boost::asio::any_io_executor& strand, UniqueFd socket,
             boost::asio::ssl::context* tls, double pace);

  // Once, before anything else: from here on it is cut when it is late.
  void Start();
  Async<bool> Handshake() { return transport_.Handshake(); }

  // What was read and not used yet.
  boost::beast::flat_buffer& input() { return input_; }
  // Reads more into it. False: the client has gone, or input() is as full as it may be.
  Async<bool> Fill();
  Async<bool> Write(std::span<const absl::string_view> parts);

  // What may come of the client while it is watched.
  enum class Expected { kNothing, kBody };
  // From here on the client's going wakes `signal`, until Unwatch.
  void Watch(std::shared_ptr<Signal> signal, Expected expected);
  void Unwatch() { watcher_.reset(); }
  // It has gone, as far as is known.
  bool gone() const { return gone_; }

  // It waits for its next request, and for nothing else. Thread-safe, with idle_since.
  void BeginIdle() { idle_since_ = std::chrono::steady_clock::now().time_since_epoch().count(); }
  void EndIdle() { idle_since_ = kBusy; }
  // In the steady clock's ticks; kBusy where it is at work.
  static constexpr int64_t kBusy = INT64_MAX;
  int64_t idle_since() const { return idle_since_; }

  // It is cut when it has not moved on by then: another call of this, or its end.
  void Within(absl::Duration time);
  // Nothing is awaited of the client: the time that an answer takes is not its own.
  void WithoutLimit() { deadline_ = SteadyTime::max(); }

  const boost::asio::any_io_executor& strand() const { return strand_; }
  bool secure() const { return transport_.secure(); }
  // All is said.
  void Finish() {
    finished_ = true;
    transport_.Finish();
  }
  // The client reads what was sent, and then the end.
  void Close() { End(Transport::Ending::kClosed); }
  // It sees that what it has is not all.
  void Abort() { End(Transport::Ending::kReset); }

 private:
  Async<void> Guard();
  Async<void> ReadBeside();
  Async<void> AwaitBreak();
  void End(Transport::Ending how);
  Async<bool> ReadOnce();

  const boost::asio::any_io_executor strand_;
  const double pace_;
  Transport transport_;
  boost::beast::flat_buffer input_;
  bool gone_ = false;
  bool ended_ = false;
  bool finished_ = false;
  // ReadBeside is at work; it wakes `read_` when it is not any more.
  bool reading_ = false;
  // What it reads into.
  std::array<char, 512> beside_;
  // AwaitBreak is at work, until the connection's end.
  bool awaiting_break_ = false;
  std::atomic<int64_t> idle_since_{kBusy};
  std::shared_ptr<Signal> read_;
  std::shared_ptr<Signal> watcher_;
  Expected expected_ = Expected::kNothing;
  SteadyTime deadline_ = SteadyTime::max();
  // What Guard sleeps on: it is woken where the deadline comes nearer.
  boost::asio::steady_timer alarm_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_CLIENT_LINK_H_
