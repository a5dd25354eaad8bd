#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_WATCHERS_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_WATCHERS_H_

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/gateway/envd/filesystem_watch.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

// The watches of clients that do not stream but poll (E2B's synchronous Python SDK): what has
// happened waits here until it is asked for. All that the gateway remembers of its clients is this.
//
// Bounded: in number, of a sandbox and in all; and in memory, of each (a queue's mebibyte) and of
// all together. One that is full reads no more: what happens waits in the sandbox then, where it
// overflows at last, which is told. A watch is forgotten when nobody has asked for ten minutes,
// times the host's pace; those of a sandbox that is gone, or whose directory is, make room as soon
// as it is needed.
//
// An id is unguessable, and means something only with the sandbox that it was made in.
//
// Thread-safe, with a thread of its own, which forgets. It outlives the exchanges that it is given;
// the backend outlives it.
class Watchers {
 public:
  static constexpr size_t kMaxOfSandbox = 16;
  static constexpr size_t kMaxWatchers = 1024;
  // Events of one answer; those behind come with the next.
  static constexpr size_t kMaxPolled = 4096;
  static constexpr int64_t kMaxWaitingBytes = 64 << 20;

  // `memory` outlives it.
  Watchers(MemoryBudget& memory, double pace);
  ~Watchers();
  Watchers(const Watchers&) = delete;
  Watchers& operator=(const Watchers&) = delete;

  // The id, when what happens from now on will be told. RESOURCE_EXHAUSTED: there are as many as
  // there may be; else what the backend says of the watch.
  Async<absl::StatusOr<std::string>> Create(Exchange& exchange,
                                            std::shared_ptr<SandboxHandle> handle,
                                            DirectoryWatchRequest request);

  struct Polled {
    // As the watch was asked for.
    DirectoryWatchRequest::Entries entries = DirectoryWatchRequest::Entries::kNone;
    std::string user;
    std::vector<WatchedEvent> events;
  };
  // What has happened since the last Poll. NOT_FOUND: the sandbox has no such watch. Where events
  // were lost or the watch has failed: that, from behind the last event on.
  absl::StatusOr<Polled> Poll(const std::string& sandbox_id, const std::string& id);
  // NOT_FOUND, as above.
  absl::Status Remove(const std::string& sandbox_id, const std::string& id);

  size_t size() const;
  // Forgets what nobody has asked for since this time. Its thread does; and tests.
  void ForgetUnused(absl::Time since);

 private:
  class Watcher;
  class Making;
  // The sandbox's id, and the watch's.
  using Key = std::pair<std::string, std::string>;

  absl::Status Add(const Key& key, std::shared_ptr<Watcher> watcher);
  std::shared_ptr<Watcher> Find(const Key& key) const;
  // Null: it is not there.
  std::shared_ptr<Watcher> Take(const Key& key);
  // Of those that have ended. With mu_ held.
  void MakeRoom();
  void Run();

  const absl::Duration unused_;
  // A part of the server's.
  MemoryBudget memory_;

  // A condition waits with it.
  mutable std::mutex mu_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::map<Key, std::shared_ptr<Watcher>> watchers_;
  std::thread forgetter_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_WATCHERS_H_
