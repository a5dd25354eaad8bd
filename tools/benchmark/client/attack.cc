// A sandbox that does its worst, for as long as others are measured beside it.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

// Runs the hostile cell in one sandbox after another: it ends by its own excess again and again.
// Owner: the main thread. Lifecycle: Start → Stop once.
class Attacker {
 public:
  Attacker(const Target& target, const Cell& cell) : target_(target), cell_(cell) {}

  absl::Status Start() {
    WARREN_RETURN_IF_ERROR(client_.Connect());
    WARREN_RETURN_IF_ERROR(stopper_.Connect());
    WARREN_RETURN_IF_ERROR(MakeSandbox());
    thread_ = std::thread([this] { Rage(); });
    return absl::OkStatus();
  }

  // "rounds", and in "ends" how often a round ended in which way.
  absl::StatusOr<nlohmann::json> Stop() {
    stopping_ = true;
    // The cell's call answers when its sandbox goes; where a round has just ended by itself, the
    // thread has destroyed it already.
    stopper_.Destroy(sandbox_id()).IgnoreError();
    thread_.join();
    WARREN_RETURN_IF_ERROR(failed_);
    return nlohmann::json{{"rounds", rounds_}, {"ends", ends_}};
  }

 private:
  std::string sandbox_id() {
    std::lock_guard<std::mutex> lock(mutex_);
    return sandbox_id_;
  }

  absl::Status MakeSandbox() {
    WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client_.Create(target_.create));
    std::lock_guard<std::mutex> lock(mutex_);
    sandbox_id_ = sandbox.sandbox_id();
    return absl::OkStatus();
  }

  void Rage() {
    while (failed_.ok() && !stopping_) {
      ++rounds_;
      absl::Status end = client_.Run(sandbox_id(), cell_).status();
      if (end.ok()) {
        failed_ = absl::InternalError("attack: the hostile cell ended as if it were harmless");
      }
      if (!stopping_) {
        // "the cell ended as OUT_OF_MEMORY", without the numbers that follow.
        ends_[std::string(*absl::StrSplit(end.message(), ':').begin())] += 1;
      }
      // It may be gone already, with the round or by Stop.
      client_.Destroy(sandbox_id()).IgnoreError();
      if (failed_.ok() && !stopping_) failed_ = MakeSandbox();
    }
    // Stop may have destroyed the one before.
    client_.Destroy(sandbox_id()).IgnoreError();
  }

  Target target_;
  Cell cell_;
  SessionClient client_{target_.address};
  SessionClient stopper_{target_.address};
  std::thread thread_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::string sandbox_id_;
  // The thread's, until it is joined.
  absl::Status failed_;
  int rounds_ = 0;
  std::map<std::string, int> ends_;
};

}  // namespace

void SetSmallLimits(Target& target) {
  v1::Limits& limits = *target.create.mutable_limits();
  limits.set_memory_bytes(int64_t{256} << 20);
  limits.set_disk_bytes(int64_t{128} << 20);
  limits.set_pids(128);
}

absl::StatusOr<nlohmann::json> RunAttack(const Target& target, const Cell& cell) {
  Target limited = target;
  SetSmallLimits(limited);
  Attacker attacker(limited, cell);
  WARREN_RETURN_IF_ERROR(attacker.Start());
  // Until its forks are at work.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  std::puts("ready");
  std::fflush(stdout);
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return attacker.Stop();
}

}  // namespace warren::bench
