#ifndef WARREN_RUNTIME_RELAY_SUPERVISOR_DOOR_H_
#define WARREN_RUNTIME_RELAY_SUPERVISOR_DOOR_H_

#include <deque>
#include <functional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "runtime/relay/sandbox_egress.h"
#include "warren/internal/relay.pb.h"

namespace warren {

// The relay's end of the supervisor's socket. What the supervisor does not take waits, in order; of
// what connections did, only so much: the rest is counted, and told with the sandbox's next event.
//
// For the loop's thread. Lifecycle: constructor → Start → destructor.
class SupervisorDoor final : public SandboxEgress::Events {
 public:
  using OnRequest = std::function<void(const internal::RelayRequest&)>;

  SupervisorDoor(IoLoop& loop, UniqueFd socket) : loop_(loop), socket_(std::move(socket)) {}

  // `on_end`: the supervisor has gone, or says what cannot be understood.
  absl::Status Start(OnRequest on_request, std::function<void(absl::Status)> on_end);
  void TellPolicySet(const std::string& sandbox_id, uint64_t revision);
  // Nothing is told of it any more.
  void Forget(const std::string& sandbox_id) { lost_.erase(sandbox_id); }

  // ---- SandboxEgress::Events
  bool TellName(const std::string& sandbox_id, const std::string& name, uint32_t index) override;
  void TellNetwork(const std::string& sandbox_id, v1::NetworkEvent event) override;

 private:
  void OnReady(uint32_t events);
  void Read();
  struct Unsent {
    std::string data;
    // Whose event of a connection it is; empty of others.
    std::string sandbox_id;
  };
  void Queue(const internal::RelayEvent& event, std::string sandbox_id);
  void Flush();

  IoLoop& loop_;
  UniqueFd socket_;
  OnRequest on_request_;
  std::function<void(absl::Status)> on_end_;
  IoLoop::WatchId watch_ = IoLoop::kNoWatch;
  uint32_t watched_ = 0;
  std::deque<Unsent> unsent_;
  // Of those, the events of each sandbox's connections.
  absl::flat_hash_map<std::string, size_t> waiting_;
  // Events for which there was no room, by sandbox.
  absl::flat_hash_map<std::string, int64_t> lost_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_SUPERVISOR_DOOR_H_
