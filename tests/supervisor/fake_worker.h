#ifndef WARREN_TESTS_SUPERVISOR_FAKE_WORKER_H_
#define WARREN_TESTS_SUPERVISOR_FAKE_WORKER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/control/frame.h"
#include "supervisor/session/worker_channel.h"
#include "warren/internal/worker.pb.h"

namespace warren {

// A worker's ends of its pipes, in the hands of a test: it says what the test has it say, when the
// test has it say so. Thread-compatible.
class FakeWorker {
 public:
  // Makes the pipes; a test failure is noted where that fails.
  FakeWorker();

  // The supervisor's ends; once.
  WorkerPipes TakePipes() { return std::move(pipes_); }

  // Waits for the next request; nothing, and a test failure, when none comes.
  std::optional<internal::WorkerRequest> NextRequest();
  // No request is in its pipe.
  bool HasRequest();

  // False, and a test failure, when the supervisor does not read.
  bool Send(const internal::WorkerEvent& event);
  bool SendReady();
  bool SendOutput(uint64_t execution_id, absl::string_view data);
  bool SendDone(uint64_t execution_id);
  // Writes as much as the pipe takes at once. True when that was all.
  bool TrySendOutput(uint64_t execution_id, absl::string_view data);
  // Raw standard output.
  bool WriteOut(absl::string_view data);

  // The supervisor has closed its ends.
  bool Abandoned() const;

  void CloseEvents() { events_.reset(); }
  // As the kernel does at its end.
  void CloseAll();

 private:
  WorkerPipes pipes_;
  UniqueFd requests_;
  UniqueFd events_;
  UniqueFd out_;
  UniqueFd err_;
  FrameParser parser_;
  std::vector<std::string> parsed_;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_FAKE_WORKER_H_
