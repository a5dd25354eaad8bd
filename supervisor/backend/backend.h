#ifndef WARREN_SUPERVISOR_BACKEND_BACKEND_H_
#define WARREN_SUPERVISOR_BACKEND_BACKEND_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "warren/v1/backend.pb.h"
#include "warren/v1/execution.pb.h"
#include "warren/v1/file.pb.h"
#include "warren/v1/network.pb.h"
#include "warren/v1/package.pb.h"
#include "warren/v1/process.pb.h"
#include "warren/v1/sandbox.pb.h"
#include "warren/v1/template.pb.h"

// What stands between the doors (gRPC, E2B's protocol, MCP, Jupyter) and whatever runs the code:
// this machine, another Warren, E2B's cloud. A door includes this header and nothing behind it;
// tools/lint layers holds it to that.
//
// Its data are the messages of warren.v1: plain structs, of which every door carries what it can.
// It knows of no gRPC, no launcher, no session.
//
// Threads: every call is for any thread and does not block. Answers and events come on a thread of
// the backend's, or from within the call, perhaps with locks of the backend's held: a Reply or a
// Sink notes what came, starts asynchronous work, and calls nothing of the backend's back but
// Resume, Cancel and Detach.
namespace warren {

// Who asks. A sandbox is its creator's for its whole life: to another tenant it is NOT_FOUND, as
// one that never was. The operator ("") sees every sandbox, and alone asks for what is everybody's.
struct Principal {
  std::string tenant;

  bool is_operator() const { return tenant.empty(); }
  bool MayUse(absl::string_view owner) const { return is_operator() || tenant == owner; }
};

// What every call carries.
struct Call {
  absl::Time deadline = absl::InfiniteFuture();
  Principal who;
};

template <class T>
using Reply = absl::AnyInvocable<void(absl::StatusOr<T>)>;

// After kPause the producer stops, soon but not at once, until Operation::Resume.
enum class Flow { kContinue, kPause };

// Takes the events of one operation: Push*, then End once. After End, or after Detach, nothing
// comes any more.
template <class E>
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Flow Push(E event) = 0;
  // Not OK where the operation ended without its own last event (Finished): the status is for the
  // client.
  virtual void End(absl::Status status) = 0;
};

// Output is most of what an execution says, so it need not become an event of its own before it is
// joined with its neighbours.
class ExecutionSink : public Sink<warren::v1::ExecutionEvent> {
 public:
  struct OutputStamp {
    int64_t time_unix_nanos = 0;
    int64_t sequence = 0;
  };
  virtual Flow PushOutput(warren::v1::ExecutionEvent::Output::Stream stream, absl::string_view data,
                          OutputStamp stamp) = 0;
};

// What becomes of an operation whose client has gone: it ends, and its sink gets that End; or it
// goes on, and its sink gets nothing more.
enum class Departure { kEnds, kGoesOn };

// Of Backend::Probe: it is there.
struct ProbeAnswer {};

using InstallSink = Sink<warren::v1::InstallPackageEvent>;

// Something that goes on: a create that waits, an execution, a download, a watch. Its destruction
// changes nothing: an operation that nobody resumes, cancels or detaches runs to its end.
class Operation {
 public:
  virtual ~Operation() = default;
  // After kPause: there is room again.
  virtual void Resume() = 0;
  // The client gave up: ends what it asked for. The sink still gets its End.
  virtual void Cancel() = 0;
  // The client goes, what it asked for lives on: Connect finds it by its id, with what was missed,
  // bounded. The sink gets nothing after it. UNIMPLEMENTED for what cannot be found again.
  virtual absl::Status Detach();
  // The client has gone without a word: Cancel or Detach, as its request said beforehand
  // (on_disconnect).
  virtual Departure Disconnect() {
    Cancel();
    return Departure::kEnds;
  }
};

// A file on its way in.
class Upload : public Operation {
 public:
  // Chunks in order; kPause: wait for `on_room` of WriteFile.
  virtual Flow Write(std::string data) = 0;
  // The end of the file; the reply of WriteFile follows.
  virtual void Close() = 0;
};

// A connection to a program inside a sandbox, as SandboxHandle::ConnectPort makes it. It is its
// owner's alone, who reads and writes at it as it likes; what comes from it is a stranger's word.
// While it is there its sandbox counts as used. With the sandbox it is shut down, and reads as
// ended: its owner destroys it then, for a socket keeps the sandbox's network. Its destruction, for
// which any thread will do and no later than the backend's, closes it and gives its place back.
class PortConnection {
 public:
  // `leave` is called once, before the socket is closed.
  PortConnection(UniqueFd socket, absl::AnyInvocable<void()> leave)
      : socket_(std::move(socket)), leave_(std::move(leave)) {}
  ~PortConnection() { leave_(); }
  PortConnection(const PortConnection&) = delete;
  PortConnection& operator=(const PortConnection&) = delete;

  // Connected TCP, non-blocking, close-on-exec. Nobody else closes it.
  int socket() const { return socket_.get(); }

 private:
  const UniqueFd socket_;
  absl::AnyInvocable<void()> leave_;
};

// One sandbox, found by its id. It may be gone by the time of any call: NOT_FOUND. sandbox_id in
// requests is ignored.
//
// What a backend has not is UNIMPLEMENTED, by the implementations of this class.
class SandboxHandle {
 public:
  virtual ~SandboxHandle() = default;
  virtual const std::string& id() const = 0;

  virtual void Get(const Call& call, Reply<warren::v1::Sandbox> reply);
  virtual void SetLifetime(const Call& call, const warren::v1::SetSandboxLifetimeRequest& request,
                           Reply<warren::v1::Sandbox> reply);
  virtual void Destroy(const Call& call, Reply<warren::v1::DestroySandboxResponse> reply);
  virtual void Pause(const Call& call, Reply<warren::v1::Sandbox> reply);
  virtual void Unpause(const Call& call, const warren::v1::ResumeSandboxRequest& request,
                       Reply<warren::v1::Sandbox> reply);
  virtual void ChangeLimits(const Call& call, const warren::v1::ChangeSandboxLimitsRequest& request,
                            Reply<warren::v1::Sandbox> reply);
  virtual void GetMetrics(const Call& call, Reply<warren::v1::SandboxMetrics> reply);
  virtual void GetEnvironment(const Call& call, Reply<warren::v1::Environment> reply);
  // Events until `done`, then an End that is OK. Cancel: nobody waits for it any more; what is
  // being fetched for others too goes on.
  virtual std::unique_ptr<Operation> Install(const Call& call,
                                             warren::v1::InstallPackageRequest request,
                                             std::shared_ptr<InstallSink> sink);

  // ---- Its network
  // The policy holds when the reply comes.
  virtual void SetNetwork(const Call& call, const warren::v1::SetSandboxNetworkRequest& request,
                          Reply<warren::v1::Sandbox> reply);
  // What happens from then on that this has returned, until the sandbox ends; the End is OK then.
  // After kPause events are dropped and counted (NetworkEvent.lost) until Resume.
  using NetworkSink = Sink<warren::v1::NetworkEvent>;
  virtual std::unique_ptr<Operation> WatchNetwork(const Call& call,
                                                  std::shared_ptr<NetworkSink> sink);
  // Connects to what listens at `port` (1 to 65535) of 127.0.0.1 in it; it needs no network for
  // that. FAILED_PRECONDITION: nothing does, or the sandbox is paused or dead; UNAVAILABLE: it
  // takes no connection now; RESOURCE_EXHAUSTED: the sandbox, or all of them, have as many as there
  // may be.
  virtual void ConnectPort(const Call& call, uint32_t port,
                           Reply<std::unique_ptr<PortConnection>> reply);

  // ---- Contexts
  virtual void CreateContext(const Call& call, const warren::v1::CreateContextRequest& request,
                             Reply<warren::v1::Context> reply);
  virtual void ListContexts(const Call& call, Reply<warren::v1::ListContextsResponse> reply);
  virtual void DeleteContext(const Call& call, const std::string& context_id,
                             Reply<warren::v1::DeleteContextResponse> reply);
  virtual void RestartContext(const Call& call, const std::string& context_id,
                              Reply<warren::v1::Context> reply);

  // ---- Executions. What is refused before it starts is the status of End, without any event
  // before it.
  virtual std::unique_ptr<Operation> Execute(const Call& call,
                                             warren::v1::ExecuteCodeRequest request,
                                             std::shared_ptr<ExecutionSink> sink);
  virtual std::unique_ptr<Operation> RunScript(const Call& call,
                                               warren::v1::RunScriptRequest request,
                                               std::shared_ptr<ExecutionSink> sink);
  // Events after the request's after_sequence of an execution that was detached; one that is not
  // known any more is NOT_FOUND. Where it has a client and may be left by it (CONTINUE, or a
  // request id), this takes its place: that one's sink gets an End that is ABORTED. Otherwise it is
  // FAILED_PRECONDITION. An Execute with the request_id of an earlier one is such a call too.
  virtual std::unique_ptr<Operation> Connect(const Call& call,
                                             const warren::v1::ConnectExecutionRequest& request,
                                             std::shared_ptr<ExecutionSink> sink);
  virtual void Interrupt(const Call& call, const std::string& context_id,
                         Reply<warren::v1::InterruptExecutionResponse> reply);

  // ---- Processes. Cancel of an operation: its client goes, and what that does is what its
  // on_disconnect says. Detach: it goes, and the process lives on in any case.
  using ProcessSink = Sink<warren::v1::ProcessEvent>;
  virtual std::unique_ptr<Operation> StartProcess(const Call& call,
                                                  warren::v1::StartProcessRequest request,
                                                  std::shared_ptr<ProcessSink> sink);
  virtual std::unique_ptr<Operation> ConnectProcess(
      const Call& call, const warren::v1::ConnectProcessRequest& request,
      std::shared_ptr<ProcessSink> sink);
  // The reply is the back pressure: it comes when the process has taken all.
  virtual void WriteInput(const Call& call, warren::v1::WriteProcessInputRequest request,
                          Reply<warren::v1::WriteProcessInputResponse> reply);
  virtual void ResizeTerminal(const Call& call, const warren::v1::ResizeTerminalRequest& request,
                              Reply<warren::v1::ResizeTerminalResponse> reply);
  virtual void SignalProcess(const Call& call, const warren::v1::SignalProcessRequest& request,
                             Reply<warren::v1::SignalProcessResponse> reply);
  virtual void ListProcesses(const Call& call, Reply<warren::v1::ListProcessesResponse> reply);

  // ---- Files
  using ReadSink = Sink<warren::v1::ReadFileResponse>;
  virtual std::unique_ptr<Operation> ReadFile(const Call& call,
                                              const warren::v1::ReadFileRequest& request,
                                              std::shared_ptr<ReadSink> sink);
  virtual std::unique_ptr<Upload> WriteFile(const Call& call,
                                            const warren::v1::WriteFileRequest::Header& header,
                                            absl::AnyInvocable<void()> on_room,
                                            Reply<warren::v1::WriteFileResponse> reply);
  virtual void StatFile(const Call& call, const warren::v1::StatFileRequest& request,
                        Reply<warren::v1::FileEntry> reply);
  virtual std::unique_ptr<Operation> ListDirectory(
      const Call& call, const warren::v1::ListDirectoryRequest& request,
      std::shared_ptr<Sink<warren::v1::FileEntry>> sink);
  virtual void MakeDirectory(const Call& call, const warren::v1::MakeDirectoryRequest& request,
                             Reply<warren::v1::FileEntry> reply);
  virtual void MoveFile(const Call& call, const warren::v1::MoveFileRequest& request,
                        Reply<warren::v1::FileEntry> reply);
  virtual void RemoveFile(const Call& call, const warren::v1::RemoveFileRequest& request,
                          Reply<warren::v1::RemoveFileResponse> reply);
  virtual std::unique_ptr<Operation> WatchDirectory(
      const Call& call, const warren::v1::WatchDirectoryRequest& request,
      std::shared_ptr<Sink<warren::v1::FileEvent>> sink);
};

// Thread-safe.
class Backend {
 public:
  virtual ~Backend() = default;

  // OK while it can serve; else why it cannot.
  virtual absl::Status health() const = 0;
  // Asks it whether it can serve, over the way that a create would take, before the call's
  // deadline. By default health() says it.
  virtual void Probe(const Call& call, Reply<ProbeAnswer> reply);
  // What it consists of. UNIMPLEMENTED where nobody asks it that, for it stands behind another.
  virtual void ListBackends(const Call& call, const warren::v1::ListBackendsRequest& request,
                            Reply<warren::v1::ListBackendsResponse> reply);

  // `on_forgotten` is told the id of every sandbox that is not on record any more (destroyed, or
  // its lifetime ended), from any thread; it notes that, and calls nothing back. Before the first
  // request. A backend that has no such record tells nothing.
  virtual void OnForgotten(std::function<void(const std::string&)> on_forgotten);

  // Validates the request, and refuses what the contract says. The operation's Cancel makes a
  // create that still waits end with CANCELLED: nothing is made for a client that went away.
  virtual std::unique_ptr<Operation> Create(const Call& call,
                                            const warren::v1::CreateSandboxRequest& request,
                                            Reply<warren::v1::Sandbox> reply) = 0;
  // NOT_FOUND, here or by the first call of the handle: where it would take a question to another
  // machine, nobody is asked.
  virtual void Open(const Call& call, const std::string& sandbox_id,
                    Reply<std::shared_ptr<SandboxHandle>> reply) = 0;
  virtual void List(const Call& call, const warren::v1::ListSandboxesRequest& request,
                    Reply<warren::v1::ListSandboxesResponse> reply) = 0;
  virtual void ListTemplates(const Call& call, Reply<warren::v1::ListTemplatesResponse> reply) = 0;
  // Of a template; that of a sandbox is its handle's.
  virtual void GetEnvironment(const Call& call, const std::string& template_id,
                              Reply<warren::v1::Environment> reply) = 0;

  // ---- Its store of packages. UNIMPLEMENTED where it has none.
  virtual std::unique_ptr<Operation> Prefetch(const Call& call,
                                              warren::v1::PrefetchPackagesRequest request,
                                              std::shared_ptr<InstallSink> sink);
  virtual void ListPackages(const Call& call, Reply<warren::v1::ListStoredPackagesResponse> reply);
  virtual void PrunePackages(const Call& call,
                             const warren::v1::PruneStoredPackagesRequest& request,
                             Reply<warren::v1::PruneStoredPackagesResponse> reply);
  virtual void VerifyPackages(const Call& call,
                              Reply<warren::v1::VerifyStoredPackagesResponse> reply);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_BACKEND_H_
