#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "runtime/policy/limits_policy.h"
#include "supervisor/backend/validate_package.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/local/done_operation.h"
#include "supervisor/local/local_backend.h"
#include "supervisor/local/local_sandbox.h"

// Packages: what is asked for is checked here, and installed by the PackageInstaller.
namespace warren {
namespace {

// What a builder may use: a wheel, what it unpacks to, and pip, all of it in memory.
constexpr int64_t kBuilderMemory = int64_t{6} << 30;
constexpr int64_t kBuilderDisk = int64_t{5} << 30;
constexpr int64_t kBuilderInodes = 500'000;
constexpr int32_t kBuilderCpu = 2000;

std::unique_ptr<Operation> Refuse(InstallSink& sink, absl::Status why) {
  sink.End(std::move(why));
  return std::make_unique<DoneOperation>();
}

}  // namespace

absl::StatusOr<warren::v1::Limits> BuilderLimits(const config::LimitsPolicy& policy) {
  const warren::v1::Limits& most = policy.maximum();
  warren::v1::Limits limits;
  limits.set_memory_bytes(std::min(kBuilderMemory, most.memory_bytes()));
  limits.set_disk_bytes(std::min(kBuilderDisk, most.disk_bytes()));
  limits.set_disk_inodes(std::min(kBuilderInodes, most.disk_inodes()));
  limits.set_cpu_millis(std::min(kBuilderCpu, most.cpu_millis()));
  return ResolveLimits(policy, limits, {});
}

PackageInstaller::Target LocalBackend::PackageTarget(const Template& from) const {
  PackageInstaller::Target target;
  target.scope.template_id = from.recipe.name();
  target.scope.template_digest = from.digest;
  target.scope.python_version = PythonVersion(from);
  target.scope.policy = package_policy_text_;
  target.python = from.recipe.python();
  target.preload.assign(from.recipe.preload().begin(), from.recipe.preload().end());
  return target;
}

std::unique_ptr<Operation> LocalBackend::Prefetch(const Call&,
                                                  warren::v1::PrefetchPackagesRequest request,
                                                  std::shared_ptr<InstallSink> sink) {
  absl::Status status = ValidatePrefetch(request);
  if (!status.ok()) return Refuse(*sink, std::move(status));
  if (request.template_id().empty()) request.set_template_id(default_template_);
  auto from = FindTemplate(request.template_id());
  if (!from.ok()) return Refuse(*sink, from.status());
  if (!(*from)->unavailable.empty()) {
    return Refuse(*sink, absl::FailedPreconditionError((*from)->unavailable));
  }
  return packages_->Install(PackageTarget(**from), request.what(), std::move(sink));
}

void LocalBackend::ListPackages(const Call&, Reply<warren::v1::ListStoredPackagesResponse> reply) {
  packages_->List(std::move(reply));
}

void LocalBackend::PrunePackages(const Call&, const warren::v1::PruneStoredPackagesRequest& request,
                                 Reply<warren::v1::PruneStoredPackagesResponse> reply) {
  if (absl::Status status = ValidatePrune(request); !status.ok()) return reply(std::move(status));
  packages_->Prune(absl::ToInt64Seconds(ToDuration(request.unused_for())), std::move(reply));
}

void LocalBackend::VerifyPackages(const Call&,
                                  Reply<warren::v1::VerifyStoredPackagesResponse> reply) {
  packages_->Verify(std::move(reply));
}

std::unique_ptr<Operation> LocalSandbox::Install(const Call&,
                                                 warren::v1::InstallPackageRequest request,
                                                 std::shared_ptr<InstallSink> sink) {
  absl::Status status = ValidateInstall(request);
  if (status.ok()) status = CheckUsable();
  auto from = backend_.FindTemplate(sandbox_->identity().template_id);
  status.Update(from.status());
  if (!status.ok()) return Refuse(*sink, std::move(status));
  PackageInstaller::Target target = backend_.PackageTarget(**from);
  target.sandbox = sandbox_;
  return backend_.packages().Install(std::move(target), request.what(), std::move(sink));
}

}  // namespace warren
