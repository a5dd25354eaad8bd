#include "supervisor/fake/fake_context.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

absl::Status Gone() {
  return absl::FailedPreconditionError("the context is gone; create a new one");
}

}  // namespace

FakeContext::FakeContext(std::string id) : id_(std::move(id)), thread_([this] { Run(); }) {}

FakeContext::~FakeContext() {
  Kill();
  thread_.join();
}

v1::Context FakeContext::Describe(const std::string& sandbox_id) const {
  v1::Context context;
  context.set_context_id(id_);
  context.set_sandbox_id(sandbox_id);
  context.set_language("python");
  std::lock_guard lock(mu_);
  context.set_alive(alive_);
  context.set_execution_count(execution_count_);
  return context;
}

absl::Status FakeContext::Add(std::shared_ptr<FakeCell> cell) {
  std::lock_guard lock(mu_);
  if (!alive_) return Gone();
  if (waiting_.size() >= kMaxWaiting) {
    return absl::ResourceExhaustedError(
        absl::StrCat(kMaxWaiting, " cells wait for this context already"));
  }
  waiting_.push_back(std::move(cell));
  changed_.notify_all();
  return absl::OkStatus();
}

absl::Status FakeContext::Interrupt() {
  std::lock_guard lock(mu_);
  if (running_ == nullptr) {
    return absl::FailedPreconditionError("nothing runs in this context");
  }
  running_->Interrupt();
  return absl::OkStatus();
}

bool FakeContext::paused() {
  std::lock_guard lock(mu_);
  return running_ != nullptr && running_->paused();
}

void FakeContext::Kill() {
  std::lock_guard lock(mu_);
  alive_ = false;
  changed_.notify_all();
  if (running_ != nullptr) running_->Kill();
}

void FakeContext::Run() {
  for (;;) {
    std::shared_ptr<FakeCell> cell;
    int count = 0;
    bool alive;
    {
      std::unique_lock lock(mu_);
      changed_.wait(lock, [this] { return !alive_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      cell = std::move(waiting_.front());
      waiting_.pop_front();
      alive = alive_;
      if (alive && !cell->cancelled()) {
        running_ = cell;
        count = ++execution_count_;
      }
    }
    if (!alive) {
      cell->Refuse(Gone());
    } else if (count == 0) {
      cell->Refuse(absl::CancelledError("the cell was cancelled before it ran"));
    } else {
      cell->Run(count, [this](bool lives) {
        std::lock_guard lock(mu_);
        running_.reset();
        alive_ = alive_ && lives;
      });
    }
  }
}

}  // namespace warren
