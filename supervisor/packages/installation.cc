#include "supervisor/packages/installation.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace warren {

using warren::v1::InstallPackageEvent;

Installation::Installation(PackageInstaller& installer, PackageInstaller::Target target,
                           PackageRequest request, std::shared_ptr<InstallSink> sink)
    : installer_(installer),
      target_(std::move(target)),
      sandbox_id_(target_.sandbox ? target_.sandbox->identity().id : std::string()),
      request_(std::move(request)),
      sink_(std::move(sink)) {
  if (target_.sandbox) use_ = target_.sandbox->Use();
}

void Installation::Run() {
  if (sink_ == nullptr) return;
  if (target_.sandbox) {
    if (absl::Status usable = target_.sandbox->Usable(); !usable.ok())
      return Finish(std::move(usable));
  }
  if (target_.scope.python_version.empty()) return FindVersion();
  Begin();
}

void Installation::FindVersion() {
  installer_.pool().Lend(
      target_.scope.template_id, [self = shared_from_this()](absl::StatusOr<uint64_t> zygote) {
        const std::string& id = self->target_.scope.template_id;
        Pool& pool = self->installer_.pool();
        if (zygote.ok()) pool.GiveZygoteBack(id, *zygote);
        // From a task of its own: it may be lent in place.
        self->installer_.host().loop.Post([self, &pool, &id, status = zygote.status()] {
          if (self->sink_ == nullptr) return;
          if (!status.ok()) return self->Finish(status);
          self->target_.scope.python_version = pool.PythonVersion(id);
          self->Begin();
        });
      });
}

void Installation::Begin() {
  const InstalledPackages& installed = installer_.InstalledIn(sandbox_id_);
  lines_ = Combine(request_, installed);
  // The same again: it is there.
  if (!installed.asked.empty() && lines_.asked == installed.asked && request_.constraints.empty() &&
      !request_.refresh) {
    cached_ = true;
    set_ = installed.set;
    return Conclude();
  }
  digest_ = ResolutionDigest(target_.scope, lines_);
  if (request_.refresh) return Build();
  LookUp();
}

// ---- The set ----------------------------------------------------------------------------------

void Installation::LookUp() {
  internal::StoreRequest request;
  request.mutable_find_resolution()->set_request_digest(digest_);
  installer_.store().Call(std::move(request),
                          [self = shared_from_this()](absl::StatusOr<internal::StoreReply> reply) {
                            if (self->sink_ == nullptr) return;
                            if (absl::IsNotFound(reply.status())) return self->Build();
                            if (!reply.ok()) return self->Finish(reply.status());
                            self->cached_ = true;
                            self->OnSet(std::move(*reply->mutable_found()));
                          });
}

void Installation::Build() {
  PackageBuild::What what{
      target_.scope, target_.python, target_.preload, installer_.builder_limits(),
      lines_,        digest_,        request_.refresh};
  build_ =
      installer_.Build(std::move(what),
                       {[self = shared_from_this()](const InstallPackageEvent::Progress& progress) {
                          if (self->paused_) return;
                          InstallPackageEvent event;
                          *event.mutable_progress() = progress;
                          self->Push(std::move(event));
                        },
                        [self = shared_from_this()](absl::StatusOr<internal::StoredSet> set) {
                          self->build_ = nullptr;
                          if (!set.ok()) return self->Finish(set.status());
                          self->OnSet(*std::move(set));
                        }},
                       &listener_);
}

void Installation::OnSet(internal::StoredSet set) {
  if (sink_ == nullptr) return;
  set_ = std::move(set);
  if (target_.sandbox == nullptr) return Conclude();
  const internal::StoredSet& there = installer_.InstalledIn(sandbox_id_).set;
  // All of it is the template's, or there as it is.
  if ((set_.packages_size() == 0 && there.packages_size() == 0) ||
      set_.digest() == there.digest()) {
    installer_.SetInstalled(sandbox_id_, {lines_.asked, set_});
    return Conclude();
  }
  installer_.store().Use(set_.digest(), [self = shared_from_this()](
                                            const absl::StatusOr<internal::StoreReply>& reply) {
    if (reply.ok()) return self->Mount();
    if (self->sink_ == nullptr) return;
    // It was evicted between the two looks.
    if (absl::IsNotFound(reply.status()) && std::exchange(self->cached_, false))
      return self->Build();
    self->Finish(absl::IsNotFound(reply.status())
                     ? absl::UnavailableError("the package store has lost the set; try again")
                     : reply.status());
  });
}

// ---- The sandbox ------------------------------------------------------------------------------

void Installation::Mount() {
  // It was given up meanwhile.
  if (sink_ == nullptr) return installer_.store().Release(set_.digest());
  if (cached_) {
    // Who builds has said so.
    InstallPackageEvent event;
    event.mutable_progress()->set_phase(InstallPackageEvent::Progress::MOUNTING);
    Push(std::move(event));
  }
  mounting_ = true;
  internal::LauncherRequest request;
  request.mutable_mount_packages()->set_sandbox_id(sandbox_id_);
  request.mutable_mount_packages()->set_set_digest(set_.digest());
  installer_.host().link.Call(
      std::move(request), [self = shared_from_this()](absl::StatusOr<LauncherMessage> reply) {
        absl::Status status = reply.status();
        // What the launcher knows no more is on its way out.
        if (absl::IsNotFound(status))
          status = absl::FailedPreconditionError("the sandbox ended meanwhile");
        self->OnMounted(std::move(status));
      });
}

void Installation::OnMounted(absl::Status status) {
  mounting_ = false;
  const bool hangs_there = status.ok() || absl::IsDeadlineExceeded(status) ||
                           absl::IsInternal(status) || absl::IsUnavailable(status);
  // The end of the sandbox releases what may be mounted in it.
  if (hangs_there) {
    installer_.NoteMounted(sandbox_id_, set_.digest());
  } else {
    installer_.store().Release(set_.digest());
  }
  // Also where nobody waits any more: it is there.
  if (status.ok()) installer_.SetInstalled(sandbox_id_, {lines_.asked, set_});
  if (sink_ == nullptr) return installer_.OnEnded(*this);
  if (!status.ok()) return Finish(std::move(status));
  Conclude();
}

void Installation::Conclude() {
  if (sink_ == nullptr) return;
  InstallPackageEvent event;
  InstallPackageEvent::Done& done = *event.mutable_done();
  for (const internal::StoredPackage& package : set_.packages()) {
    auto* added = done.add_packages();
    added->set_name(package.name());
    added->set_version(package.version());
  }
  done.set_cached(cached_);
  if (set_.packages_size() > 0) done.set_set_digest(set_.digest());
  for (const std::string& path : set_.conflicts()) {
    // What is compiled follows its source.
    if (!absl::StrContains(path, "__pycache__/")) done.add_conflicts(path);
  }
  Push(std::move(event));
  Finish(absl::OkStatus());
}

void Installation::Push(InstallPackageEvent event) {
  if (sink_ != nullptr) paused_ = sink_->Push(std::move(event)) == Flow::kPause;
}

void Installation::Finish(absl::Status status) {
  if (sink_ == nullptr) return;
  spdlog::info("event=packages_installed sandbox={} packages={} cached={} error=\"{}\"",
               sandbox_id_.empty() ? "-" : sandbox_id_, set_.packages_size(), cached_,
               absl::CEscape(status.message()));
  if (build_ != nullptr) std::exchange(build_, nullptr)->Leave(listener_);
  std::exchange(sink_, nullptr)->End(std::move(status));
  use_ = SandboxUse();
  if (!mounting_) installer_.OnEnded(*this);
}

}  // namespace warren
