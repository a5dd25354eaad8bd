#ifndef WARREN_TESTS_SUPERVISOR_FAKE_RELAY_H_
#define WARREN_TESTS_SUPERVISOR_FAKE_RELAY_H_

#include <poll.h>

#include <optional>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "supervisor/session/relay_link.h"
#include "tests/support/patience.h"
#include "warren/internal/relay.pb.h"

namespace warren {

// The relay's end of the supervisor's socket, in the hands of a test. Thread-compatible.
class FakeRelay {
 public:
  FakeRelay() {
    auto sockets = MakeSeqpacketPair();
    EXPECT_TRUE(sockets.ok()) << sockets.status();
    theirs_ = std::move(sockets->first);
    socket_ = std::move(sockets->second);
  }

  // The supervisor's end; once.
  UniqueFd TakeSocket() { return std::move(theirs_); }

  // What it is told next; of no kind, and a test failure, where that does not come.
  internal::RelayRequest Next() {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (::poll(&ready, 1, PatienceMs()) == 1) {
      if (auto request = Receive()) return *std::move(request);
    }
    ADD_FAILURE() << "the relay is told nothing";
    return {};
  }
  // The same, if it is there by now.
  std::optional<internal::RelayRequest> Poll() {
    pollfd ready{socket_.get(), POLLIN, 0};
    return ::poll(&ready, 1, 0) == 1 ? Receive() : std::nullopt;
  }
  internal::SetRelayPolicy NextPolicy(const std::string& sandbox_id) {
    const internal::RelayRequest request = Next();
    EXPECT_EQ(request.sandbox_id(), sandbox_id);
    EXPECT_TRUE(request.has_set_policy()) << request.ShortDebugString().substr(0, 200);
    return request.set_policy();
  }
  // The supervisor has closed its end; what it was told before is dropped.
  bool WaitForEnd() {
    pollfd ready{socket_.get(), POLLIN, 0};
    while (::poll(&ready, 1, PatienceMs()) == 1) {
      if (!Receive()) return true;
    }
    return false;
  }

  void Say(absl::string_view message, std::span<const int> fds = {}) {
    absl::Status sent = SendMessage(socket_.get(), message, fds);
    EXPECT_TRUE(sent.ok()) << sent;
  }
  void Say(const internal::RelayEvent& event) { Say(event.SerializeAsString()); }
  void SayPolicySet(const std::string& sandbox_id, uint64_t revision) {
    internal::RelayEvent event;
    event.set_sandbox_id(sandbox_id);
    event.mutable_policy_set()->set_revision(revision);
    Say(event);
  }
  void SayName(const std::string& sandbox_id, const std::string& name, uint32_t index) {
    internal::RelayEvent event;
    event.set_sandbox_id(sandbox_id);
    event.mutable_name_assigned()->set_name(name);
    event.mutable_name_assigned()->set_index(index);
    Say(event);
  }
  static internal::RelayEvent Connection(const std::string& sandbox_id, const std::string& name) {
    internal::RelayEvent event;
    event.set_sandbox_id(sandbox_id);
    warren::v1::NetworkEvent& network = *event.mutable_network();
    network.mutable_at()->set_seconds(1'700'000'000);
    network.set_verdict(warren::v1::NetworkEvent::ALLOWED);
    network.set_name(name);
    network.set_address("203.0.113.7");
    network.set_port(443);
    network.set_bytes_sent(10);
    network.set_bytes_received(20);
    return event;
  }
  // It dies.
  void Die() { socket_.reset(); }

 private:
  // Nothing: the end.
  std::optional<internal::RelayRequest> Receive() {
    auto message = ReceiveMessage(socket_.get(), kMaxRelayRequestBytes);
    EXPECT_TRUE(message.ok()) << message.status();
    internal::RelayRequest request;
    if (!message.ok() || message->data.empty()) return std::nullopt;
    EXPECT_TRUE(request.ParseFromString(message->data));
    return request;
  }

  UniqueFd theirs_;
  UniqueFd socket_;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_FAKE_RELAY_H_
