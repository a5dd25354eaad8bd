#ifndef WARREN_TESTS_SUPERVISOR_E2B_DOOR_H_
#define WARREN_TESTS_SUPERVISOR_E2B_DOOR_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "runtime/base/unique_fd.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/gateway/gateway.h"

namespace warren {

// E2B's door in front of a backend, at a port of its own, as warrend serves it, without keys.
//
// Lifecycle: constructor → clients → Close, or the destructor.
class E2bDoor {
 public:
  // The backend outlives it.
  explicit E2bDoor(Backend& backend);
  ~E2bDoor();

  // "http://127.0.0.1:PORT", for the control plane and for sandboxes.
  const std::string& url() const { return url_; }
  // Connections that it has taken since the start.
  int accepted() const { return accepted_; }
  void Close();

 private:
  void Accept();

  std::string url_;
  UniqueFd listener_;
  // Where memory is not what is tested.
  MemoryBudget memory_{int64_t{1} << 40};
  std::unique_ptr<Gateway> gateway_;
  std::atomic<bool> closing_{false};
  std::atomic<int> accepted_{0};
  std::thread acceptor_;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_E2B_DOOR_H_
