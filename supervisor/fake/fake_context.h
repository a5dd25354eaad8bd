#ifndef WARREN_SUPERVISOR_FAKE_FAKE_CONTEXT_H_
#define WARREN_SUPERVISOR_FAKE_FAKE_CONTEXT_H_

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "supervisor/fake/fake_cell.h"

namespace warren {

// A context whose cells run one after the other on a thread of its own. Thread-safe; its
// destruction, which waits for that thread, is never on it: sinks own cells at most.
class FakeContext {
 public:
  static constexpr size_t kMaxWaiting = 64;

  explicit FakeContext(std::string id);
  ~FakeContext();

  const std::string& id() const { return id_; }
  v1::Context Describe(const std::string& sandbox_id) const;
  // FAILED_PRECONDITION: it is dead; RESOURCE_EXHAUSTED: too many cells wait.
  absl::Status Add(std::shared_ptr<FakeCell> cell);
  // FAILED_PRECONDITION when nothing runs.
  absl::Status Interrupt();
  // Its cell waits for its reader.
  bool paused();
  // What runs ends as killed, what waits is refused.
  void Kill();

 private:
  void Run();

  const std::string id_;
  // With what it guards behind it.
  mutable std::mutex mu_;
  std::condition_variable changed_;
  bool alive_ = true;
  int execution_count_ = 0;
  std::shared_ptr<FakeCell> running_;
  std::deque<std::shared_ptr<FakeCell>> waiting_;
  std::thread thread_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAKE_FAKE_CONTEXT_H_
