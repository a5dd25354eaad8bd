#include "supervisor/failover/list_pages.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "supervisor/backend/validate.h"
#include "supervisor/failover/answered_within.h"
#include "supervisor/failover/ask_patience.h"

namespace warren {
namespace {

// As the contract has it; and from half of it on no other member is asked, whose answer would
// probably not fit.
constexpr size_t kMaxPageBytes = 2 << 20;

// The place is what counts, for one that is retired may be called as another is; the name tells
// that it is still there.
std::string TokenPrefix(size_t place, const Member& member) {
  return absl::StrCat(place, ".", member.name(), "/");
}

absl::Status ForeignToken() {
  return absl::InvalidArgumentError(
      "page_token is none that this server gave with its backends of now; begin anew without one");
}

}  // namespace

ListPages::ListPages(Tools tools, std::vector<std::shared_ptr<Member>> members, Call call,
                     v1::ListSandboxesRequest request, Reply<v1::ListSandboxesResponse> reply)
    : tools_(std::move(tools)),
      members_(std::move(members)),
      call_(std::move(call)),
      request_(std::move(request)),
      reply_(std::move(reply)) {}

void ListPages::Start() {
  v1::ListSandboxesRequest valid = request_;
  if (absl::Status status = ValidateList(valid); !status.ok()) return reply_(status);
  if (!ReadToken(request_.page_token())) return reply_(ForeignToken());
  tools_.timers->Post([self = shared_from_this()] { self->AskNext(); });
}

bool ListPages::ReadToken(const std::string& token) {
  if (token.empty()) return true;
  std::string plain;
  if (!absl::WebSafeBase64Unescape(token, &plain)) return false;
  for (size_t place = 0; place < members_.size(); ++place) {
    const std::string prefix = TokenPrefix(place, *members_[place]);
    if (!absl::StartsWith(plain, prefix)) continue;
    next_ = place;
    inner_token_ = plain.substr(prefix.size());
    return true;
  }
  return false;
}

int ListPages::Room() const {
  if (page_.ByteSizeLong() >= kMaxPageBytes / 2) return 0;
  v1::ListSandboxesRequest valid = request_;
  // Fills in the default size.
  ValidateList(valid).IgnoreError();
  return valid.page_size() - page_.sandboxes_size();
}

void ListPages::AskMember(size_t place, int page_size, const std::string& token,
                          void (ListPages::*then)(absl::StatusOr<v1::ListSandboxesResponse>)) {
  v1::ListSandboxesRequest request = request_;
  request.set_page_size(page_size);
  request.set_page_token(token);
  Call call = call_;
  call.deadline = std::min(call.deadline, tools_.timers->WallNow() + kAskPatience);
  members_[place]->backend().List(
      call, request,
      AnsweredWithin<v1::ListSandboxesResponse>(
          tools_.timers, kAskPatience,
          [self = shared_from_this(), then](absl::StatusOr<v1::ListSandboxesResponse> answer) {
            (self.get()->*then)(std::move(answer));
          }));
}

void ListPages::AskNext() {
  while (next_ < members_.size() && members_[next_]->lost()) {
    page_.add_missing_backends(members_[next_++]->name());
    inner_token_.clear();
  }
  const int room = Room();
  if (next_ == members_.size() || room == 0) {
    ahead_ = next_;
    return LookAhead();
  }
  AskMember(next_, room, inner_token_, &ListPages::OnAnswer);
}

bool ListPages::TakeAnswer(const absl::StatusOr<v1::ListSandboxesResponse>& answer, size_t place) {
  if (answer.ok()) return true;
  const absl::Status& status = answer.status();
  if (!absl::IsUnavailable(status) &&
      !(absl::IsDeadlineExceeded(status) && tools_.timers->WallNow() < call_.deadline)) {
    std::exchange(reply_, nullptr)(status);
    return false;
  }
  page_.add_missing_backends(members_[place]->name());
  return false;
}

void ListPages::OnAnswer(absl::StatusOr<v1::ListSandboxesResponse> answer) {
  if (!TakeAnswer(answer, next_)) {
    if (reply_ == nullptr) return;
    ++next_;
    inner_token_.clear();
    return AskNext();
  }
  Name(*members_[next_], *answer);
  ahead_ = next_;
  // It would be too large a page: it is the next one's.
  if (page_.sandboxes_size() > 0 && page_.ByteSizeLong() + answer->ByteSizeLong() > kMaxPageBytes)
    return LookAhead();
  Add(*std::move(answer));
  if (!inner_token_.empty()) {
    more_ = true;
    ++ahead_;
    return LookAhead();
  }
  ++next_;
  AskNext();
}

void ListPages::LookAhead() {
  const bool first_page = request_.page_token().empty();
  while (ahead_ < members_.size() && members_[ahead_]->lost())
    page_.add_missing_backends(members_[ahead_++]->name());
  if (ahead_ == members_.size() || (more_ && !first_page)) return Finish();
  AskMember(ahead_, 1, "", &ListPages::OnLooked);
}

void ListPages::OnLooked(absl::StatusOr<v1::ListSandboxesResponse> answer) {
  if (TakeAnswer(answer, ahead_)) {
    Name(*members_[ahead_], *answer);
    const bool has_any = !answer->sandboxes().empty() || !answer->next_page_token().empty();
    if (!more_ && has_any) {
      more_ = true;
      next_ = ahead_;
    }
    AddOthers(*answer);
  }
  if (reply_ == nullptr) return;
  ++ahead_;
  LookAhead();
}

void ListPages::AddOthers(const v1::ListSandboxesResponse& answer) {
  if (request_.page_token().empty()) page_.mutable_pools()->MergeFrom(answer.pools());
  // Of a Warren that has several backends itself.
  page_.mutable_missing_backends()->MergeFrom(answer.missing_backends());
}

void ListPages::Add(v1::ListSandboxesResponse answer) {
  AddOthers(answer);
  for (v1::Sandbox& sandbox : *answer.mutable_sandboxes())
    *page_.add_sandboxes() = std::move(sandbox);
  inner_token_ = std::move(*answer.mutable_next_page_token());
}

void ListPages::Name(const Member& member, v1::ListSandboxesResponse& answer) const {
  auto& sandboxes = *answer.mutable_sandboxes();
  sandboxes.erase(std::remove_if(sandboxes.begin(), sandboxes.end(),
                                 [&](const v1::Sandbox& sandbox) {
                                   return tools_.lost->Has(member, sandbox.sandbox_id()) ||
                                          tools_.placements->LivesElsewhere(member,
                                                                            sandbox.sandbox_id());
                                 }),
                  sandboxes.end());
  for (v1::Sandbox& sandbox : sandboxes) {
    sandbox.set_backend(member.name());
    std::string id = tools_.placements->PublicId(member, sandbox.sandbox_id());
    if (id == sandbox.sandbox_id()) continue;
    if (const auto placement = tools_.placements->Find(id))
      sandbox.set_recreations(placement->recreations);
    sandbox.set_sandbox_id(std::move(id));
  }
}

void ListPages::Finish() {
  if (more_) {
    page_.set_next_page_token(absl::WebSafeBase64Escape(
        absl::StrCat(TokenPrefix(next_, *members_[next_]), inner_token_)));
  }
  reply_(std::move(page_));
}

}  // namespace warren
