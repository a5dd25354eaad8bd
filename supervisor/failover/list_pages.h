#ifndef WARREN_SUPERVISOR_FAILOVER_LIST_PAGES_H_
#define WARREN_SUPERVISOR_FAILOVER_LIST_PAGES_H_

#include <memory>
#include <string>
#include <vector>

#include "supervisor/failover/lost_sandboxes.h"
#include "supervisor/failover/member.h"
#include "supervisor/failover/placements.h"
#include "supervisor/failover/timers.h"

namespace warren {

// One page of the sandboxes of several members: those of the first, then those of the next. So
// their order, the oldest first or the newest, holds within a backend. A page token says which
// member is next and what that one's own token is. A member that does not answer is named in
// missing_backends of the first page and of that where it would have been, and left out. The pools
// of all come with the first page.
//
// It keeps itself alive until it has replied, on the timers' thread, which is the only one that
// touches it after Start. Lifecycle: constructor → Start.
class ListPages final : public std::enable_shared_from_this<ListPages> {
 public:
  // What is listed, besides what members say.
  struct Tools {
    std::shared_ptr<Timers> timers;
    std::shared_ptr<Placements> placements;
    std::shared_ptr<LostSandboxes> lost;
  };

  ListPages(Tools tools, std::vector<std::shared_ptr<Member>> members, Call call,
            v1::ListSandboxesRequest request, Reply<v1::ListSandboxesResponse> reply);

  // INVALID_ARGUMENT for a token that is none of these. Not from within a reply.
  void Start();

 private:
  // False: it is no token of this.
  bool ReadToken(const std::string& token);
  void AskNext();
  void OnAnswer(absl::StatusOr<v1::ListSandboxesResponse> answer);
  void Add(v1::ListSandboxesResponse answer);
  // What a page has beside sandboxes.
  void AddOthers(const v1::ListSandboxesResponse& answer);
  // As clients know them; without what nobody is to have any more, and what another member lists.
  void Name(const Member& member, v1::ListSandboxesResponse& answer) const;
  // How many sandboxes more the page takes.
  int Room() const;
  // False where the member did not answer, which is noted, or the whole is at an end.
  bool TakeAnswer(const absl::StatusOr<v1::ListSandboxesResponse>& answer, size_t place);
  void AskMember(size_t place, int page_size, const std::string& token,
                 void (ListPages::*then)(absl::StatusOr<v1::ListSandboxesResponse>));
  // The page is full, or there is no more. What is there behind it: of the first page all are
  // asked, for their pools; of others, until one has a sandbox.
  void LookAhead();
  void OnLooked(absl::StatusOr<v1::ListSandboxesResponse> answer);
  // With the token of what is next, where anything is.
  void Finish();

  const Tools tools_;
  const std::vector<std::shared_ptr<Member>> members_;
  const Call call_;
  const v1::ListSandboxesRequest request_;
  Reply<v1::ListSandboxesResponse> reply_;
  v1::ListSandboxesResponse page_;
  // What is asked next: of which member, from where on.
  size_t next_ = 0;
  std::string inner_token_;
  // The member that LookAhead asks.
  size_t ahead_ = 0;
  // Behind the page, `next_` is where something is.
  bool more_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_LIST_PAGES_H_
