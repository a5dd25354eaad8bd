#ifndef WARREN_SUPERVISOR_PACKAGES_STORE_LINK_H_
#define WARREN_SUPERVISOR_PACKAGES_STORE_LINK_H_

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/packages/service_link.h"
#include "warren/internal/store.pb.h"

namespace warren {

// The package store, as the supervisor asks it (store.proto). What the supervisor uses it goes on
// using over the store's end: the next one is told.
//
// IO thread only. Callbacks come from tasks of the loop's, or in place where there is no store:
// UNAVAILABLE.
class StoreLink {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<internal::StoreReply>)>;

  // `pace`: HostFacts.pace, at least 1.
  StoreLink(IoLoop& loop, double pace);

  void Start(UniqueFd socket);
  // What waits is answered: UNAVAILABLE.
  void Close();

  // `on_reply` runs once; of ListStore with all that came, in one reply. `request.id` is set here.
  void Call(internal::StoreRequest request, Callback on_reply, UniqueFd fd = {});
  // As UseSet and ReleaseSet. One that is in use already stays so, whatever the store says.
  void Use(const std::string& digest, Callback on_reply);
  void Release(const std::string& digest);
  // By how many.
  int uses(const std::string& digest) const;

 private:
  struct Pending {
    Callback on_reply;
    TimerId patience = 0;
    // Parts of it that came.
    internal::StoreContents contents;
  };
  absl::Status Take(absl::string_view message);
  void OnLost();

  IoLoop& loop_;
  const double pace_;
  uint64_t last_id_ = 0;
  std::unordered_map<uint64_t, Pending> pending_;
  // By digest: those who use it, and how often the store was told, once as a rule.
  struct Uses {
    int count = 0;
    int told = 0;
  };
  std::map<std::string, Uses> uses_;
  ServiceLink link_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_STORE_LINK_H_
