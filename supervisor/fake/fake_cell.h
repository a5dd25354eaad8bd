#ifndef WARREN_SUPERVISOR_FAKE_FAKE_CELL_H_
#define WARREN_SUPERVISOR_FAKE_FAKE_CELL_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/backend/backend.h"

namespace warren {

// A cell whose code says what shall happen, a line a step:
//
//   print TEXT       a line on stdout            warn TEXT      a line on stderr
//   show TEXT        a display of plain text     value TEXT     the same, as the result
//   flood BYTES      so much on stdout           wait           until somebody ends the cell
//   fail NAME TEXT   an exception                exit CODE      the end of the context
//
// Anything else is a SyntaxError. Bounds, pauses and ends are the contract's. A user_expression
// evaluates to itself. Its files are its own: output_files find what input_files have brought. One
// whose path ends in a slash cannot be written.
//
// While its client is away, what it says is kept, all of it; of one that may be left without a word
// (CONTINUE, a request id) from its start.
//
// Lifecycle: constructor → Run by the context's thread, or Refuse. The others are for any thread,
// and may come from within the sink's calls.
class FakeCell {
 public:
  // The request is valid. `process_id`: of a script, which is a cell of its own; empty for none.
  FakeCell(std::string id, v1::ExecuteCodeRequest request, std::shared_ptr<ExecutionSink> sink,
           std::string process_id = "");

  const std::string& id() const { return id_; }

  // Ends with Finished and the sink's End; before them, `over` hears whether the context lives on.
  // Whoever sees the end sees what it left.
  void Run(int execution_count, const std::function<void(bool context_alive)>& over);
  // Ends without an event.
  void Refuse(absl::Status status);

  void Resume();
  // This client goes; one that has ended has had everything.
  void Detach(uint64_t client);
  // A client comes. FAILED_PRECONDITION: it has one, which is not to lose its place and may not be
  // left; NOT_FOUND: its last one saw its end.
  enum class Rivals { kRefused, kReplaced };
  absl::Status Attach(std::shared_ptr<ExecutionSink> sink, int64_t after_sequence,
                      Rivals rivals = Rivals::kRefused,
                      v1::OnDisconnect on_disconnect = v1::ON_DISCONNECT_UNSPECIFIED);
  // Whose place another has taken it is not told.
  uint64_t client();
  bool goes_on();
  // As it was asked for.
  const v1::ExecuteCodeRequest& request() const { return request_; }
  // Nobody can attach to it any more.
  bool forgotten();
  void Cancel() { Stop(StopReason::kCancelled); }
  void Interrupt() { Stop(StopReason::kInterrupted); }
  void Kill() { Stop(StopReason::kKilled); }
  // It was cancelled, and need not run.
  bool cancelled();
  // It waits for its reader.
  bool paused();

 private:
  enum class StopReason { kNone, kInterrupted, kCancelled, kKilled, kTimeout, kOutputLimit };

  void Stop(StopReason reason);
  StopReason stop();
  // Waits until somebody ends the cell, or its time is over.
  void WaitForStop();
  // False, and told, where one cannot be.
  bool WriteInputs(v1::Termination& termination);
  void RunCode(v1::Termination& termination);
  void TellOutputs();
  void Step(absl::string_view line, v1::Termination& termination);
  // Numbers the event, and hands it to the client, or keeps it.
  Flow Deliver(v1::ExecutionEvent event);
  void End(absl::Status status);
  void Tell(v1::ExecutionEvent event);
  void TellOutput(v1::ExecutionEvent::Output::Stream stream, absl::string_view data);
  void TellDisplay(absl::string_view text, bool is_result);
  void TellError(absl::string_view name, absl::string_view value, v1::Termination& termination);
  // Stops where the output is over its bound.
  bool Count(size_t bytes);
  void Heed(Flow flow);
  void TellFinished(v1::Termination termination, int execution_count);
  static void Explain(StopReason reason, v1::Termination& termination);

  const std::string id_;
  const std::string process_id_;
  const v1::ExecuteCodeRequest request_;
  absl::Time deadline_;
  int64_t output_bytes_ = 0;
  std::string files_incomplete_;

  // Held while the sink is called, which may call Detach. Guards what follows it.
  std::recursive_mutex sink_mu_;
  // Null while the client is away, and after its End: it may own whoever owns this.
  std::shared_ptr<ExecutionSink> sink_;
  int64_t sequence_ = 0;
  std::vector<v1::ExecutionEvent> kept_;
  uint64_t client_ = 1;
  bool keeps_;
  bool goes_on_;
  bool ended_ = false;
  // It ended while its client was away.
  bool ended_alone_ = false;
  absl::Status end_status_;

  // Guards what follows it.
  std::mutex mu_;
  std::condition_variable changed_;
  StopReason stop_ = StopReason::kNone;
  bool paused_ = false;
  // Since the last pause.
  bool resumed_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAKE_FAKE_CELL_H_
