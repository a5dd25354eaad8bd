#include "supervisor/e2b/commands/cloud_install.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/packages/requirement.h"
#include "supervisor/e2b/base/sure_reply.h"
#include "supervisor/packages/package_request.h"

namespace warren {
namespace {

// An environment's bound, in which they go along.
constexpr size_t kMaxConstraintText = 60 << 10;
constexpr int32_t kResolveSeconds = 120;
constexpr int32_t kInstallSeconds = 600;

// Both read the requirements from their input, into a file that goes with them: a pipe of another
// user's may not be opened by its name, as pip would. So are the first one's constraints.
constexpr char kPlanScript[] =
    "d=$(mktemp -d) || exit 1; trap 'rm -rf \"$d\"' EXIT; "
    "cat > \"$d/requirements.txt\" || exit 1; "
    "printf %s \"$WARREN_CONSTRAINTS\" > \"$d/constraints.txt\"; "
    "python3 -m pip install --dry-run --quiet --no-input --disable-pip-version-check "
    "--only-binary :all: --report - -c \"$d/constraints.txt\" -r \"$d/requirements.txt\"";
constexpr char kInstallScript[] =
    "d=$(mktemp -d) || exit 1; trap 'rm -rf \"$d\"' EXIT; "
    "cat > \"$d/requirements.txt\" || exit 1; "
    "python3 -m pip install --quiet --no-input --disable-pip-version-check "
    "--only-binary :all: --no-deps --require-hashes -r \"$d/requirements.txt\"";

using Progress = v1::InstallPackageEvent::Progress;

}  // namespace

absl::StatusOr<std::shared_ptr<CloudInstall>> CloudInstall::Make(
    std::shared_ptr<Cloud> cloud, std::shared_ptr<SandboxHandle> sandbox,
    const v1::PackageRequirements& what, std::shared_ptr<InstallSink> sink) {
  WARREN_ASSIGN_OR_RETURN(PackageRules rules,
                          PackageRules::Compile(cloud->options().package_policy));
  WARREN_ASSIGN_OR_RETURN(PackageRequest request, ParsePackageRequest(what, rules));
  std::shared_ptr<CloudInstall> install(
      new CloudInstall(std::move(cloud), std::move(sandbox), std::move(rules), std::move(sink)));
  for (const Requirement& each : request.requirements) {
    install->asked_.insert(each.name);
    absl::StrAppend(&install->requirements_, each.text, "\n");
  }
  for (const Requirement& each : request.constraints)
    absl::StrAppend(&install->constraints_, each.text, "\n");
  if (install->constraints_.size() > kMaxConstraintText) {
    return absl::InvalidArgumentError(
        absl::StrCat("constraints_file is longer than ", kMaxConstraintText,
                     " bytes, which is the bound on a backend that is E2B's cloud"));
  }
  return install;
}

void CloudInstall::Start() {
  auto begun = SureReply<bool>([self = shared_from_this()](const absl::StatusOr<bool>& sure) {
    if (!sure.ok()) return self->Fail(sure.status());
    self->Tell(Progress::RESOLVING, "");
    self->Run(kPlanScript, self->requirements_, kResolveSeconds, &CloudInstall::OnPlanned);
  });
  cloud_->Post([begun = std::move(begun)]() mutable { begun(true); });
}

void CloudInstall::Cancel() {
  cloud_->Post([self = shared_from_this()] {
    self->cancelled_ = true;
    if (self->running_ != nullptr) self->running_->Cancel();
  });
}

void CloudInstall::Run(const char* script, std::string input, int32_t seconds, OnResult on_result) {
  if (cancelled_) return Fail(absl::CancelledError("the installation was cancelled"));
  v1::StartProcessRequest request;
  for (const char* word : {"/bin/sh", "-c", script}) request.add_arguments(word);
  (*request.mutable_env())["WARREN_CONSTRAINTS"] = constraints_;
  request.mutable_timeout()->set_seconds(seconds);
  auto told = SureReply<CommandResult>(
      [self = shared_from_this(), on_result](const absl::StatusOr<CommandResult>& result) {
        self->running_.reset();
        if (!result.ok()) return self->Fail(result.status());
        ((*self).*on_result)(*result);
      });
  auto run = std::make_shared<CommandRun>(
      sandbox_, [cloud = cloud_](Task task) { cloud->Post(std::move(task)); }, cloud_->memory(),
      std::move(input),
      // Behind the sink's own call. Where there is no loop any more its client hears that.
      [cloud = cloud_, told = std::move(told)](absl::StatusOr<CommandResult> result) mutable {
        cloud->Post([told = std::move(told), result = std::move(result)]() mutable {
          told(std::move(result));
        });
      });
  running_ = run->Start(std::move(request));
}

void CloudInstall::OnPlanned(const CommandResult& result) {
  if (result.termination.kind() == v1::Termination::TIMED_OUT)
    return Fail(absl::FailedPreconditionError("pip did not resolve this in time"));
  if (result.termination.exit_code() != 0 || result.termination.kind() != v1::Termination::EXITED) {
    return Fail(cancelled_ ? absl::CancelledError("the installation was cancelled")
                           : StatusOfPip(result.err));
  }
  auto plan = ReadInstallReport(result.out);
  absl::Status allowed = plan.ok() ? CheckPlan(*plan, asked_, rules_) : plan.status();
  if (!allowed.ok()) return Fail(std::move(allowed));
  plan_ = *std::move(plan);
  if (plan_.empty()) return Done(true);
  Tell(Progress::FETCHING, absl::StrCat(plan_.size(), " packages"));
  Run(kInstallScript, PinnedRequirements(plan_), kInstallSeconds, &CloudInstall::OnInstalled);
}

void CloudInstall::OnInstalled(const CommandResult& result) {
  if (cancelled_) return Fail(absl::CancelledError("the installation was cancelled"));
  if (result.termination.kind() != v1::Termination::EXITED || result.termination.exit_code() != 0)
    return Fail(StatusOfPip(result.err));
  Done(false);
}

void CloudInstall::Tell(Progress::Phase phase, std::string text) {
  v1::InstallPackageEvent event;
  event.mutable_progress()->set_phase(phase);
  event.mutable_progress()->set_text(std::move(text));
  sink_->Push(std::move(event));
}

void CloudInstall::Done(bool cached) {
  v1::InstallPackageEvent event;
  auto& done = *event.mutable_done();
  done.set_cached(cached);
  for (const PlannedPackage& each : plan_) {
    auto& package = *done.add_packages();
    package.set_name(each.name);
    package.set_version(each.version);
  }
  std::sort(done.mutable_packages()->begin(), done.mutable_packages()->end(),
            [](const auto& a, const auto& b) { return a.name() < b.name(); });
  auto sink = std::exchange(sink_, nullptr);
  sink->Push(std::move(event));
  sink->End(absl::OkStatus());
}

void CloudInstall::Fail(absl::Status status) {
  if (auto sink = std::exchange(sink_, nullptr)) sink->End(std::move(status));
}

}  // namespace warren
