#ifndef WARREN_SUPERVISOR_E2B_ENVD_CLOUD_INPUT_H_
#define WARREN_SUPERVISOR_E2B_ENVD_CLOUD_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/envd/envd_state.h"
#include "warren/e2b/process.pb.h"

namespace warren {

// What waits to be written to one process: one request at a time, so that it arrives in order, and
// none of them twice. It is on record in its sandbox's state while something waits.
//
// Of the loop's thread.
class CloudInput : public std::enable_shared_from_this<CloudInput> {
 public:
  using WriteReply = Reply<v1::WriteProcessInputResponse>;
  // What may wait for a process to read it.
  static constexpr size_t kMaxWaitingInput = 1 << 20;

  CloudInput(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox, uint32_t pid)
      : cloud_(std::move(cloud)),
        sandbox_(std::move(sandbox)),
        pid_(pid),
        charge_(&cloud_->memory()) {}

  // `request` is valid.
  void Write(v1::WriteProcessInputRequest request, absl::Time deadline, WriteReply reply);

 private:
  // A write that holds nothing is no less of an object.
  static constexpr size_t kLeastCost = 512;
  struct Waiting {
    std::string data;
    size_t cost = 0;
    bool close = false;
    absl::Time deadline;
    WriteReply reply;
    // Another kind of input was tried.
    bool tried = false;
  };
  KnownCloudProcess::Input Kind() const;
  // One after the other: one that is answered in place brings on the next.
  void SendFront();
  void SendOnce();
  void SendData(const std::string& data);
  void SendClose();
  void OnSent(absl::Status status);
  // The front has been sent, or failed.
  void Answer(absl::Status status);

  const std::shared_ptr<Cloud> cloud_;
  const CloudSandboxRef sandbox_;
  const uint32_t pid_;
  std::deque<Waiting> waiting_;
  size_t waiting_bytes_ = 0;
  // A close waits: nothing may be written behind it.
  bool closing_ = false;
  // Within SendFront; the front is to be sent once more, or another one.
  bool sending_ = false;
  bool send_again_ = false;
  MemoryCharge charge_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_CLOUD_INPUT_H_
