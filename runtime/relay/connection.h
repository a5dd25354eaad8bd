#ifndef WARREN_RUNTIME_RELAY_CONNECTION_H_
#define WARREN_RUNTIME_RELAY_CONNECTION_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "runtime/network/address.h"
#include "runtime/network/network_rules.h"
#include "runtime/relay/bandwidth.h"
#include "runtime/relay/http_requests.h"
#include "runtime/relay/resolver.h"
#include "warren/v1/network.pb.h"

namespace warren {

// Where a program of a sandbox wants to go.
struct Target {
  // As it was asked for; empty where the program used an address.
  std::string name;
  // That address; of a name, what stands for it inside.
  IpAddress address;
  uint16_t port = 0;

  // "example.com:443", for people.
  std::string Text() const;
};

// What a connection has of its sandbox; outlives it.
class ConnectionHost {
 public:
  virtual IoLoop& loop() = 0;
  // Of a name that the policy allows: as Resolver has it, within what the sandbox may ask.
  virtual void Resolve(const std::string& name, Resolver::Callback callback) = 0;
  // HostFacts.pace, at least 1.
  virtual double pace() const = 0;
  // TestLayer bits; 0 but in test builds.
  virtual uint32_t layers_off() const = 0;
  virtual const NetworkRules& rules() const = 0;
  // Bytes in one direction: from the sandbox, or to it.
  virtual Bandwidth& bandwidth_out() = 0;
  virtual Bandwidth& bandwidth_in() = 0;
  // What a socket may buffer, as many as there are now.
  virtual int SocketBuffer() const = 0;
  // For what is being copied; nobody keeps anything in it.
  virtual std::span<char> buffer() = 0;
  // To the package index, which has it from then on. UNAVAILABLE: it does not take it.
  virtual absl::Status HandOver(int connection) = 0;
  virtual void Tell(v1::NetworkEvent event) = 0;
  // It has ended. The host drops it, in a task of its own.
  virtual void Drop(uint64_t id) = 0;

 protected:
  ~ConnectionHost() = default;
};

// One connection of a sandbox, from its being accepted to its end: decided, resolved, dialled and
// copied, or denied in words that its program understands. One to the package index is handed over
// instead.
//
// No byte waits in the relay: what is read is looked at where it lies in the kernel, sent on, and
// only then taken. So a side that does not read stops the other, and costs what its socket's
// buffers hold. For the loop's thread. Lifecycle: constructor → Start → (the host's Drop) →
// destructor.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ConnectionHost& host, uint64_t id, UniqueFd client, Target target);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Start();
  // The policy has changed: what it does not allow is cut.
  void Review();
  // One that was accepted and is too many.
  void Refuse(const std::string& reason);

 private:
  enum class State { kNew, kResolving, kDialling, kOpen, kAnswering, kLingering, kEnded };
  // What is known of what the client says.
  enum class Speech { kUnknown, kHttp, kOpaque };
  struct Side {
    UniqueFd fd;
    IoLoop::WatchId watch = IoLoop::kNoWatch;
    uint32_t watched = 0;
    bool wants_read = false;
    bool wants_write = false;
    // It has said all.
    bool ended = false;
    int64_t received = 0;
  };
  enum class Direction { kOut, kIn };
  // Both sides are closed; with a reset, what was not sent is lost, and they know that it is not
  // all.
  enum class Ending { kOrderly, kReset };
  // How the client is answered when it has said something.
  struct Answer {
    int http_status;
    bool tls_alert;
    std::string reason;
  };

  // ---- connection.cc: decide, resolve, dial, end
  NetworkRules::Decision DecideTarget() const;
  // Of one that is allowed and goes to the package index: nothing was read of it.
  void HandOver();
  // Whether the address may be dialled for it.
  NetworkRules::Decision DecideDial(const IpAddress& address) const;
  void OnResolved(const Resolver::Answer& answer);
  void DialNext();
  absl::Status Dial(const IpAddress& address);
  void OnDialled();
  void Open();
  void WatchSide(Side& side);
  void OnReady(Side& side, uint32_t events);
  void ArmTimer(std::chrono::milliseconds time);
  // Of an open one: for whatever it may wait for the shortest.
  void ArmOpenTimer();
  void OnTimer();
  void OnOpenTimer();
  void Report(v1::NetworkEvent::Verdict verdict, absl::string_view reason);
  void Close(Ending ending);
  // And is dropped.
  void End(Ending ending);

  // ---- connection_copy.cc
  void Pump(Direction direction);
  // False when there is nothing more to do for now.
  bool PumpOnce(Direction direction);
  bool OnNothingSeen(Direction direction, ssize_t seen);
  // Of what lies in the buffer. False when the other side did not take all of it.
  bool PassOn(Direction direction, size_t size);
  // Of bytes that the client says, how many may go out now.
  size_t Screen(absl::string_view bytes);
  size_t ScreenFirst(absl::string_view bytes);
  size_t ScreenHttp(absl::string_view bytes);
  // The client must say more before any of that may go out.
  void Hold(size_t held);
  void Release();
  void WaitForBandwidth(Direction direction);
  // Where what comes is of no use yet, and the kernel says all the same that something is there.
  void LookLater();
  // One direction goes on, and what that changes is watched.
  void GoOn(Direction direction);
  // `to` takes nothing any more: what it had to say still gets through.
  void OnSendFailed(Direction direction);
  void CloseWhenDone();

  // ---- connection_denial.cc
  // Not by the policy, or fronted: tells, and answers.
  void Deny(const std::string& reason);
  // Allowed, but it cannot be reached.
  void Fail(const std::string& reason);
  void AnswerWith(Answer answer);
  void OnAnswering();
  void Say(absl::string_view text);
  void Linger();
  void OnLingering();

  ConnectionHost& host_;
  const uint64_t id_;
  const Target target_;
  State state_ = State::kNew;
  Side client_;
  Side origin_;
  // Those that are still to be asked for and dialled, the next one last.
  std::vector<IpAddress> candidates_;
  std::optional<IpAddress> dialled_;
  // Why the first that was denied may not be dialled, and why the last that was could not be.
  std::string address_denied_;
  std::string dial_error_;

  Speech speech_ = Speech::kUnknown;
  std::optional<HttpGuard> http_;
  // Bytes that may go out, as the guard has said, and have not all gone.
  size_t approved_ = 0;
  // Bytes that the client has said and that wait for more of them.
  size_t held_ = 0;
  MonotonicTime held_since_;

  std::optional<Answer> answer_;
  int64_t discarded_ = 0;
  bool reported_ = false;
  MonotonicTime last_byte_ = MonotonicClock::now();
  TimerId timer_ = 0;
  TimerId look_timer_ = 0;
  // Somebody waits for bandwidth in its name.
  bool waits_out_ = false;
  bool waits_in_ = false;
  // One side has gone, and what it had said is still passed on.
  bool broken_ = false;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_CONNECTION_H_
