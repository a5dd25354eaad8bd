#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_CLIENT_LINK_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_CLIENT_LINK_H_

#include <boost/beast/core/flat_buffer.hpp>
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
// While an answer takes its time, the connection is read beside it, into a small bounded buffer: so
// a client's going is noticed when it happens.
//
// On its strand; held by shared_ptr, for the reading beside and the watchdog go on for a moment
// after the connection's end. Lifecycle: constructor → Start → … → Abort or Finish.
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

  // From here on the client's going wakes `signal`, until Unwatch.
  void Watch(std::shared_ptr<Signal> signal);
  void Unwatch() { watcher_.reset(); }
  // It has gone, as far as is known.
  bool gone() const { return gone_; }

  // It is cut when it has not moved on by then: another call of this, or its end.
  void Within(absl::Duration time);
  // Nothing is awaited of the client: the time that an answer takes is not its own.
  void WithoutLimit() { deadline_ = SteadyTime::max(); }

  const boost::asio::any_io_executor& strand() const { return strand_; }
  bool secure() const { return transport_.secure(); }
  void Finish() { transport_.Finish(); }
  void Abort();

 private:
  Async<void> Guard();
  Async<void> ReadBeside();
  Async<bool> ReadOnce();

  const boost::asio::any_io_executor strand_;
  const double pace_;
  Transport transport_;
  boost::beast::flat_buffer input_;
  bool gone_ = false;
  bool ended_ = false;
  // ReadBeside is at work; it wakes `read_` when it is not any more.
  bool reading_ = false;
  std::shared_ptr<Signal> read_;
  std::shared_ptr<Signal> watcher_;
  SteadyTime deadline_ = SteadyTime::max();
  // What Guard sleeps on: it is woken where the deadline comes nearer.
  boost::asio::steady_timer alarm_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_CLIENT_LINK_H_
