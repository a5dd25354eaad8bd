#ifndef WARREN_RUNTIME_RELAY_RESOLVER_H_
#define WARREN_RUNTIME_RELAY_RESOLVER_H_

#include <ares.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "runtime/loop/io_loop.h"
#include "runtime/network/address.h"
#include "warren/config/network.pb.h"

namespace warren {

// Looks names up outside, with c-ares: by the host's name servers or the operator's, never in the
// host's own tables. What was found is kept for as long as its owner allows, at most a minute.
//
// For the loop's thread. It reads the host's configuration in Create, before the relay gives its
// files up, and never again. Lifecycle: Create → Start → Resolve*.
class Resolver {
 public:
  // IPv4 first. NOT_FOUND: there is no such name, or it has no address; UNAVAILABLE: nobody says;
  // RESOURCE_EXHAUSTED: too many questions at a time.
  using Answer = absl::StatusOr<std::vector<IpAddress>>;
  using Callback = absl::AnyInvocable<void(const Answer&)>;

  static absl::StatusOr<std::unique_ptr<Resolver>> Create(IoLoop& loop,
                                                          const config::EgressPolicy& egress,
                                                          double pace);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `name` is normalized. Calls back in place where the answer is known, else later.
  void Resolve(const std::string& name, Callback callback);
  // Whether Resolve would call back in place: nobody outside is asked.
  bool Knows(const std::string& name) const;

 private:
  struct Known {
    Answer answer;
    MonotonicTime until;
  };
  struct Lookup {
    Resolver* resolver;
    std::string name;
  };

  explicit Resolver(IoLoop& loop) : loop_(loop) {}
  absl::Status Configure(const config::EgressPolicy& egress, double pace);
  const Known* FindKnown(const std::string& name) const;
  void OnSocket(ares_socket_t socket, int readable, int writable);
  void Process(ares_socket_t readable, ares_socket_t writable);
  void ArmTimer();
  void OnAnswer(const std::string& name, int status, ares_addrinfo* found);
  void Keep(const std::string& name, const Answer& answer, std::chrono::seconds time);

  IoLoop& loop_;
  ares_channel channel_ = nullptr;
  absl::flat_hash_map<std::string, std::vector<IpAddress>> pinned_;
  absl::flat_hash_map<std::string, Known> known_;
  // Who waits for a name that is being looked up.
  absl::flat_hash_map<std::string, std::vector<Callback>> waiting_;
  absl::flat_hash_map<ares_socket_t, IoLoop::WatchId> watches_;
  TimerId timer_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_RESOLVER_H_
