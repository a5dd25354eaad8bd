#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_SIGNATURE_SEARCH_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_SIGNATURE_SEARCH_H_

#include <cstddef>
#include <list>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "supervisor/gateway/base/sandbox_door.h"
#include "supervisor/gateway/envd/signature.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

// Finds the sandbox of a signed URL that names none, as the SDKs make them for a server of one
// address: the one whose token makes the signature.
//
// Anybody can ask, so the work is bounded: one search at a time of a gateway, a page of the list
// and two hashes of each sandbox in it; others wait their turn, and beyond kMaxWaiting are refused.
//
// Thread-safe; the door outlives it, and it outlives the exchanges.
class SignatureSearch {
 public:
  static constexpr size_t kMaxWaiting = 64;

  explicit SignatureSearch(SandboxDoor& door) : door_(door) {}
  SignatureSearch(const SignatureSearch&) = delete;
  SignatureSearch& operator=(const SignatureSearch&) = delete;

  // The sandbox's id. UNAUTHENTICATED: there is none, or the signature's time is over;
  // RESOURCE_EXHAUSTED: too many search. `query` outlives it.
  Async<absl::StatusOr<std::string>> Find(Exchange& exchange, const FileQuery& query,
                                          SignedDeed deed);

 private:
  struct Waiter {
    std::shared_ptr<Signal> signal;
    bool granted = false;
  };
  class Turn;

  // Null: too many.
  std::shared_ptr<Waiter> Join(std::shared_ptr<Signal> signal);
  bool Granted(const Waiter& waiter);
  void Leave(const std::shared_ptr<Waiter>& waiter);

  SandboxDoor& door_;
  Mutex mu_;
  // The first is at work.
  std::list<std::shared_ptr<Waiter>> waiters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_SIGNATURE_SEARCH_H_
