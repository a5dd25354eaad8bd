#ifndef WARREN_SUPERVISOR_SESSION_WORKER_CHANNEL_H_
#define WARREN_SUPERVISOR_SESSION_WORKER_CHANNEL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/control/frame.h"
#include "warren/internal/worker.pb.h"
#include "warren/v1/execution.pb.h"

namespace warren {

// The supervisor's ends of a worker's four pipes, all non-blocking.
struct WorkerPipes {
  UniqueFd requests;
  UniqueFd events;
  UniqueFd standard_output;
  UniqueFd standard_error;
};

// Takes them off the front of what came with ProcessStarted. INTERNAL when there are too few.
absl::StatusOr<WorkerPipes> TakeWorkerPipes(std::vector<UniqueFd>& fds);

// Speaks worker.proto over a worker's pipes. Everything that comes out of them is hostile: bounded
// and checked here, or refused with INVALID_ARGUMENT, after which the sandbox must die.
//
// Externally synchronised (its Sandbox's lock). It never blocks and knows nothing of epoll: the
// owner calls the Read functions when a pipe is readable, and may leave a pipe unread for as long
// as it likes.
class WorkerChannel {
 public:
  using Stream = warren::v1::ExecutionEvent::Output::Stream;

  // Receives what the worker says. Views are valid during the call.
  class Sink {
   public:
    // `execution_id` 0: from a raw pipe, or from no cell. For both: an error ends the reading, and
    // is handed to who called Read. Output from a raw pipe cannot be refused.
    virtual absl::Status OnOutput(uint64_t execution_id, Stream stream, absl::string_view data) = 0;
    // Everything but output.
    virtual absl::Status OnEvent(const internal::WorkerEvent& event) = 0;
    // False: the pipes are not to be read further now. What was read beyond an event that brought
    // this about, the end of a cell say, is held and delivered when more is wanted.
    virtual bool WantsMore() const = 0;

   protected:
    ~Sink() = default;
  };

  enum class Outcome {
    // The pipe is empty; its next byte makes it readable anew.
    kDrained,
    // More may be there: the turn's budget is used up, or the sink wants no more.
    kMore,
    kClosed,
  };

  // After so much from one pipe the other sandboxes have their turn.
  static constexpr size_t kTurnBytes = 1 << 20;

  explicit WorkerChannel(WorkerPipes pipes) : pipes_(std::move(pipes)) {}

  // Reads events, up to `most` bytes of them. Before those of one read are delivered, what the raw
  // pipes hold is.
  absl::StatusOr<Outcome> ReadEvents(Sink& sink, size_t most = kTurnBytes);
  Outcome ReadOutput(Stream stream, Sink& sink, size_t most = kTurnBytes);
  // The last words of a dead worker: all that the pipes still hold, whether the sink wants more or
  // not.
  absl::Status ReadRemains(Sink& sink);

  // Writes as much of a frame as the pipe takes. kMore: call Flush when the pipe is writable.
  Outcome Send(const internal::WorkerRequest& request);
  Outcome Flush();

  // Gives buffers back that only a large frame needed.
  void Shrink() { parser_.Shrink(); }

  void Close() { pipes_ = WorkerPipes(); }

  const WorkerPipes& pipes() const { return pipes_; }
  // When what is delivered was read, or what was read last.
  int64_t read_time_unix_nanos() const { return read_time_unix_nanos_; }
  // Of all that was ever read.
  size_t bytes_read() const { return bytes_read_; }
  // Of the requests, the pipe had no room for all: no worker can have read the last of them.
  bool has_unsent() const { return !unsent_.empty(); }

 private:
  // What is delivered of what was read: up to an event after which no more is wanted, or all.
  enum class Extent { kWanted, kAll };

  absl::StatusOr<Outcome> ReadEventsOnce(Sink& sink, size_t most, size_t* bytes, Extent extent);
  absl::Status DeliverFrames(absl::string_view bytes, Sink& sink, Extent extent);
  absl::StatusOr<FrameParser::Next> DeliverFrame(absl::string_view frame, Sink& sink,
                                                 Extent extent);
  // Delivers what the raw pipe holds at this moment, and not what is written meanwhile.
  void DrainSnapshot(Stream stream, Sink& sink);

  // A pipe that is found full belongs to a flood: room for more at a time saves two thirds of the
  // switches between the worker and us. A pipe that is never full stays small, for there are three
  // to every sandbox.
  void EnlargeIfFull(const UniqueFd& pipe, size_t read, bool* enlarged);
  // read(2) from `fd`, and when that was: one look at the clock for all that comes of it.
  ssize_t ReadTimed(int fd, char* data, size_t size);

  WorkerPipes pipes_;
  bool events_enlarged_ = false;
  bool output_enlarged_ = false;
  FrameParser parser_;
  internal::WorkerEvent event_;
  std::string unsent_;
  int64_t read_time_unix_nanos_ = 0;
  size_t bytes_read_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_WORKER_CHANNEL_H_
