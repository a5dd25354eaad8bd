#include "supervisor/session/script.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "spdlog/spdlog.h"
#include "supervisor/session/file_upload.h"
#include "supervisor/session/ids.h"
#include "supervisor/session/process_table.h"

namespace warren {
namespace {

using warren::v1::ExecutionEvent;
using warren::v1::ProcessEvent;

// For its user: it may execute itself.
constexpr uint32_t kScriptMode = 0700;

}  // namespace

Script::Script(SandboxHost& host, DetachedExecutions& detached, std::shared_ptr<Sandbox> sandbox,
               Spec spec, std::shared_ptr<Execution> execution)
    : host_(host),
      detached_(detached),
      sandbox_(std::move(sandbox)),
      spec_(std::move(spec)),
      user_(spec_.user),
      execution_(std::move(execution)) {}

void Script::Start() {
  host_.running_cells.fetch_add(1, std::memory_order_relaxed);
  sandbox_->NoteScript(execution_->id());
  host_.loop.Post([self = shared_from_this()] { self->Begin(); });
}

void Script::Begin() {
  if (spec_.request.has_source()) {
    WriteSource();
  } else {
    LookAtPath();
  }
}

// ---- Its file ---------------------------------------------------------------------------------

internal::FileCall Script::CallAsUser() const {
  internal::FileCall call;
  call.set_uid(user_.uid);
  call.set_gid(user_.gid);
  return call;
}

// In a directory that has nothing else and a name that nobody can guess, of the user it runs as: in
// /tmp, where everybody may make names, an interpreter would find modules of others beside it.
void Script::WriteSource() {
  directory_ = absl::StrCat("/tmp/", NewId("script-"));
  const std::string path = absl::StrCat(directory_, "/script");
  std::string source = std::move(*spec_.request.mutable_source());
  spec_.request.set_path(path);
  internal::FileCall call = CallAsUser();
  call.mutable_write()->set_path(path);
  call.mutable_write()->set_mode(kScriptMode);
  call.mutable_write()->set_exclusive(true);
  auto upload = std::make_shared<FileUpload>(
      sandbox_, FileSubject{"write the source to", path}, &host_.memory, [] {},
      [self = shared_from_this()](absl::StatusOr<warren::v1::WriteFileResponse> written) {
        self->OnFile(written.status());
      });
  file_ = upload;
  spec_.charge.Remove(static_cast<int64_t>(source.size()));
  upload->Charge(source.size());
  // All of it is there when it begins: its end comes with its last piece.
  upload->Write(std::move(source));
  upload->Close();
  upload->Start(std::move(call));
}

void Script::LookAtPath() {
  internal::FileCall call = CallAsUser();
  call.mutable_read()->set_path(spec_.request.path());
  call.mutable_read()->set_length(0);
  file_ = std::make_shared<FileQuestion>(
      sandbox_, FileSubject{"run", spec_.request.path()},
      [self = shared_from_this()](const absl::StatusOr<internal::FileFacts>& facts) {
        self->OnFile(facts.status());
      });
  // It may end from within, and is ours no more then.
  std::shared_ptr<FileCall>(file_)->Start(std::move(call));
}

void Script::OnFile(absl::Status status) {
  file_ = nullptr;
  if (cancelled_) status = absl::CancelledError("the script was cancelled before it ran");
  if (!status.ok()) return Conclude(std::move(status));
  StartProcess();
}

// ---- Its process ------------------------------------------------------------------------------

void Script::StartProcess() {
  warren::v1::RunScriptRequest& from = spec_.request;
  warren::v1::StartProcessRequest request;
  for (std::string& word : spec_.interpreter) request.add_arguments(std::move(word));
  request.add_arguments(from.path());
  request.mutable_arguments()->MergeFrom(from.arguments());
  request.mutable_env()->swap(*from.mutable_env());
  request.set_working_directory(from.working_directory());
  *request.mutable_timeout() = from.timeout();
  request.set_user(from.user());
  request.set_max_output_bytes(from.max_output_bytes());
  request.set_no_input(from.standard_input().empty());
  client_->sink = shared_from_this();
  sandbox_->processes()->Start(std::move(request), client_, Process::Kind::kScript);
}

Flow Script::OnStarted(const ProcessEvent& event) {
  std::string input = std::move(*spec_.request.mutable_standard_input());
  // From here on what is held of it are the process's request and what waits for it to be read.
  spec_.charge.Clear();
  spec_.request.Clear();
  if (!input.empty()) client_->process->WriteAll(std::move(input));
  ExecutionEvent started;
  started.mutable_started()->set_execution_id(execution_->id());
  started.mutable_started()->set_process_id(event.started().process_id());
  return execution_->Push(std::move(started), event.time_unix_nanos());
}

Flow Script::Push(ProcessEvent event) {
  if (event.has_started()) return OnStarted(event);
  if (event.has_exited()) exited_ = std::move(*event.mutable_exited());
  // Nobody wants to hear what was cancelled, and nobody's pace is kept.
  if (!event.has_output() || cancelled_) return Flow::kContinue;
  const auto stream = event.output().stream() == ProcessEvent::Output::STDERR
                          ? ExecutionEvent::Output::STDERR
                          : ExecutionEvent::Output::STDOUT;
  return execution_->PushOutput(stream, event.output().data(), event.time_unix_nanos());
}

void Script::End(absl::Status status) { Conclude(std::move(status)); }

// ---- Its client -------------------------------------------------------------------------------

void Script::Resume(std::shared_ptr<Execution>) {
  host_.loop.Post([self = shared_from_this()] {
    if (auto process = self->client_->process) process->Resume(*self->client_);
  });
}

void Script::Cancel(std::shared_ptr<Execution>) {
  host_.loop.Post([self = shared_from_this()] { self->CancelNow(); });
}

void Script::CancelNow() {
  if (std::exchange(cancelled_, true)) return;
  // What is left of it is removed without anybody's waiting for that.
  if (concluding_) return Finish();
  if (auto file = file_) {
    file->Cancel();
    end_status_ = absl::CancelledError("the script was cancelled before it ran");
    return Finish();
  }
  const std::shared_ptr<Process> process = client_->process;
  if (process == nullptr) return;
  process->Stop(StopReason::kCancelled);
  // What it still writes does not stop it from ending.
  process->Resume(*client_);
}

// ---- Its end ----------------------------------------------------------------------------------

void Script::Conclude(absl::Status status) {
  concluding_ = true;
  end_status_ = std::move(status);
  if (directory_.empty()) return Finish();
  internal::FileCall call = CallAsUser();
  call.mutable_remove()->set_path(directory_);
  call.mutable_remove()->set_recursive(true);
  auto removal = std::make_shared<FileQuestion>(
      sandbox_, FileSubject{"remove", directory_},
      [self = shared_from_this()](const absl::StatusOr<internal::FileFacts>& facts) {
        self->host_.loop.CancelTimer(std::exchange(self->patience_, 0));
        // Gone with its sandbox, or by the script's own hand.
        if (!facts.ok()) {
          spdlog::debug("event=script_not_removed sandbox={} error=\"{}\"",
                        self->sandbox_->identity().id, absl::CEscape(facts.status().message()));
        }
        self->Finish();
      });
  const auto patience =
      std::chrono::duration_cast<MonotonicTime::duration>(kRemovalPatience * host_.pace);
  patience_ =
      host_.loop.AddTimer(MonotonicClock::now() + patience, [self = shared_from_this(), removal] {
        self->patience_ = 0;
        removal->Cancel();
        self->Finish();
      });
  removal->Start(std::move(call));
  // What did not run has no state that anybody looks at, and its sandbox may stand still.
  if (cancelled_ || !exited_) Finish();
}

void Script::Finish() {
  if (std::exchange(finished_, true)) return;
  host_.running_cells.fetch_sub(1, std::memory_order_relaxed);
  sandbox_->ForgetScript(execution_->id());
  spec_ = Spec();
  if (!exited_) {
    // The same request may be sent again.
    detached_.Remove(execution_->id());
    return execution_->Fail(std::move(end_status_));
  }
  ExecutionEvent event;
  auto& finished = *event.mutable_finished();
  finished.mutable_termination()->Swap(exited_->mutable_termination());
  finished.mutable_usage()->Swap(exited_->mutable_usage());
  // Of the whole sandbox, as a cell's are.
  const SandboxTotals totals = sandbox_->Totals();
  finished.mutable_usage()->set_peak_memory_bytes(totals.peak_memory_bytes);
  finished.mutable_usage()->set_peak_pids(totals.peak_pids);
  spdlog::debug("event=script_ended sandbox={} execution={} termination={}",
                sandbox_->identity().id, execution_->id(),
                warren::v1::Termination::Kind_Name(finished.termination().kind()));
  execution_->Finish(std::move(event), absl::GetCurrentTimeNanos());
}

}  // namespace warren
