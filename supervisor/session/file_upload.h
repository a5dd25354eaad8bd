#ifndef WARREN_SUPERVISOR_SESSION_FILE_UPLOAD_H_
#define WARREN_SUPERVISOR_SESSION_FILE_UPLOAD_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "supervisor/base/memory_budget.h"
#include "supervisor/session/file_call.h"

namespace warren {

// A file on its way in: what its client sends waits here for the agent's credit.
// Lifecycle: as FileCall; Write* → Close beside it. IO thread, but for Charge.
class FileUpload final : public FileCall {
 public:
  // A client that sends on with as much waiting here is told to wait, until half of it is gone.
  static constexpr int64_t kMostWaiting = 1 << 20;

  FileUpload(std::shared_ptr<Sandbox> sandbox, FileSubject subject, MemoryBudget* memory,
             absl::AnyInvocable<void()> on_room, Reply<warren::v1::WriteFileResponse> reply)
      : FileCall(std::move(sandbox), std::move(subject)),
        memory_(*memory),
        on_room_(std::move(on_room)),
        reply_(std::move(reply)) {}
  ~FileUpload() override { memory_.Remove(waiting_.load()); }

  // Any thread, before the Write of the same bytes is under way to the IO thread.
  Flow Charge(size_t bytes);
  void Write(std::string data);
  void Close();

  void OnCredit(uint32_t bytes) override;

 private:
  void OnOpened() override { Pump(); }
  void Done(absl::Status status, internal::StreamEnd* end) override;
  void Pump();
  bool SendSome();
  void Discharge(size_t bytes);

  MemoryBudget& memory_;
  absl::AnyInvocable<void()> on_room_;
  Reply<warren::v1::WriteFileResponse> reply_;
  // Bytes from Charge until the agent has them.
  std::atomic<int64_t> waiting_{0};
  // The client waits for on_room_.
  std::atomic<bool> full_{false};
  std::deque<std::string> chunks_;
  // Of the first chunk, sent already.
  size_t sent_ = 0;
  int64_t credit_ = kStreamWindow;
  bool closed_ = false;
  bool last_sent_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_FILE_UPLOAD_H_
