#include "supervisor/e2b/commands/cloud_script.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "supervisor/e2b/base/may_have_started.h"
#include "supervisor/e2b/base/sure_reply.h"
#include "supervisor/session/ids.h"

namespace warren {
namespace {

constexpr char kScriptPlace[] = "/tmp/warren-script-";
// Where the request names no bound: Limits.output_bytes by default.
constexpr int64_t kScriptOutputBytes = int64_t{64} << 20;

// As files of that language are called.
absl::string_view EndingOf(absl::string_view language) {
  if (language == "python") return ".py";
  if (language == "javascript") return ".js";
  return ".sh";
}

std::vector<std::string> InterpreterOf(const std::string& language) {
  if (language == "python") return {"python3", "-u"};
  if (language == "javascript") return {"node"};
  return {language};
}

}  // namespace

CloudScript::CloudScript(std::shared_ptr<Cloud> cloud, std::shared_ptr<SandboxHandle> sandbox,
                         v1::RunScriptRequest request, std::shared_ptr<Execution> execution)
    : cloud_(std::move(cloud)),
      sandbox_(std::move(sandbox)),
      request_(std::move(request)),
      execution_(std::move(execution)) {}

CloudScript::~CloudScript() {
  if (started_) Fail(absl::UnavailableError("the backend is being shut down"));
}

// From within the call that tells something; its client may hold this for as long as no end comes,
// so that it ends where there is no loop any more.
void CloudScript::GoOn(Task next) {
  auto sure = SureReply<bool>([self = shared_from_this(), next = std::move(next)](
                                  const absl::StatusOr<bool>& goes_on) mutable {
    if (goes_on.ok()) return next();
    if (self->finished_.has_finished()) return self->Finish();
    self->Fail(goes_on.status());
  });
  cloud_->Post([sure = std::move(sure)]() mutable { sure(true); });
}

void CloudScript::Start() {
  started_ = true;
  if (request_.script_case() == v1::RunScriptRequest::kSource) return WriteSource();
  FindFile();
}

void CloudScript::WriteSource() {
  directory_ = NewId(kScriptPlace);
  v1::WriteFileRequest::Header header;
  header.set_path(absl::StrCat(directory_, "/script", EndingOf(request_.language())));
  header.set_user(request_.user());
  std::string source = std::move(*request_.mutable_source());
  request_.set_path(header.path());
  upload_ = sandbox_->WriteFile(
      Call(), header, [] {},
      [self = shared_from_this()](const absl::StatusOr<v1::WriteFileResponse>& written) {
        self->GoOn([self, status = written.status()] {
          self->upload_.reset();
          if (status.ok()) return self->StartProcess();
          self->status_ = status;
          self->CleanUp();
        });
      });
  // A mebibyte at most, which is one piece.
  if (upload_ == nullptr) return;
  if (!source.empty()) upload_->Write(std::move(source));
  upload_->Close();
}

void CloudScript::FindFile() {
  v1::StatFileRequest stat;
  stat.set_path(request_.path());
  stat.set_user(request_.user());
  stat.set_follow(true);
  sandbox_->StatFile(Call(), stat,
                     [self = shared_from_this()](const absl::StatusOr<v1::FileEntry>& found) {
                       self->GoOn([self, status = found.status()] {
                         if (status.ok()) return self->StartProcess();
                         self->status_ = status;
                         self->Finish();
                       });
                     });
}

void CloudScript::StartProcess() {
  if (cancelled_) {
    status_ = absl::CancelledError("the script was cancelled before it ran");
    return CleanUp();
  }
  v1::StartProcessRequest start;
  for (std::string& word : InterpreterOf(request_.language())) start.add_arguments(std::move(word));
  start.add_arguments(request_.path());
  for (std::string& argument : *request_.mutable_arguments())
    start.add_arguments(std::move(argument));
  *start.mutable_env() = request_.env();
  start.set_working_directory(request_.working_directory());
  *start.mutable_timeout() = request_.timeout();
  start.set_user(request_.user());
  start.set_max_output_bytes(request_.max_output_bytes() > 0 ? request_.max_output_bytes()
                                                             : kScriptOutputBytes);
  // Its execution says what its client's going does, and cancels it for that.
  start.set_on_disconnect(v1::ON_DISCONNECT_CANCEL);
  start.set_no_input(request_.standard_input().empty());
  ran_ = Ran::kUnknown;
  process_ = sandbox_->StartProcess(Call(), std::move(start), shared_from_this());
}

Flow CloudScript::Push(v1::ProcessEvent event) {
  const int64_t now = absl::GetCurrentTimeNanos();
  if (event.has_started()) {
    const std::string process_id = event.started().process_id();
    process_started_ = true;
    if (!request_.standard_input().empty()) {
      cloud_->Post([self = shared_from_this(), process_id] { self->GiveInput(process_id); });
    }
    v1::ExecutionEvent started;
    started.mutable_started()->set_execution_id(execution_->id());
    started.mutable_started()->set_process_id(process_id);
    return execution_->Push(std::move(started), now);
  }
  if (event.has_output()) {
    const bool is_stderr = event.output().stream() == v1::ProcessEvent::Output::STDERR;
    return execution_->PushOutput(
        is_stderr ? v1::ExecutionEvent::Output::STDERR : v1::ExecutionEvent::Output::STDOUT,
        event.output().data(), now);
  }
  if (event.has_exited()) {
    auto& finished = *finished_.mutable_finished();
    finished.mutable_termination()->Swap(event.mutable_exited()->mutable_termination());
    finished.mutable_usage()->Swap(event.mutable_exited()->mutable_usage());
  }
  return Flow::kContinue;
}

void CloudScript::End(absl::Status status) {
  GoOn([self = shared_from_this(), status = std::move(status)] {
    self->process_.reset();
    self->status_ = status;
    self->OnProcessEnd();
  });
}

void CloudScript::OnProcessEnd() {
  if (finished_.has_finished()) return CleanUp();
  if (!process_started_ && !MayHaveStarted(status_)) {
    if (status_.ok()) status_ = absl::InternalError("the script ended without its end");
    ran_ = Ran::kNo;
    return CleanUp();
  }
  if (status_.ok()) status_ = absl::InternalError("the script ended without its end");
  status_ = absl::Status(
      status_.code(),
      absl::StrCat(status_.message(), process_started_ ? "; whether the script came to its end "
                                                         "is not known, and it was not run again"
                                                       : "; whether the script ran is not known"));
  // What may be running has its file still.
  Finish();
}

void CloudScript::GiveInput(const std::string& process_id) {
  v1::WriteProcessInputRequest input;
  input.set_process_id(process_id);
  input.set_data(std::move(*request_.mutable_standard_input()));
  input.set_close(true);
  sandbox_->WriteInput(Call(), std::move(input),
                       [](const absl::StatusOr<v1::WriteProcessInputResponse>&) {});
}

void CloudScript::CleanUp() {
  if (directory_.empty()) return Finish();
  v1::RemoveFileRequest remove;
  remove.set_path(directory_);
  remove.set_user(request_.user());
  remove.set_recursive(true);
  sandbox_->RemoveFile(Call(), remove,
                       [self = shared_from_this()](const absl::StatusOr<v1::RemoveFileResponse>&) {
                         self->GoOn([self] { self->Finish(); });
                       });
}

void CloudScript::Finish() {
  if (finished_.has_finished()) {
    if (std::exchange(ended_, true)) return;
    return execution_->Finish(std::move(finished_), absl::GetCurrentTimeNanos());
  }
  // The same request may be sent again. Of one that may have run it is answered with what is known.
  if (ran_ == Ran::kNo) cloud_->detached().Remove(execution_->id());
  Fail(std::move(status_));
}

void CloudScript::Fail(absl::Status status) {
  if (std::exchange(ended_, true)) return;
  execution_->Fail(std::move(status));
}

void CloudScript::Resume(std::shared_ptr<Execution>) {
  cloud_->Post([weak = weak_from_this()] {
    auto self = weak.lock();
    if (self && self->process_ != nullptr) self->process_->Resume();
  });
}

void CloudScript::Cancel(std::shared_ptr<Execution>) {
  cloud_->Post([weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->cancelled_ = true;
    if (self->process_ != nullptr) self->process_->Cancel();
  });
}

}  // namespace warren
