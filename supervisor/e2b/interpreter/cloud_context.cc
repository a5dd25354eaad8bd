#include "supervisor/e2b/interpreter/cloud_context.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

// Where the request names no bound: Limits.output_bytes by default.
constexpr int64_t kCloudOutputBytes = int64_t{64} << 20;

}  // namespace

CloudContext::~CloudContext() {
  FailWaiting(absl::UnavailableError("the backend is being shut down"));
}

void CloudContext::FailWaiting(const absl::Status& status) {
  const auto waiting = std::move(waiting_);
  waiting_.clear();
  for (const auto& execution : waiting) execution->Fail(status);
}

void CloudContext::OnStop() {
  FailWaiting(absl::UnavailableError("the backend is being shut down"));
  if (running_ == nullptr) return;
  const std::shared_ptr<CloudCell> running = running_;
  running->OnStop();
}

absl::Status CloudContext::Execute(std::shared_ptr<Execution> execution) {
  if (waiting_.size() >= kMaxWaiting) {
    return absl::ResourceExhaustedError(absl::StrCat(
        kMaxWaiting, " cells wait for this context already; wait until some have ended"));
  }
  execution->code_charge() = MemoryCharge(&cloud_->memory());
  if (!execution->code_charge().TryAdd(static_cast<int64_t>(execution->request().code().size()))) {
    return NoRoom();
  }
  waiting_.push_back(std::move(execution));
  if (running_ == nullptr) StartNext();
  return absl::OkStatus();
}

void CloudContext::StartNext() {
  if (waiting_.empty()) return;
  std::shared_ptr<Execution> execution = std::move(waiting_.front());
  waiting_.pop_front();
  const int64_t asked = execution->request().max_output_bytes();
  running_ = std::make_shared<CloudCell>(
      cloud_, sandbox_, CloudCell::Spec{spec_.id, spec_.env, asked > 0 ? asked : kCloudOutputBytes},
      std::move(execution), [weak = weak_from_this()] {
        auto self = weak.lock();
        if (!self) return;
        self->execution_count_ =
            std::max(self->execution_count_, self->running_->execution_count());
        self->running_ = nullptr;
        self->StartNext();
      });
  // It may end in place, and the next one be there.
  const std::shared_ptr<CloudCell> starting = running_;
  starting->Start();
}

absl::Status CloudContext::Interrupt() {
  if (running_ == nullptr)
    return absl::FailedPreconditionError("nothing runs in this context that could be interrupted");
  const std::shared_ptr<CloudCell> running = running_;
  running->Interrupt();
  return absl::OkStatus();
}

void CloudContext::End(StopReason why) {
  const auto self = shared_from_this();
  // Before what runs ends, for then the next one would begin.
  const auto waiting = std::move(waiting_);
  waiting_.clear();
  if (running_ != nullptr) {
    const std::shared_ptr<CloudCell> running = running_;
    running->Stop(why);
  }
  for (const auto& execution : waiting) {
    execution->Fail(
        absl::FailedPreconditionError("the context ended before the cell's turn had come"));
  }
}

bool CloudContext::Has(const std::string& execution_id) const {
  if (running_ != nullptr && running_->execution().id() == execution_id) return true;
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [&](const auto& waiting) { return waiting->id() == execution_id; });
}

void CloudContext::Resume(std::shared_ptr<Execution> execution) {
  cloud_->Post([weak = weak_from_this(), execution = std::move(execution)] {
    auto self = weak.lock();
    if (!self || self->running_ == nullptr || &self->running_->execution() != execution.get())
      return;
    self->running_->Resume();
  });
}

void CloudContext::Cancel(std::shared_ptr<Execution> execution) {
  cloud_->Post([weak = weak_from_this(), execution = std::move(execution)] {
    if (auto self = weak.lock()) self->CancelNow(*execution);
  });
}

void CloudContext::CancelNow(const Execution& execution) {
  if (running_ != nullptr && &running_->execution() == &execution) {
    const std::shared_ptr<CloudCell> running = running_;
    return running->Stop(StopReason::kCancelled);
  }
  auto found = std::find_if(waiting_.begin(), waiting_.end(),
                            [&](const auto& waiting) { return waiting.get() == &execution; });
  if (found == waiting_.end()) return;
  std::shared_ptr<Execution> cancelled = std::move(*found);
  waiting_.erase(found);
  cancelled->code_charge().Clear();
  cancelled->Fail(absl::CancelledError("the cell was cancelled before it ran"));
}

}  // namespace warren
