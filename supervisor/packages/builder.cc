#include "supervisor/packages/builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/packages/package_name.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

using warren::v1::ProcessEvent;
using warren::v1::Termination;

constexpr char kProgram[] = "/opt/warren/builder/main.py";
// Of all it says: words are few, and pip's report is the longest.
constexpr int64_t kMaxOutput = 16 << 20;
constexpr size_t kMaxErrors = 2048;

warren::v1::NetworkPolicy IndexAlone() {
  warren::v1::NetworkPolicy policy;
  policy.set_preset("index");
  policy.set_max_connections(16);
  warren::v1::NetworkRule& rule = *policy.add_allow();
  rule.set_host(kPackageIndexHost);
  rule.add_ports()->set_first(kPackageIndexPort);
  return policy;
}

}  // namespace

void Builder::Start(Task task, Listener listener) {
  task_ = std::move(task);
  listener_ = std::move(listener);
  ticket_ = pool_.Make(task_.template_id, task_.limits,
                       [self = shared_from_this()](absl::StatusOr<Pool::Made> made) {
                         // From a task of its own: it may be refused in place.
                         self->host_.loop.Post([self, made = std::move(made)]() mutable {
                           self->OnMade(std::move(made));
                         });
                       });
}

void Builder::OnMade(absl::StatusOr<Pool::Made> made) {
  ticket_.reset();
  if (!made.ok()) {
    return Finish(absl::Status(made.status().code(),
                               absl::StrCat("no sandbox to work in: ", made.status().message())));
  }
  sandbox_ = std::move(made->sandbox);
  // It was given up meanwhile.
  if (ended_) return sandbox_->Destroy(StopReason::kDestroyed);
  pool_.CountUnleased(1);
  sandbox_->network()->ComeToIndexAs(internal::BUILDER);
  sandbox_->SetNetwork(IndexAlone(), [self = shared_from_this()](absl::Status status) {
    self->OnNetwork(std::move(status));
  });
}

void Builder::OnNetwork(absl::Status status) {
  if (ended_) return;
  if (!status.ok()) {
    return Finish(absl::UnavailableError(
        absl::StrCat("the builder's way to the package index: ", status.message())));
  }
  warren::v1::StartProcessRequest request;
  for (const char* word : {task_.python.c_str(), "-I", kProgram, task_.name.c_str()})
    request.add_arguments(word);
  const std::chrono::nanoseconds patience = std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(task_.patience) * host_.pace);
  *request.mutable_timeout() = ToProto(absl::FromChrono(patience));
  request.set_max_output_bytes(kMaxOutput);
  request.set_on_disconnect(warren::v1::ON_DISCONNECT_CANCEL);
  client_->sink = shared_from_this();
  client_->on_disconnect = warren::v1::ON_DISCONNECT_CANCEL;
  client_->use = sandbox_->Use();
  sandbox_->processes()->Start(std::move(request), client_);
}

void Builder::ConnectPort(uint16_t port, Reply<std::unique_ptr<PortConnection>> reply) {
  if (ended_ || sandbox_ == nullptr) return reply(absl::UnavailableError("the builder has ended"));
  sandbox_->ports()->Connect(port, sandbox_->Use(), std::move(reply));
}

// ---- What it says -----------------------------------------------------------------------------

Flow Builder::Push(ProcessEvent event) {
  if (ended_) return Flow::kContinue;
  if (event.has_started()) {
    client_->process->WriteAll(std::move(task_.job));
  } else if (event.has_output()) {
    if (event.output().stream() == ProcessEvent::Output::STDOUT) {
      TakeOutput(event.output().data());
    } else {
      errors_.append(event.output().data());
      if (errors_.size() > kMaxErrors) errors_.erase(0, errors_.size() - kMaxErrors);
    }
  } else if (event.has_exited()) {
    termination_ = std::move(*event.mutable_exited()->mutable_termination());
  }
  return Flow::kContinue;
}

void Builder::TakeOutput(absl::string_view data) {
  while (!data.empty()) {
    const size_t end = data.find('\n');
    if (line_.size() + std::min(end, data.size()) > kMaxBuilderLine) {
      line_.clear();
      return TakeLine("");
    }
    absl::StrAppend(&line_, data.substr(0, end));
    if (end == absl::string_view::npos) return;
    data.remove_prefix(end + 1);
    TakeLine(std::exchange(line_, {}));
  }
}

void Builder::TakeLine(absl::string_view line) {
  // From tasks of their own: who listens may end it.
  host_.loop.Post([self = shared_from_this(), word = ParseBuilderWord(line)]() mutable {
    if (self->ended_) return;
    if (!word.ok()) return self->Finish(word.status());
    self->listener_.on_word(*std::move(word));
  });
}

// ---- How it ends ------------------------------------------------------------------------------

void Builder::End(absl::Status status) {
  host_.loop.Post([self = shared_from_this(), status = std::move(status)]() mutable {
    if (self->ended_) return;
    if (!self->termination_) return self->Finish(std::move(status));
    self->OnExit(*self->termination_);
  });
}

void Builder::OnExit(const Termination& termination) {
  switch (termination.kind()) {
    case Termination::EXITED:
      // Having said why, with 1.
      if (termination.exit_code() <= 1) return Finish(absl::OkStatus());
      break;
    case Termination::TIMED_OUT:
      return Finish(absl::ResourceExhaustedError(absl::StrCat("the builder was not done after ",
                                                              task_.patience.count(), " seconds (",
                                                              task_.name, ")")));
    case Termination::OUT_OF_MEMORY:
      return Finish(absl::ResourceExhaustedError(
          absl::StrCat("the builder has used up its memory of ", task_.limits.memory_bytes(),
                       " bytes (", task_.name, ")")));
    default:
      break;
  }
  spdlog::warn("event=builder_broke_off task={} kind={} errors=\"{}\"", task_.name,
               static_cast<int>(termination.kind()), absl::CEscape(errors_));
  Finish(absl::InternalError(
      absl::StrCat("the builder broke off: ", ToValidUtf8(termination.message(), kMaxErrors))));
}

void Builder::Finish(absl::Status status) {
  if (std::exchange(ended_, true)) return;
  // Who listens may let go of it.
  const auto keep = shared_from_this();
  if (ticket_) pool_.Cancel(std::exchange(ticket_, nullptr));
  if (sandbox_) {
    pool_.CountUnleased(-1);
    sandbox_->Destroy(StopReason::kDestroyed);
  }
  std::exchange(listener_, {}).on_end(std::move(status));
}

}  // namespace warren
