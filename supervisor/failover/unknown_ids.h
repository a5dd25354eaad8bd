#ifndef WARREN_SUPERVISOR_FAILOVER_UNKNOWN_IDS_H_
#define WARREN_SUPERVISOR_FAILOVER_UNKNOWN_IDS_H_

#include <deque>
#include <string>
#include <unordered_map>
#include <utility>

#include "runtime/base/mutex.h"
#include "runtime/loop/timer_queue.h"

namespace warren {

// Ids of which every backend has just said to a tenant that there is no such sandbox, so that one
// who guesses ids does not have all of them asked each time. At most kMost; each for a second.
// Thread-safe.
class UnknownIds {
 public:
  static constexpr size_t kMost = 4096;

  void Add(const std::string& tenant, const std::string& id, MonotonicTime now);
  bool Has(const std::string& tenant, const std::string& id, MonotonicTime now);

 private:
  Mutex mu_;
  // Until when; and in the order of that.
  std::unordered_map<std::string, MonotonicTime> until_ ABSL_GUARDED_BY(mu_);
  std::deque<std::pair<MonotonicTime, std::string>> in_order_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_UNKNOWN_IDS_H_
