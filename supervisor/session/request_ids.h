#ifndef WARREN_SUPERVISOR_SESSION_REQUEST_IDS_H_
#define WARREN_SUPERVISOR_SESSION_REQUEST_IDS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "warren/v1/execution.pb.h"

namespace warren {

// What makes two requests the same: equal for equal messages, whatever the order of their maps.
std::string Fingerprint(const google::protobuf::MessageLite& request);

// The contexts of one sandbox that were asked for with a request id, each of which is made once.
// Thread-safe; it calls no reply with its lock held.
class ContextRequests {
 public:
  using ContextReply = Reply<warren::v1::Context>;

  enum class Next {
    // Make it, and say by Made what came of it.
    kMake,
    // It is there: `context_id` of what Begin returned.
    kMade,
    // The reply was kept, and runs when the first of these requests is answered.
    kWait,
  };
  struct Begun {
    Next next;
    std::string context_id;
  };
  // `reply` is moved from for kWait. INVALID_ARGUMENT: another request has this id.
  absl::StatusOr<Begun> Begin(const std::string& request_id, const std::string& fingerprint,
                              ContextReply& reply);
  // Answers those that wait. After a failure the id is free.
  void Made(const std::string& request_id, const absl::StatusOr<warren::v1::Context>& made);
  // That context is not there any more.
  void ForgetContext(const std::string& context_id);

 private:
  struct Entry {
    std::string fingerprint;
    // Empty while it is being made.
    std::string context_id;
    std::vector<ContextReply> waiting;
  };
  Mutex mu_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_REQUEST_IDS_H_
