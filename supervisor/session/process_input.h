#ifndef WARREN_SUPERVISOR_SESSION_PROCESS_INPUT_H_
#define WARREN_SUPERVISOR_SESSION_PROCESS_INPUT_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "warren/v1/process.pb.h"

namespace warren {

// The standard input of a process: what clients write goes into its pipe in the order in which they
// wrote it, and each is answered when the pipe has taken all of theirs.
//
// IO thread; the loop and the budget outlive it. It answers and is forgotten by Close at the
// latest.
class ProcessInput : public std::enable_shared_from_this<ProcessInput> {
 public:
  using WriteReply = Reply<warren::v1::WriteProcessInputResponse>;

  // What may wait for a process to read it.
  static constexpr size_t kMaxWaiting = 1 << 20;

  // `pipe`: non-blocking; none for an input that is closed from the start.
  ProcessInput(IoLoop& loop, MemoryBudget* memory, UniqueFd pipe)
      : loop_(loop), pipe_(std::move(pipe)), charge_(memory) {}

  // `request` is valid.
  void Write(warren::v1::WriteProcessInputRequest request, WriteReply reply);
  // All of it, and its end. Whoever gives it was admitted with it: it is charged in any case.
  void WriteAll(std::string data);
  // It takes no more: what waits is answered with `why`.
  void Close(const absl::Status& why);

 private:
  void Enqueue(std::string data, bool close, WriteReply reply);
  struct Waiting {
    std::string data;
    size_t written = 0;
    bool close = false;
    WriteReply reply;
  };
  void Flush();
  // False when the pipe is full, or gone.
  bool WriteFront();
  void Watch();

  IoLoop& loop_;
  UniqueFd pipe_;
  IoLoop::WatchId watch_ = IoLoop::kNoWatch;
  std::deque<Waiting> waiting_;
  size_t waiting_bytes_ = 0;
  // A close waits: nothing may be written behind it.
  bool closing_ = false;
  MemoryCharge charge_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_PROCESS_INPUT_H_
