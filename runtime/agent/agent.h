#ifndef WARREN_RUNTIME_AGENT_AGENT_H_
#define WARREN_RUNTIME_AGENT_AGENT_H_

#include <poll.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/agent/command.h"
#include "runtime/agent/file_streams.h"
#include "runtime/agent/sudo_door.h"
#include "runtime/agent/terminal.h"
#include "runtime/base/unique_fd.h"
#include "runtime/control/frame.h"
#include "runtime/control/frame_writer.h"
#include "runtime/launch/child/agent_setup.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// Warren's own process in a sandbox: starts its commands, and reads and writes its files. One
// thread, for one in another pid namespace than its children's can have no second. Lifecycle:
// constructor → Serve. Its end is that of its commands: the launcher kills them.
class Agent final : private StreamOutput {
 public:
  struct Channels {
    // From and to the launcher.
    UniqueFd orders;
    UniqueFd reports;
    // From and to the supervisor.
    UniqueFd requests;
    UniqueFd events;
    // Readable when a child has changed its state (signalfd).
    UniqueFd children;
    // From those inside who want a command as root.
    SudoDoor sudo;
  };
  explicit Agent(Channels channels) : channels_(std::move(channels)), files_(FileRoot(), *this) {}

  // Until the launcher or the supervisor closes its end, or one of them breaks the protocol.
  // Returns the exit code.
  int Serve();

 private:
  // Each returns false where the agent has to end.
  // `starting`: whose failure pipes stand behind the fixed ones in `waits`; then those of `files`,
  // and behind them those of `terminals`.
  bool ServeOnce(const std::vector<pollfd>& waits, const std::vector<uint64_t>& starting,
                 const std::vector<FileStreams::Wait>& files,
                 const std::vector<uint64_t>& terminals);
  // Of the files, as far as the supervisor reads what they say.
  bool FilesCanGoOn() const;
  bool OnOrder();
  // All that are there.
  bool TakeOrders();
  bool OnRequests();
  bool OnRequest(absl::string_view frame);
  bool OnStart(const internal::StartCommand& request);
  bool OnRootWanted();
  bool OnRefuseRoot(const internal::RefuseRoot& request);
  // Where the command was to serve one who waits, and did not come so far.
  void RefuseIfServed(uint64_t process_id);
  bool OnSignal(const internal::SignalCommand& request);
  bool OnResize(const internal::ResizeTerminal& request);
  // Opens one where the command is to have it.
  SetupResult StartCommand(const internal::StartCommand& request, Command& command);
  // `waits`: theirs, in their order.
  void TurnTerminals(const std::vector<uint64_t>& terminals, const pollfd* waits);
  bool OnChildren();
  bool OnOutcome(uint64_t process_id);
  bool ReportExit(uint64_t process_id, int wait_status);
  bool TellStarted(uint64_t process_id, pid_t inner_pid);
  bool TellNotOffered(uint64_t process_id);
  bool TellFailed(uint64_t process_id, const SetupResult& result);
  // StreamOutput; also what is not of a file. Flush follows.
  void Tell(const internal::AgentEvent& event) override;
  void TellData(uint64_t stream_id, absl::string_view data, bool last) override;
  bool TellNow(const internal::AgentEvent& event);
  bool Flush();

  Channels channels_;
  FrameParser parser_;
  // Events that the supervisor has not read yet.
  FrameWriter unsent_;
  // The supervisor has closed its end.
  bool unheard_ = false;
  FileStreams files_;
  std::map<uint64_t, Command> commands_;
  // Of commands that run, and of those that have ended and are not read yet.
  std::map<uint64_t, std::unique_ptr<Terminal>> terminals_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_AGENT_H_
