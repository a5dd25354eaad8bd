#ifndef WARREN_SUPERVISOR_SERVICE_CREATE_ONCE_H_
#define WARREN_SUPERVISOR_SERVICE_CREATE_ONCE_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"

namespace warren {

// Creates with a request id: the first one with an id makes the sandbox, and who asks again is
// answered what the first was, also while it still waits. The create lives as long as one of them
// wants it; one that failed is forgotten, and asked for again is tried again. Each tenant has ids
// of its own.
//
// An id is kept while its sandbox is on record, which the backend tells; where it does not, the
// newest kMaxKept are. Thread-safe. Neither the backend nor a reply is called with the lock held.
class CreateOnce : public std::enable_shared_from_this<CreateOnce> {
 public:
  static constexpr size_t kMaxKept = 16384;
  // Who may wait for one create.
  static constexpr size_t kMaxWaiting = 64;

  explicit CreateOnce(Backend& backend) : backend_(backend) {}

  // The request has an id.
  std::unique_ptr<Operation> Create(const Call& call,
                                    const warren::v1::CreateSandboxRequest& request,
                                    Reply<warren::v1::Sandbox> reply);
  // The sandbox is not on record any more.
  void Forget(const std::string& sandbox_id);
  // Ids that are kept, those of creates that wait included.
  size_t size() const;

 private:
  class Waiting;
  // One id.
  struct Entry {
    // Of the request but for its id.
    uint64_t fingerprint = 0;
    // Who waits, by a number of its own.
    std::vector<std::pair<uint64_t, Reply<warren::v1::Sandbox>>> waiting;
    // The backend's; null until its Create has returned, and where it answered in place.
    std::shared_ptr<Operation> operation;
    // Nobody waits any more, but it may have come too late: then it is kept.
    bool cancelled = false;
    // Once it is made.
    bool made = false;
    warren::v1::Sandbox sandbox;
  };
  using Entries = std::unordered_map<std::string, std::shared_ptr<Entry>>;

  void OnMade(const std::string& key, const std::shared_ptr<Entry>& entry,
              absl::StatusOr<warren::v1::Sandbox> made);
  void Cancel(const std::shared_ptr<Entry>& entry, uint64_t number);
  void Keep(const std::string& key, const std::string& sandbox_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ForgetLocked(const std::string& sandbox_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Backend& backend_;
  mutable Mutex mu_;
  // By tenant and request id.
  Entries entries_ ABSL_GUARDED_BY(mu_);
  // Sandboxes, oldest first, and by their ids.
  std::list<std::string> in_order_ ABSL_GUARDED_BY(mu_);
  struct Made {
    std::string key;
    std::list<std::string>::iterator place;
  };
  std::unordered_map<std::string, Made> made_ ABSL_GUARDED_BY(mu_);
  uint64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SERVICE_CREATE_ONCE_H_
