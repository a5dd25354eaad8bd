#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_MANY_SESSIONS_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_MANY_SESSIONS_H_

#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/benchmark/client/scenarios.h"
#include "tools/benchmark/client/session_client.h"

// Many live sandboxes at once, and what they take of the host's memory.
namespace warren::bench {

// Sessions by their number. Thread-safe, but for made(), which is for when no thread adds any more.
class Sessions {
 public:
  void Add(int number, std::string id) {
    std::lock_guard<std::mutex> lock(mutex_);
    made_.emplace_back(number, std::move(id));
  }
  const std::vector<std::pair<int, std::string>>& made() const { return made_; }

 private:
  std::mutex mutex_;
  std::vector<std::pair<int, std::string>> made_;
};

// The cell with the session's number for each "{session}" in it.
Cell ForSession(const Cell& cell, int session);

// `work` for each number of [first, last), by `clients` threads with a connection each; the first
// error of any.
using SessionWork = std::function<absl::Status(SessionClient& client, int number)>;
absl::Status ForNumbers(const std::string& address, int clients, int first, int last,
                        const SessionWork& work);

// Makes a sandbox, adds it to `sessions`, and runs the cell of its number in it.
absl::Status MakeSession(SessionClient& client, const Target& target, const Cell& cell, int number,
                         Sessions& sessions);

// All of them, whatever becomes of some: the first error.
absl::Status DestroyAll(SessionClient& client, const Sessions& sessions);

// Of the host and of the server's cgroups: "sessions" as it is given, "available_bytes",
// "used_bytes", "cgroup_bytes" by kind.
absl::StatusOr<nlohmann::json> MemoryPoint(const Target& target, int sessions);

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_MANY_SESSIONS_H_
