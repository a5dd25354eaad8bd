#ifndef WARREN_TOOLS_WARREN_PROCESS_PROCESS_SESSION_H_
#define WARREN_TOOLS_WARREN_PROCESS_PROCESS_SESSION_H_

#include <memory>
#include <mutex>
#include <string>

#include "tools/warren/client.h"
#include "tools/warren/process/input_forwarder.h"
#include "tools/warren/process/process_renderer.h"
#include "tools/warren/process/raw_terminal.h"
#include "tools/warren/signal_listener.h"

namespace warren {

// One process of a sandbox, joined to our standard input, output, terminal and signals until it
// ends or we leave. Owner: a command. Lifecycle: SessionSignals → Client → session → Start or
// Connect, once. What comes is shown in the calling thread; input and signals have threads of their
// own.
class ProcessSession {
 public:
  struct Ways {
    enum class Input { kNone, kForward };
    Input input = Input::kNone;
    // kRaw: our terminal is the process's, keys and size.
    enum class Terminal { kNone, kRaw };
    Terminal terminal = Terminal::kNone;
    // What Ctrl-C does where the terminal is not raw: the process gets the signal, and the third
    // one gives up on it; or we leave.
    enum class Interrupt { kSignal, kLeave };
    Interrupt interrupt = Interrupt::kSignal;
    // Leaves as soon as it has started.
    enum class Attachment { kFollow, kDetach };
    Attachment attachment = Attachment::kFollow;
  };
  struct End {
    // OK when it came to its end, or we have left it.
    grpc::Status status;
    // UNAVAILABLE: nobody reads our output.
    absl::Status output;
    v1::Termination termination;
    // We have left before its end, by a key, by --detach, or for this signal.
    bool left = false;
    int signal = 0;
  };

  // All outlive it.
  ProcessSession(Client& client, SignalListener& signals, ProcessRenderer& renderer,
                 std::string sandbox_id, Ways ways);
  ProcessSession(const ProcessSession&) = delete;
  ProcessSession& operator=(const ProcessSession&) = delete;

  End Start(v1::StartProcessRequest request);
  End Connect(v1::ConnectProcessRequest request);

 private:
  using Stream = std::unique_ptr<grpc::ClientReader<v1::ProcessEvent>>;
  End Follow(const Stream& stream);
  // False when no more is wanted.
  bool OnEvent(const v1::ProcessEvent& event, End* end);
  absl::Status OnStarted(const v1::ProcessEvent::Started& started);
  // In the listener's thread.
  void OnSignal(int signal);
  void Forward(int signal);
  void StopOurselves();
  void SendSize();
  void Leave(int signal);
  std::string process_id() const;

  Client& client_;
  SignalListener& signals_;
  ProcessRenderer& renderer_;
  const std::string sandbox_id_;
  const Ways ways_;
  grpc::ClientContext call_;

  mutable std::mutex mutex_;
  // Empty until it has started.
  std::string process_id_;
  bool left_ = false;
  int signal_ = 0;
  std::unique_ptr<RawTerminal> raw_;
  // Of the listener's thread alone.
  int interrupts_ = 0;
  std::unique_ptr<InputForwarder> input_;
};

// Those that a session listens to.
class SessionSignals : public SignalListener {
 public:
  SessionSignals();
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_PROCESS_PROCESS_SESSION_H_
