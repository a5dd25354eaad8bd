#ifndef WARREN_RUNTIME_RELAY_SANDBOX_EGRESS_H_
#define WARREN_RUNTIME_RELAY_SANDBOX_EGRESS_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "runtime/relay/bandwidth.h"
#include "runtime/relay/connection.h"
#include "runtime/relay/fetcher_door.h"
#include "runtime/relay/name_service.h"
#include "runtime/relay/name_stream.h"
#include "warren/internal/relay.pb.h"

namespace warren {

// What all sandboxes of the relay share.
struct EgressShare {
  IoLoop& loop;
  Resolver& resolver;
  const config::EgressPolicy& egress;
  FetcherDoor& fetcher;
  double pace = 1;
  // Connections at a time, in all sandboxes: what the relay's descriptors allow. Those that ask for
  // names count too.
  int most_connections = 0;
  int connections = 0;
  int sandboxes = 0;
  // TestLayer bits; 0 but in test builds.
  uint32_t layers_off = 0;
  std::vector<char> buffer;
};

// One sandbox's way out: its sockets, its policy, its names and its connections.
//
// For the loop's thread. Lifecycle: constructor → AddSockets and SetPolicy, in any order and again
// → destructor, which cuts what is open.
class SandboxEgress final : public ConnectionHost {
 public:
  class Events {
   public:
    // False when it cannot be told now, and then it is not.
    virtual bool TellName(const std::string& sandbox_id, const std::string& name,
                          uint32_t index) = 0;
    virtual void TellNetwork(const std::string& sandbox_id, v1::NetworkEvent event) = 0;

   protected:
    ~Events() = default;
  };

  SandboxEgress(std::string id, EgressShare& share, Events& events);
  ~SandboxEgress();

  // The socket for names and listeners, as they are. INVALID_ARGUMENT: something else.
  absl::Status AddSockets(std::vector<UniqueFd> sockets);
  // From then on; what it does not allow is cut, and so is what was handed over to the fetcher
  // where it is not for the index, or as another client. Nothing is accepted before the first one.
  absl::Status SetPolicy(const internal::SetRelayPolicy& request);
  absl::Status RestoreNames(const internal::RestoreNames& names);
  // All but its sockets: nothing is accepted before a policy is set again.
  void Forget();

  // ---- ConnectionHost
  IoLoop& loop() override { return share_.loop; }
  void Resolve(const std::string& name, Resolver::Callback callback) override {
    names_.Lookup(name, std::move(callback));
  }
  double pace() const override { return share_.pace; }
  uint32_t layers_off() const override { return share_.layers_off; }
  const NetworkRules& rules() const override { return *rules_; }
  Bandwidth& bandwidth_out() override { return bandwidth_out_; }
  Bandwidth& bandwidth_in() override { return bandwidth_in_; }
  int SocketBuffer() const override;
  std::span<char> buffer() override { return share_.buffer; }
  absl::Status HandOver(int connection) override {
    return share_.fetcher.HandOver(id_, package_client_, connection);
  }
  void Tell(v1::NetworkEvent event) override;
  void Drop(uint64_t id) override;

 private:
  struct Socket {
    UniqueFd fd;
    bool for_names = false;
    IoLoop::WatchId watch = IoLoop::kNoWatch;
  };

  absl::Status Watch(Socket& socket);
  void OnNames(int socket);
  void OnConnections(int listener);
  void Accept(UniqueFd accepted);
  void AcceptNames(UniqueFd accepted);
  // There is no descriptor for what waits: it is looked for later.
  void PauseAccepting();
  Target TargetOf(const IpAddress& address, uint16_t port) const;
  // Why there may be no further one; empty when there may.
  std::string TooMany() const;

  const std::string id_;
  EgressShare& share_;
  Events& events_;
  std::vector<Socket> sockets_;
  std::optional<NetworkRules> rules_;
  internal::PackageClient package_client_ = internal::USER;
  int most_connections_ = 0;
  Bandwidth bandwidth_out_;
  Bandwidth bandwidth_in_;
  NameService names_;
  TimerId accept_timer_ = 0;
  uint64_t last_connection_ = 0;
  std::unordered_map<uint64_t, std::shared_ptr<Connection>> connections_;
  std::unordered_map<uint64_t, std::unique_ptr<NameStream>> name_streams_;
  // Of those that have ended and whose task is still to come.
  std::shared_ptr<SandboxEgress*> self_ = std::make_shared<SandboxEgress*>(this);
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_SANDBOX_EGRESS_H_
