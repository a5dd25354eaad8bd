#ifndef WARREN_TESTS_LAUNCH_AGENT_FILES_H_
#define WARREN_TESTS_LAUNCH_AGENT_FILES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/unique_fd.h"
#include "runtime/control/frame.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// What came of one call.
struct FileOutcome {
  std::vector<internal::FileFacts> entries;
  std::string data;
  std::vector<internal::StreamWatchEvent> watched;
  int64_t credit = 0;
  bool ended = false;
  internal::StreamEnd end;

  bool ok() const { return end.outcome() == internal::StreamEnd::OK; }
};

// A supervisor that asks an agent for files, over its two pipes. It gives credit for whatever it
// takes, unless it is told not to.
class AgentFiles {
 public:
  AgentFiles(UniqueFd requests, UniqueFd events)
      : requests_(std::move(requests)), events_(std::move(events)) {}

  // The next call is of this user.
  void set_user(uint32_t uid) { uid_ = uid; }
  void set_credit(bool given) { give_credit_ = given; }

  // ---- A call and all that comes of it.
  FileOutcome Read(const std::string& path);
  FileOutcome Write(const std::string& path, const std::string& data,
                    const std::function<void(internal::WriteFileCall&)>& change = {});
  FileOutcome Stat(const std::string& path, bool follow = false);
  FileOutcome List(const std::string& path, uint32_t depth = 1);
  FileOutcome MakeDirectory(const std::string& path, uint32_t mode = 0755);
  FileOutcome Move(const std::string& source, const std::string& destination);
  FileOutcome Remove(const std::string& path, bool recursive = false);

  // ---- In steps.
  uint64_t Begin(internal::FileCall call);
  uint64_t BeginRead(const std::string& path);
  uint64_t BeginWrite(const std::string& path,
                      const std::function<void(internal::WriteFileCall&)>& change = {});
  // Waits for the credit that it takes.
  void SendData(uint64_t stream, const std::string& data, bool last);
  void Cancel(uint64_t stream);
  void GiveCredit(uint64_t stream, uint32_t bytes);
  void Send(const internal::AgentRequest& request);
  // Until it has ended.
  FileOutcome Finish(uint64_t stream);
  // What has come of it so far.
  FileOutcome& outcome(uint64_t stream) { return outcomes_[stream]; }
  // The next thing that the agent says; false when there is nothing for so long, or it is gone.
  bool TakeEvent(int milliseconds);
  // Waits until `holds`; false when it does not come.
  bool WaitUntil(const std::function<bool()>& holds);

 private:
  void OnEvent(const internal::AgentEvent& event);

  UniqueFd requests_;
  UniqueFd events_;
  FrameParser parser_;
  uint32_t uid_ = 1000;
  bool give_credit_ = true;
  uint64_t last_stream_ = 0;
  std::map<uint64_t, FileOutcome> outcomes_;
};

}  // namespace warren

#endif  // WARREN_TESTS_LAUNCH_AGENT_FILES_H_
