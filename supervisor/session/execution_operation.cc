#include "supervisor/session/execution_operation.h"

#include "supervisor/backend/validate.h"

namespace warren {
namespace {

class RefusedExecution final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

// An execution in the hands of its client. Thread-safe: its calls may come from within the sink's.
class ExecutionOperation final : public Operation {
 public:
  // `runner`, of the desk's sandbox, is where it runs.
  ExecutionOperation(const ExecutionDesk& desk, std::shared_ptr<ExecutionRunner> runner,
                     std::shared_ptr<Execution> execution, Execution::Client client)
      : sandbox_id_(desk.sandbox_id),
        keeps_(desk.keeps),
        runner_(std::move(runner)),
        execution_(std::move(execution)),
        client_(client),
        detached_(desk.detached) {}

  void Resume() override { runner_->Resume(execution_); }
  void Cancel() override {
    if (execution_->IsClient(client_)) runner_->Cancel(execution_);
  }
  Departure Disconnect() override {
    if (execution_->IsClient(client_) && !execution_->goes_on()) {
      Cancel();
      return Departure::kEnds;
    }
    Detach().IgnoreError();
    return Departure::kGoesOn;
  }
  absl::Status Detach() override {
    // Of one that has ended, its sink has everything.
    if (!execution_->Detach(client_)) return absl::OkStatus();
    detached_.Add(sandbox_id_, runner_, execution_);
    // Whoever was slow is gone.
    Resume();
    return absl::OkStatus();
  }

 private:
  const std::string sandbox_id_;
  const std::shared_ptr<const void> keeps_;
  const std::shared_ptr<ExecutionRunner> runner_;
  const std::shared_ptr<Execution> execution_;
  const Execution::Client client_;
  DetachedExecutions& detached_;
};

}  // namespace

std::unique_ptr<Operation> RefuseExecution(ExecutionSink& sink, absl::Status why) {
  sink.End(std::move(why));
  return std::make_unique<RefusedExecution>();
}

std::unique_ptr<Operation> ExecutionDesk::Operate(std::shared_ptr<ExecutionRunner> runner,
                                                  std::shared_ptr<Execution> execution) const {
  return std::make_unique<ExecutionOperation>(*this, std::move(runner), std::move(execution),
                                              Execution::kFirstClient);
}

std::unique_ptr<Operation> ExecutionDesk::TakePlace(const DetachedExecutions::Found& found,
                                                    std::shared_ptr<ExecutionSink> sink) const {
  // Each gets what is kept at once.
  if (absl::Status room = CheckRoom(memory); !room.ok()) return RefuseExecution(*sink, room);
  auto client = found.execution->Attach(std::move(sink), 0, Execution::Rivals::kReplaced);
  auto operation =
      std::make_unique<ExecutionOperation>(*this, found.runner, found.execution, *client);
  // Whoever was slow has lost its place.
  operation->Resume();
  return operation;
}

std::unique_ptr<Operation> ExecutionDesk::Connect(
    const warren::v1::ConnectExecutionRequest& request, std::shared_ptr<ExecutionSink> sink,
    const std::function<bool(const std::string&)>& has_client) const {
  const std::string& execution_id = request.execution_id();
  if (absl::Status status = ValidateConnect(request); !status.ok())
    return RefuseExecution(*sink, status);
  auto [runner, execution] = detached.Find(sandbox_id, execution_id);
  if (!execution) {
    return RefuseExecution(
        *sink,
        has_client(execution_id)
            ? absl::FailedPreconditionError("the execution has its client; another can take its "
                                            "place when that one has left")
            : absl::NotFoundError("no such execution: it never was, its client saw its end, "
                                  "or it ended too long ago"));
  }
  if (absl::Status room = CheckRoom(memory); !room.ok()) return RefuseExecution(*sink, room);
  // That its client has gone is not always seen at once.
  const bool replaces = execution->kept();
  const bool had_ended = execution->ended();
  auto client =
      execution->Attach(sink, request.after_sequence(),
                        replaces ? Execution::Rivals::kReplaced : Execution::Rivals::kRefused,
                        request.on_disconnect());
  if (!client.ok()) return RefuseExecution(*sink, client.status());
  // One that had ended can be asked for again, for a while.
  if (!had_ended && !execution->kept()) detached.Remove(execution_id);
  auto operation =
      std::make_unique<ExecutionOperation>(*this, std::move(runner), std::move(execution), *client);
  // Whoever was slow has lost its place.
  if (replaces) operation->Resume();
  return operation;
}

}  // namespace warren
