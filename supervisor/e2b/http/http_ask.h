#ifndef WARREN_SUPERVISOR_E2B_HTTP_HTTP_ASK_H_
#define WARREN_SUPERVISOR_E2B_HTTP_HTTP_ASK_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/e2b/http/http_client.h"

namespace warren {

// Whether a call may be made again that has failed.
enum class HttpAgain {
  // Only where not a byte of it was sent, or its answer is a 429: then nothing was done.
  kIfNotDone,
  // Also after a 503, a 502, or a connection that broke: it may be done twice.
  kAlways,
};

struct HttpAnswer {
  HttpHead head;
  std::string body;
};

// Of an answer that is held whole.
inline constexpr size_t kMaxHttpAnswer = 16 << 20;
// Attempts, the first included.
inline constexpr int kMaxHttpAttempts = 4;

// Asks, and asks again as `again` allows: after the answer's Retry-After, else after 100 ms, 200 ms
// and so on with jitter; never past the request's timeout, which is that of all attempts together
// (a 429 whose Retry-After lies beyond it is told at once, as the answer that it is). The callback
// comes once, on the loop's thread, from within the call where nothing could be started; what has
// no answer is a status as HttpSink::OnEnd has it, RESOURCE_EXHAUSTED for an answer that is too
// long, or for which the memory of all answers has no room (null: it is not counted). The client,
// the memory and the loop outlive what is returned. The returned call's destruction cancels it: the
// callback does not come then.
//
// Where a request that has no answer may have come to the server, its status says so: MayBeSent.
class HttpAsk {
 public:
  virtual ~HttpAsk() = default;
};
std::unique_ptr<HttpAsk> AskHttp(HttpClient& client, IoLoop& loop, MemoryBudget* memory,
                                 HttpRequest request, HttpAgain again,
                                 absl::AnyInvocable<void(absl::StatusOr<HttpAnswer>)> callback);

// Of a status that an ask ended with; else not a byte of it was sent. Clients are told by words.
void MarkMayBeSent(absl::Status& status);
bool MayBeSent(const absl::Status& status);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_HTTP_HTTP_ASK_H_
