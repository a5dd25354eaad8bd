#include "supervisor/session/disk_use.h"

#include <algorithm>
#include <cstdint>

namespace warren {

void DiskUse::Ask(SandboxHost& host, std::shared_ptr<Sandbox> sandbox, Done done) {
  const std::shared_ptr<AgentLink> link = sandbox->FindAgent();
  if (!link || !link->up() || !sandbox->Usable().ok()) return done();
  if (auto asked = sandbox->disk_question().lock()) return asked->Join(std::move(done));
  auto question = std::make_shared<DiskUse>(host, sandbox);
  internal::FileCall call;
  call.mutable_usage();
  const absl::StatusOr<uint64_t> stream = link->OpenStream(std::move(call), question);
  if (!stream.ok()) return done();
  // The link keeps it until the agent has answered, so it is found until then.
  sandbox->disk_question() = question;
  question->waiting_.push_back(std::move(done));
  const auto patience = std::chrono::duration_cast<MonotonicTime::duration>(
      std::chrono::duration<double>(kDiskUseTimeout) * host.pace);
  question->timer_ =
      host.loop.AddTimer(MonotonicClock::now() + patience, [question, link, stream = *stream] {
        link->CancelStream(stream);
        question->AnswerAll();
      });
}

void DiskUse::Join(Done done) {
  if (answered_) return done();
  waiting_.push_back(std::move(done));
}

void DiskUse::OnEnd(internal::StreamEnd& end) {
  if (end.outcome() == internal::StreamEnd::OK)
    sandbox_->NoteDiskUse(static_cast<int64_t>(std::min<uint64_t>(end.disk_used(), INT64_MAX)));
  AnswerAll();
}

void DiskUse::AnswerAll() {
  answered_ = true;
  host_.loop.CancelTimer(timer_);
  for (Done& done : std::exchange(waiting_, {})) done();
}

}  // namespace warren
