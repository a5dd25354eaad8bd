#ifndef WARREN_SUPERVISOR_SESSION_RELAY_LINK_H_
#define WARREN_SUPERVISOR_SESSION_RELAY_LINK_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "warren/internal/relay.pb.h"

namespace warren {

// A request of these bytes fits into one message to the relay; it takes some more.
inline constexpr size_t kMaxRelayRequestBytes = 128 << 10;

// One sandbox with a network, as the link to the relay sees it. IO thread.
class RelayClient {
 public:
  virtual ~RelayClient() = default;
  // What the relay is to be told now, in order, without the sandbox's id. `kAll`: it knows nothing.
  enum class Telling { kAll, kNews };
  virtual std::vector<internal::RelayRequest> Requests(Telling telling) = 0;
  // Of this sandbox, and well-formed. What is refused ends the link: such a relay is not trusted.
  virtual absl::Status OnRelayEvent(internal::RelayEvent event) = 0;
  // There is none until `Requests` is asked for all.
  virtual void OnRelayLost() = 0;
};

// The supervisor's end of the relay's socket: each relay that the launcher starts is told of every
// sandbox whose network is open, and what it tells goes to them. A relay that breaks the protocol
// is told nothing more: its socket is closed, which ends it, and the launcher starts another.
//
// What is to be told is asked of the sandboxes when the socket has room, so that of all of them
// together no more than one's waits here.
//
// IO thread only. Lifecycle: constructor → Start for each relay → Close, or the end of the loop.
class RelayLink {
 public:
  explicit RelayLink(IoLoop& loop) : loop_(loop) {}

  // A relay that has been told nothing; it takes the place of the one before.
  void Start(UniqueFd socket);
  // Without a word to anybody: the supervisor is stopping.
  void Close() { Disconnect(); }

  // Its network is open. It must Remove itself.
  void Add(const std::string& sandbox_id, std::weak_ptr<RelayClient> client);
  // The relay forgets it.
  void Remove(const std::string& sandbox_id);
  // It has something to tell.
  void Touch(const std::string& sandbox_id);
  bool connected() const { return socket_.valid(); }

 private:
  // Events handled in a row before others have their turn.
  static constexpr int kMessagesPerTurn = 32;
  // Of a relay that another replaces: turns for what it had told before.
  static constexpr int kLastTurns = 128;
  // A relay that leaves more than so many untold has stopped reading.
  static constexpr size_t kMaxQueued = 65536;
  // Of the last ones that were forgotten: what the relay had told of them may still come.
  static constexpr size_t kMaxForgotten = kMaxQueued;

  struct Entry {
    std::weak_ptr<RelayClient> client;
    // This relay knows of it.
    bool told = false;
    // It is in queue_.
    bool queued = false;
  };
  enum class Left { kNothing, kMore };

  absl::Status Connect(UniqueFd socket);
  void Disconnect();
  // Whoever has a network hears of it.
  void Lose(absl::string_view why);
  void OnReady(uint32_t events);
  Left Read();
  absl::Status Take(absl::string_view message);
  // Sends until the socket is full.
  void Flush();
  // Puts what one sandbox has to say into unsent_; false: there is none.
  bool FillUnsent();
  void NoteForgotten(const std::string& sandbox_id);
  void SetWriting(uint32_t events);

  IoLoop& loop_;
  UniqueFd socket_;
  IoLoop::WatchId watch_ = IoLoop::kNoWatch;
  // Events that are watched for.
  uint32_t watched_ = 0;
  // Its end was read once: what it told before that may still be there.
  bool ends_ = false;
  std::unordered_map<std::string, Entry> entries_;
  // Sandboxes that have something to tell, and those that the relay is to forget.
  std::deque<std::string> queue_;
  std::deque<std::string> to_forget_;
  // Of one sandbox, serialized.
  std::deque<std::string> unsent_;
  // Oldest first, and the same to look up.
  std::deque<std::string> forgotten_;
  std::unordered_set<std::string> is_forgotten_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_RELAY_LINK_H_
