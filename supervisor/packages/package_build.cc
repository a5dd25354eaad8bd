#include "supervisor/packages/package_build.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

using Json = nlohmann::json;

// On a host of pace 1 (docs/TIMING.md), both: from a builder's start to its end.
constexpr std::chrono::seconds kResolvePatience(120);
constexpr std::chrono::seconds kUnpackPatience(600);
// Of one build at a time; it waits for places as others do.
constexpr size_t kParallelUnpackings = 3;
constexpr int64_t kDefaultResolutionSeconds = 3600;
// Keys, names and versions of one set: they go to the store in one message.
constexpr size_t kMaxSetBytes = 64 << 10;

// What the policy says of it, or what is usual.
std::chrono::seconds Patience(int said, std::chrono::seconds usual) {
  return said > 0 ? std::chrono::seconds(said) : usual;
}

std::string Describe(const ResolvedFile& file) {
  return absl::StrCat(file.name, " ", file.version);
}

}  // namespace

uint64_t PackageBuild::Join(Listener listener) {
  listeners_.emplace(++last_listener_, std::move(listener));
  return last_listener_;
}

void PackageBuild::Leave(uint64_t listener) {
  listeners_.erase(listener);
  if (!listeners_.empty() || ended_) return;
  Finish(absl::CancelledError("nobody waits for it any more"));
}

void PackageBuild::Start() {
  if (!host_.places.has_free()) Tell(Progress::WAITING, "for other installations to end");
  tickets_.push_back(host_.places.Take([self = shared_from_this()](BuilderPlaces::Place place) {
    if (!self->ended_) self->Resolve(std::move(place));
  }));
}

// ---- What it takes ----------------------------------------------------------------------------

void PackageBuild::Resolve(BuilderPlaces::Place place) {
  Tell(Progress::RESOLVING, absl::StrJoin(what_.lines.requirements, ", "));
  const Json job = {{"requirements", what_.lines.requirements},
                    {"constraints", what_.lines.constraints},
                    {"preload", what_.preload},
                    {"source_distributions", host_.policy.source_distributions()},
                    {"refresh", what_.refresh}};
  resolver_ = std::make_shared<Builder>(host_.host, host_.pool);
  auto kept = std::make_shared<BuilderPlaces::Place>(std::move(place));
  resolver_->Start(
      {what_.scope.template_id, what_.limits, what_.python, "resolve", job.dump(),
       Patience(host_.policy.resolve_seconds(), kResolvePatience)},
      {[self = shared_from_this()](BuilderWord word) { self->OnResolverWord(std::move(word)); },
       [self = shared_from_this(), kept](absl::Status status) mutable {
         // The next may begin while this one goes on.
         kept.reset();
         self->OnResolved(std::move(status));
       }});
}

void PackageBuild::OnResolverWord(BuilderWord word) {
  if (const auto* progress = std::get_if<BuilderProgress>(&word)) {
    Tell(Progress::RESOLVING, progress->text);
  } else if (auto* refused = std::get_if<BuilderRefused>(&word)) {
    resolved_ = refused->why;
  } else if (auto* resolved = std::get_if<BuilderResolved>(&word)) {
    resolved_ = std::move(*resolved);
  }
}

void PackageBuild::OnResolved(absl::Status status) {
  resolver_ = nullptr;
  if (ended_) return;
  // It says why before it ends.
  if (!resolved_.ok() && (status.ok() || !absl::IsInternal(resolved_.status())))
    return Finish(resolved_.status());
  if (!status.ok()) return Finish(std::move(status));
  if (absl::Status allowed = CheckResolved(); !allowed.ok()) return Finish(std::move(allowed));
  for (const ResolvedFile& file : resolved_->files) {
    internal::StoredPackage& package = *set_.add_packages();
    package.set_key(PackageKey(file, what_.python, what_.scope.python_version));
    package.set_name(file.name);
    package.set_version(file.version);
  }
  if (set_.ByteSizeLong() > kMaxSetBytes) {
    return Finish(absl::ResourceExhaustedError(absl::StrCat(
        "it takes ", set_.packages_size(),
        " packages with names that are too long to go together; ask for less at once")));
  }
  AskForMissing();
}

// The fetcher has refused it already; where a package's own code has run in the resolver, its word
// is not enough.
absl::Status PackageBuild::CheckResolved() const {
  std::vector<std::string> reasons;
  for (const ResolvedFile& file : resolved_->files) {
    const PackageRules::Decision decision = what_.lines.asked.contains(file.name)
                                                ? host_.rules.DecideName(file.name)
                                                : host_.rules.DecideDependency(file.name);
    if (!decision.allowed) reasons.push_back(decision.reason);
  }
  if (reasons.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrJoin(reasons, "; "));
}

// ---- What is missing --------------------------------------------------------------------------

void PackageBuild::AskForMissing() {
  internal::StoreRequest request;
  internal::HasPackages& has = *request.mutable_has_packages();
  for (const internal::StoredPackage& package : set_.packages()) has.add_keys(package.key());
  host_.store.Call(std::move(request),
                   [self = shared_from_this()](absl::StatusOr<internal::StoreReply> reply) {
                     if (self->ended_) return;
                     if (!reply.ok()) return self->Finish(reply.status());
                     self->OnMissing(reply->missing());
                   });
}

void PackageBuild::OnMissing(const internal::MissingPackages& missing) {
  const std::set<std::string> keys(missing.keys().begin(), missing.keys().end());
  for (int i = 0; i < set_.packages_size(); ++i) {
    if (keys.contains(set_.packages(i).key())) missing_.push_back(static_cast<size_t>(i));
  }
  total_ = missing_.size();
  if (missing_.empty()) return MakeSet();
  for (size_t i = 0; i < kParallelUnpackings; ++i) UnpackNext();
}

void PackageBuild::UnpackNext() {
  if (missing_.empty() || ended_) return;
  const size_t index = missing_.back();
  missing_.pop_back();
  ++under_way_;
  auto unpack = [self = shared_from_this(), index](BuilderPlaces::Place place) {
    if (self->ended_) return;
    const ResolvedFile& file = self->resolved_->files[index];
    self->Tell(Progress::FETCHING, Describe(file));
    const Json job = {{"url", file.url}, {"filename", file.filename}, {"sha256", file.sha256}};
    auto unpacking = std::make_shared<Unpacking>(
        self->host_.host, self->host_.pool, self->host_.store,
        self->set_.packages(static_cast<int>(index)), self->what_.limits);
    self->unpackings_.push_back(unpacking);
    auto kept = std::make_shared<BuilderPlaces::Place>(std::move(place));
    unpacking->Start(
        {self->what_.scope.template_id, self->what_.limits, self->what_.python, "unpack",
         job.dump(), Patience(self->host_.policy.unpack_seconds(), kUnpackPatience)},
        {[self](const std::string& text) { self->Tell(Progress::FETCHING, text); },
         [self, kept](absl::Status status) mutable {
           kept.reset();
           self->OnUnpacked(std::move(status));
         }});
  };
  tickets_.push_back(host_.places.Take(std::move(unpack)));
}

void PackageBuild::OnUnpacked(absl::Status status) {
  if (ended_) return;
  if (!status.ok()) return Finish(std::move(status));
  --under_way_;
  ++done_;
  UnpackNext();
  if (under_way_ == 0) MakeSet();
}

// ---- The end ----------------------------------------------------------------------------------

void PackageBuild::MakeSet() {
  Tell(Progress::MOUNTING, "");
  std::vector<std::string> names;
  for (const internal::StoredPackage& package : set_.packages()) names.push_back(package.name());
  host_.fetcher.Learn(names);
  internal::StoreRequest request;
  internal::MakeSet& make = *request.mutable_make_set();
  *make.mutable_set() = set_;
  make.set_request_digest(what_.digest);
  make.set_valid_seconds(host_.policy.resolution_seconds() > 0 ? host_.policy.resolution_seconds()
                                                               : kDefaultResolutionSeconds);
  host_.store.Call(std::move(request),
                   [self = shared_from_this()](absl::StatusOr<internal::StoreReply> reply) {
                     // It was there a moment ago, and has made room for the others.
                     if (absl::IsFailedPrecondition(reply.status())) {
                       return self->Finish(absl::ResourceExhaustedError(
                           "the package store has no room for all of it at once; its operator can "
                           "give it more (warrend --package-store-bytes)"));
                     }
                     if (!reply.ok()) return self->Finish(reply.status());
                     self->Finish(std::move(*reply->mutable_set()));
                   });
}

void PackageBuild::Tell(Progress::Phase phase, const std::string& text) {
  Progress progress;
  progress.set_phase(phase);
  progress.set_text(text.substr(0, 256));
  progress.set_done(static_cast<int32_t>(done_));
  progress.set_total(static_cast<int32_t>(total_));
  for (const auto& [id, listener] : listeners_) listener.on_progress(progress);
}

void PackageBuild::Finish(absl::StatusOr<internal::StoredSet> result) {
  if (std::exchange(ended_, true)) return;
  for (const BuilderPlaces::Ticket& ticket : std::exchange(tickets_, {}))
    host_.places.Cancel(ticket);
  if (resolver_) resolver_->Cancel();
  for (const auto& unpacking : std::exchange(unpackings_, {})) unpacking->Cancel();
  spdlog::info("event=packages_built template={} packages={} fetched={} error=\"{}\"",
               what_.scope.template_id, set_.packages_size(), done_,
               absl::CEscape(result.status().message()));
  for (auto& [id, listener] : std::exchange(listeners_, {})) listener.on_end(result);
}

}  // namespace warren
