#include "supervisor/packages/package_installer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/packages/installation.h"

namespace warren {
namespace {

constexpr int kMaxListed = 4096;
constexpr size_t kMaxListBytes = 3 << 20;
constexpr size_t kMaxQuestions = 32;
// On a host of pace 1 (docs/TIMING.md): a user's program waits for it.
constexpr std::chrono::seconds kFindPatience(60);

// An installation in the hands of its client; null for one that was refused. Thread-safe.
class InstallOperation final : public Operation {
 public:
  InstallOperation(IoLoop& loop, std::shared_ptr<Installation> installation)
      : loop_(loop), installation_(std::move(installation)) {}

  // From tasks of their own: they may be called from within the sink.
  void Resume() override {
    if (installation_) loop_.Post([installation = installation_] { installation->Resume(); });
  }
  void Cancel() override {
    if (installation_) loop_.Post([installation = installation_] { installation->Cancel(); });
  }

 private:
  IoLoop& loop_;
  const std::shared_ptr<Installation> installation_;
};

void AddPackage(const internal::StoredPackage& from, warren::v1::Environment::Package& to) {
  to.set_name(from.name());
  to.set_version(from.version());
}

// As many as fit: a client takes messages of 4 MiB.
warren::v1::ListStoredPackagesResponse ToProto(const internal::StoreContents& contents,
                                               const StoreLink& store) {
  warren::v1::ListStoredPackagesResponse response;
  response.set_size_bytes(contents.bytes());
  response.set_max_bytes(contents.max_bytes());
  size_t bytes = 0;
  std::vector<const internal::StoredPackage*> packages;
  for (const internal::StoredPackage& package : contents.packages()) packages.push_back(&package);
  std::sort(packages.begin(), packages.end(), [](const auto* a, const auto* b) {
    return std::tie(a->name(), a->version(), a->key()) <
           std::tie(b->name(), b->version(), b->key());
  });
  for (const internal::StoredPackage* package : packages) {
    if (response.packages_size() == kMaxListed || bytes > kMaxListBytes / 2) break;
    bytes += package->ByteSizeLong();
    auto& stored = *response.add_packages();
    AddPackage(*package, *stored.mutable_package());
    stored.set_size_bytes(package->size());
    stored.set_files(package->files());
  }
  for (const internal::StoredSet& set : contents.sets()) {
    if (response.sets_size() == kMaxListed || bytes > kMaxListBytes) break;
    bytes += set.ByteSizeLong();
    auto& listed = *response.add_sets();
    listed.set_digest(set.digest());
    for (const internal::StoredPackage& package : set.packages())
      AddPackage(package, *listed.add_packages());
    *listed.mutable_used_at() = warren::ToProto(absl::FromUnixSeconds(set.used_at()));
    listed.set_uses(store.uses(set.digest()));
  }
  return response;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PackageInstaller>> PackageInstaller::Make(SandboxHost& host,
                                                                         Pool& pool, Parts parts) {
  WARREN_ASSIGN_OR_RETURN(PackageRules rules, PackageRules::Compile(parts.policy));
  return std::unique_ptr<PackageInstaller>(
      new PackageInstaller(host, pool, std::move(parts), std::move(rules)));
}

PackageInstaller::PackageInstaller(SandboxHost& host, Pool& pool, Parts parts, PackageRules rules)
    : host_(host),
      policy_(std::move(parts.policy)),
      rules_(std::move(rules)),
      limits_(std::move(parts.limits)),
      unavailable_(std::move(parts.unavailable)),
      store_(host.loop, host.pace),
      fetcher_(host.loop, [this](const auto& wanted) { finder_.Find(wanted); }),
      finder_(host, pool,
              {std::move(parts.template_id), limits_, std::move(parts.python), "requires", "",
               kFindPatience},
              {[this](const auto& names) { fetcher_.Learn(names); },
               [this](uint64_t wanted) { fetcher_.Answer(wanted); }}),
      places_(kBuilders),
      build_host_{host, pool, store_, fetcher_, places_, rules_, policy_} {}

// ---- For clients ------------------------------------------------------------------------------

std::unique_ptr<Operation> PackageInstaller::Install(Target target,
                                                     const warren::v1::PackageRequirements& what,
                                                     std::shared_ptr<InstallSink> sink) {
  absl::StatusOr<PackageRequest> request = ParsePackageRequest(what, rules_);
  if (request.ok() && !unavailable_.empty()) request = absl::FailedPreconditionError(unavailable_);
  if (!request.ok()) {
    sink->End(request.status());
    return std::make_unique<InstallOperation>(host_.loop, nullptr);
  }
  auto installation = std::make_shared<Installation>(*this, std::move(target), *std::move(request),
                                                     std::move(sink));
  host_.loop.Post([this, installation] { Begin(installation); });
  return std::make_unique<InstallOperation>(host_.loop, std::move(installation));
}

void PackageInstaller::List(Reply<warren::v1::ListStoredPackagesResponse> reply) {
  if (!unavailable_.empty()) return reply(absl::FailedPreconditionError(unavailable_));
  host_.loop.Post([this, reply = std::move(reply)]() mutable {
    internal::StoreRequest request;
    request.mutable_list();
    Ask(std::move(request),
        [this, reply = std::move(reply)](absl::StatusOr<internal::StoreReply> said) mutable {
          if (!said.ok()) return reply(said.status());
          reply(ToProto(said->contents(), store_));
        });
  });
}

void PackageInstaller::Prune(int64_t unused_seconds,
                             Reply<warren::v1::PruneStoredPackagesResponse> reply) {
  if (!unavailable_.empty()) return reply(absl::FailedPreconditionError(unavailable_));
  host_.loop.Post([this, unused_seconds, reply = std::move(reply)]() mutable {
    internal::StoreRequest request;
    request.mutable_prune()->set_unused_seconds(unused_seconds);
    Ask(std::move(request),
        [reply = std::move(reply)](absl::StatusOr<internal::StoreReply> said) mutable {
          if (!said.ok()) return reply(said.status());
          warren::v1::PruneStoredPackagesResponse response;
          response.set_size_bytes(said->pruned().bytes());
          response.set_packages(said->pruned().packages());
          response.set_sets(said->pruned().sets());
          reply(std::move(response));
        });
  });
}

void PackageInstaller::Verify(Reply<warren::v1::VerifyStoredPackagesResponse> reply) {
  if (!unavailable_.empty()) return reply(absl::FailedPreconditionError(unavailable_));
  host_.loop.Post([this, reply = std::move(reply)]() mutable {
    internal::StoreRequest request;
    request.mutable_verify();
    Ask(std::move(request),
        [reply = std::move(reply)](absl::StatusOr<internal::StoreReply> said) mutable {
          if (!said.ok()) return reply(said.status());
          warren::v1::VerifyStoredPackagesResponse response;
          response.set_packages(said->verified().packages());
          *response.mutable_removed() = said->verified().removed();
          reply(std::move(response));
        });
  });
}

void PackageInstaller::Ask(internal::StoreRequest request, StoreLink::Callback on_reply) {
  if (questions_ >= kMaxQuestions) {
    return on_reply(absl::ResourceExhaustedError(
        absl::StrCat(kMaxQuestions, " questions wait for the package store; try again later")));
  }
  ++questions_;
  store_.Call(std::move(request), [this, on_reply = std::move(on_reply)](
                                      absl::StatusOr<internal::StoreReply> said) mutable {
    --questions_;
    on_reply(std::move(said));
  });
}

// ---- Installations ----------------------------------------------------------------------------

void PackageInstaller::Begin(std::shared_ptr<Installation> installation) {
  const std::string& id = installation->sandbox_id();
  under_way_.insert(installation);
  if (under_way_.size() > kMaxOfAll) {
    return installation->Finish(absl::ResourceExhaustedError(
        absl::StrCat(kMaxOfAll, " installations are under way; try again later")));
  }
  if (id.empty()) return installation->Run();
  OfSandbox& sandbox = sandboxes_[id];
  if (sandbox.installations.size() >= kMaxOfSandbox) {
    return installation->Finish(absl::ResourceExhaustedError(absl::StrCat(
        kMaxOfSandbox, " installations of this sandbox wait for each other; try again later")));
  }
  sandbox.installations.push_back(installation);
  if (sandbox.installations.size() == 1) installation->Run();
}

void PackageInstaller::OnEnded(const Installation& installation) {
  std::erase_if(under_way_, [&](const auto& other) { return other.get() == &installation; });
  const std::string id = installation.sandbox_id();
  auto found = sandboxes_.find(id);
  if (found == sandboxes_.end()) return;
  auto& list = found->second.installations;
  const auto place = std::find_if(list.begin(), list.end(),
                                  [&](const auto& other) { return other.get() == &installation; });
  if (place == list.end()) return;
  const bool first = place == list.begin();
  list.erase(place);
  // From a task of its own: it may end at once, and so may the one behind it.
  if (first && !list.empty()) host_.loop.Post([next = list.front()] { next->Run(); });
  ForgetIfDone(id);
}

const InstalledPackages& PackageInstaller::InstalledIn(const std::string& sandbox_id) {
  static const InstalledPackages none;
  auto found = sandboxes_.find(sandbox_id);
  return found == sandboxes_.end() ? none : found->second.installed;
}

void PackageInstaller::SetInstalled(const std::string& sandbox_id, InstalledPackages installed) {
  sandboxes_[sandbox_id].installed = std::move(installed);
}

void PackageInstaller::NoteMounted(const std::string& sandbox_id, const std::string& digest) {
  sandboxes_[sandbox_id].mounted.push_back(digest);
}

std::shared_ptr<PackageBuild> PackageInstaller::Build(PackageBuild::What what,
                                                      PackageBuild::Listener listener,
                                                      uint64_t* number) {
  std::erase_if(builds_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<PackageBuild>& known = builds_[what.digest];
  if (auto build = known.lock(); build != nullptr && !build->ended()) {
    *number = build->Join(std::move(listener));
    return build;
  }
  auto build = std::make_shared<PackageBuild>(build_host_, std::move(what));
  known = build;
  *number = build->Join(std::move(listener));
  // From a task of its own: who asked holds it first.
  host_.loop.Post([build] {
    if (!build->ended()) build->Start();
  });
  return build;
}

void PackageInstaller::OnSandboxGone(const std::string& sandbox_id) {
  auto found = sandboxes_.find(sandbox_id);
  if (found == sandboxes_.end()) return;
  found->second.gone = true;
  const auto installations = found->second.installations;
  for (const auto& installation : installations)
    installation->Finish(absl::FailedPreconditionError("the sandbox ended meanwhile"));
  ForgetIfDone(sandbox_id);
}

void PackageInstaller::ForgetIfDone(const std::string& sandbox_id) {
  auto found = sandboxes_.find(sandbox_id);
  if (found == sandboxes_.end() || !found->second.installations.empty()) return;
  if (found->second.gone) {
    for (const std::string& digest : found->second.mounted) store_.Release(digest);
  } else if (!found->second.mounted.empty() || !found->second.installed.asked.empty()) {
    return;
  }
  sandboxes_.erase(found);
}

void PackageInstaller::EndInstallations() {
  const auto installations = under_way_;
  for (const auto& installation : installations)
    installation->Finish(absl::UnavailableError("the server is stopping"));
  store_.Close();
}

void PackageInstaller::Close() {
  store_.Close();
  fetcher_.Close();
}

}  // namespace warren
