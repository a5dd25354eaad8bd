#ifndef WARREN_SUPERVISOR_FAKE_FAKE_CONTEXT_H_
#define WARREN_SUPERVISOR_FAKE_FAKE_CONTEXT_H_

#include <deque>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
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
  mutable absl::Mutex mu_;
  bool alive_ ABSL_GUARDED_BY(mu_) = true;
  int execution_count_ ABSL_GUARDED_BY(mu_) = 0;
  std::shared_ptr<FakeCell> running_ ABSL_GUARDED_BY(mu_);
  std::deque<std::shared_ptr<FakeCell>> waiting_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAKE_FAKE_CONTEXT_H_
