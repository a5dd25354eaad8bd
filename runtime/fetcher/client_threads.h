#ifndef WARREN_RUNTIME_FETCHER_CLIENT_THREADS_H_
#define WARREN_RUNTIME_FETCHER_CLIENT_THREADS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "runtime/base/mutex.h"
#include "runtime/base/unique_fd.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// A thread for each connection of a sandbox, bounded in number: what a sandbox may hold of them,
// others have left, and what users' programs may hold, the builder has.
//
// Start, Cut and the destructor are for one thread.
class ClientThreads {
 public:
  static constexpr size_t kMost = 128;
  // Of USER ones; the rest is for the builder.
  static constexpr size_t kMostOfUsers = 96;
  static constexpr size_t kMostOfSandbox = 8;
  // Those beyond are told so, by so many at a time; what is beyond that is reset.
  static constexpr size_t kMostRefused = 32;
  static constexpr size_t kMostRefusedOfSandbox = 4;

  struct Client {
    internal::PackageConnection who;
    int fd = -1;
    // Why it is not served; empty where it is.
    std::string refusal;
  };
  // Serves one connection to its end, on a thread of its own.
  using Work = std::function<void(const Client&)>;

  explicit ClientThreads(Work work) : work_(std::move(work)) {}
  // Cuts what is open, and waits for it.
  ~ClientThreads();
  ClientThreads(const ClientThreads&) = delete;
  ClientThreads& operator=(const ClientThreads&) = delete;

  void Start(internal::PackageConnection who, UniqueFd fd);
  // Ends that sandbox's connections; their threads see it within a second or so.
  void Cut(const std::string& sandbox_id);

 private:
  struct Running {
    std::thread thread;
    UniqueFd fd;
    std::string sandbox_id;
    internal::PackageClient client = internal::USER;
    bool refused = false;
  };
  struct Count {
    size_t all = 0;
    size_t of_users = 0;
    size_t of_sandbox = 0;
  };

  Count CountOf(const std::string& sandbox_id, bool refused) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Run(uint64_t id, const Client& client);
  void JoinEnded();

  const Work work_;
  Mutex mu_;
  std::map<uint64_t, Running> running_ ABSL_GUARDED_BY(mu_);
  // Of those that have ended.
  std::vector<std::thread> ended_ ABSL_GUARDED_BY(mu_);
  uint64_t last_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_CLIENT_THREADS_H_
