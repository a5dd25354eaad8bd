#include "supervisor/failover/backend_questions.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "supervisor/failover/answered_within.h"
#include "supervisor/failover/ask_patience.h"

namespace warren {
namespace {

using MemberList = std::vector<std::shared_ptr<Member>>;

absl::Status NobodyAnswers(const MemberList& members) {
  return absl::UnavailableError(absl::StrCat(
      "no backend answers: ",
      absl::StrJoin(members, ", ", [](std::string* out, const std::shared_ptr<Member>& member) {
        absl::StrAppend(out, member->name());
      })));
}

Call WithinPatience(Timers& timers, Call call) {
  call.deadline = std::min(call.deadline, timers.WallNow() + kAskPatience);
  return call;
}

// On the timers' thread alone.
struct TemplateAnswers {
  MemberList members;
  MemberList route;
  // Of each member; not OK where it did not answer.
  std::vector<absl::StatusOr<v1::ListTemplatesResponse>> answers;
  size_t waited_for = 0;
  Reply<v1::ListTemplatesResponse> reply;
};

absl::StatusOr<v1::ListTemplatesResponse> Union(const TemplateAnswers& asked) {
  v1::ListTemplatesResponse all;
  std::set<std::string> known;
  size_t first = asked.route.size();
  bool any = false;
  for (size_t i = 0; i < asked.members.size(); ++i) {
    const auto& answer = asked.answers[i];
    if (!answer.ok()) continue;
    any = true;
    for (const v1::TemplateInfo& each : answer->templates()) {
      if (known.insert(each.template_id()).second) *all.add_templates() = each;
    }
    const size_t place =
        std::find(asked.route.begin(), asked.route.end(), asked.members[i]) - asked.route.begin();
    if (place >= first) continue;
    first = place;
    all.set_default_template_id(answer->default_template_id());
  }
  if (!any) return NobodyAnswers(asked.members);
  return all;
}

void OnTemplates(const std::shared_ptr<TemplateAnswers>& asked, size_t place,
                 absl::StatusOr<v1::ListTemplatesResponse> answer) {
  asked->answers[place] = std::move(answer);
  if (--asked->waited_for == 0) asked->reply(Union(*asked));
}

void AskOneEnvironment(const std::shared_ptr<Timers>& timers,
                       const std::shared_ptr<const MemberList>& route, size_t place,
                       const Call& call, const std::string& template_id,
                       Reply<v1::Environment> reply) {
  while (place < route->size() && (*route)[place]->lost()) ++place;
  if (place == route->size()) return reply(NobodyAnswers(*route));
  (*route)[place]->backend().GetEnvironment(
      WithinPatience(*timers, call), template_id,
      AnsweredWithin<v1::Environment>(
          timers, kAskPatience,
          [timers, route, place, call, template_id,
           reply = std::move(reply)](absl::StatusOr<v1::Environment> answer) mutable {
            const absl::Status& status = answer.status();
            if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status))
              return reply(std::move(answer));
            AskOneEnvironment(timers, route, place + 1, call, template_id, std::move(reply));
          }));
}

}  // namespace

void AskTemplates(const std::shared_ptr<Timers>& timers, const MemberList& members,
                  const MemberList& route, const Call& call,
                  Reply<v1::ListTemplatesResponse> reply) {
  auto asked = std::make_shared<TemplateAnswers>();
  asked->members = members;
  asked->route = route;
  asked->answers.assign(members.size(), absl::UnavailableError("not asked"));
  asked->reply = std::move(reply);
  // One more, until all are asked.
  asked->waited_for = members.size() + 1;
  timers->Post([timers = timers, asked, call] {
    for (size_t i = 0; i < asked->members.size(); ++i) {
      if (asked->members[i]->lost()) {
        --asked->waited_for;
        continue;
      }
      asked->members[i]->backend().ListTemplates(
          WithinPatience(*timers, call),
          AnsweredWithin<v1::ListTemplatesResponse>(
              timers, kAskPatience, [asked, i](absl::StatusOr<v1::ListTemplatesResponse> answer) {
                OnTemplates(asked, i, std::move(answer));
              }));
    }
    if (--asked->waited_for == 0) asked->reply(Union(*asked));
  });
}

void AskEnvironment(const std::shared_ptr<Timers>& timers, MemberList route, const Call& call,
                    const std::string& template_id, Reply<v1::Environment> reply) {
  auto shared = std::make_shared<const MemberList>(std::move(route));
  timers->Post([timers = timers, shared, call, template_id, reply = std::move(reply)]() mutable {
    AskOneEnvironment(timers, shared, 0, call, template_id, std::move(reply));
  });
}

}  // namespace warren
