#include "supervisor/e2b/commands/command_run.h"

#include <utility>

namespace warren {

std::unique_ptr<Operation> CommandRun::Start(v1::StartProcessRequest request) {
  request.set_no_input(input_.empty());
  request.set_on_disconnect(v1::ON_DISCONNECT_CANCEL);
  request.set_max_output_bytes(kMaxOut);
  return sandbox_->StartProcess(Call(), std::move(request), shared_from_this());
}

Flow CommandRun::Push(v1::ProcessEvent event) {
  if (event.has_started() && !input_.empty()) {
    post_([self = shared_from_this(), process_id = event.started().process_id()] {
      self->GiveInput(process_id);
    });
  } else if (event.has_output()) {
    const std::string& data = event.output().data();
    if (event.output().stream() == v1::ProcessEvent::Output::STDERR) {
      result_.err += data;
      if (result_.err.size() > kMaxErr) result_.err.erase(0, result_.err.size() - kMaxErr);
    } else if (result_.out.size() + data.size() <= kMaxOut) {
      result_.out += data;
      charge_.Add(static_cast<int64_t>(data.size()));
    }
  } else if (event.has_exited()) {
    exited_ = true;
    result_.termination = std::move(*event.mutable_exited()->mutable_termination());
  }
  return Flow::kContinue;
}

void CommandRun::GiveInput(const std::string& process_id) {
  v1::WriteProcessInputRequest request;
  request.set_process_id(process_id);
  request.set_data(std::move(input_));
  request.set_close(true);
  // One that ends without reading it says so by how it ends.
  sandbox_->WriteInput(Call(), std::move(request),
                       [](const absl::StatusOr<v1::WriteProcessInputResponse>&) {});
}

void CommandRun::End(absl::Status status) {
  auto reply = std::exchange(reply_, nullptr);
  if (!exited_ && status.ok()) status = absl::InternalError("a command ended without its end");
  if (!exited_) return reply(std::move(status));
  reply(std::move(result_));
}

}  // namespace warren
