#include "supervisor/gateway/envd/signature_search.h"

#include <utility>

#include "absl/time/clock.h"

namespace warren {
namespace {

// Tokens of so many are compared before others have their turn on this thread.
constexpr int kSearchedPage = 100;

}  // namespace

// A place among those who search, given up by its destruction.
class SignatureSearch::Turn {
 public:
  Turn(SignatureSearch& search, std::shared_ptr<Waiter> waiter)
      : search_(search), waiter_(std::move(waiter)) {}
  ~Turn() { search_.Leave(waiter_); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  SignatureSearch& search_;
  const std::shared_ptr<Waiter> waiter_;
};

std::shared_ptr<SignatureSearch::Waiter> SignatureSearch::Join(std::shared_ptr<Signal> signal) {
  MutexLock lock(&mu_);
  if (waiters_.size() > kMaxWaiting) return nullptr;
  auto waiter = std::make_shared<Waiter>();
  waiter->signal = std::move(signal);
  waiter->granted = waiters_.empty();
  waiters_.push_back(waiter);
  return waiter;
}

bool SignatureSearch::Granted(const Waiter& waiter) {
  MutexLock lock(&mu_);
  return waiter.granted;
}

void SignatureSearch::Leave(const std::shared_ptr<Waiter>& waiter) {
  MutexLock lock(&mu_);
  waiters_.remove(waiter);
  if (waiters_.empty() || std::exchange(waiters_.front()->granted, true)) return;
  waiters_.front()->signal->Notify();
}

Async<absl::StatusOr<std::string>> SignatureSearch::Find(Exchange& exchange, const FileQuery& query,
                                                         SignedDeed deed) {
  if (!query.signature) co_return absl::UnauthenticatedError("missing signature query parameter");
  // Before anything is looked at: it costs nothing.
  const absl::Status current = CheckExpiration(query, absl::Now());
  if (!current.ok()) co_return current;
  if (!IsSignature(*query.signature)) co_return absl::UnauthenticatedError("invalid signature");
  const std::shared_ptr<Waiter> waiter = Join(exchange.signal());
  if (waiter == nullptr) {
    co_return absl::ResourceExhaustedError(
        "too many signed requests that name no sandbox wait: try again later, or name it in an "
        "E2b-Sandbox-Id header");
  }
  const Turn turn(*this, waiter);
  while (!Granted(*waiter)) co_await exchange.signal()->WaitUntil(SteadyTime::max());
  v1::ListSandboxesRequest request;
  request.set_page_size(kSearchedPage);
  do {
    auto page = co_await Ask<v1::ListSandboxesResponse>(
        [&](auto reply) { door_.backend().List(Call(), request, std::move(reply)); });
    if (!page.ok()) co_return page.status();
    for (const v1::Sandbox& sandbox : page->sandboxes()) {
      const std::string& id = sandbox.sandbox_id();
      if (sandbox.state() != v1::Sandbox::DEAD &&
          HasSignature(query, deed, door_.tokens().Envd(id))) {
        co_return id;
      }
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  co_return absl::UnauthenticatedError("invalid signature");
}

}  // namespace warren
