#include "supervisor/fake/fake_packages.h"

#include <openssl/sha.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

using Progress = v1::InstallPackageEvent::Progress;
using Packages = FakePackages::Packages;

bool IsWord(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  });
}

// Into `pins`; a name without a version has an empty one.
absl::Status AddPin(absl::string_view text, Packages& pins) {
  std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits("==", 1));
  const bool pinned = absl::StrContains(text, "==");
  if (!IsWord(parts.first) || (pinned && !IsWord(parts.second))) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CEscape(text), "\" is no name with versions"));
  }
  pins[absl::AsciiStrToLower(parts.first)] = std::string(parts.second);
  return absl::OkStatus();
}

absl::Status AddFile(absl::string_view text, Packages& pins) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    WARREN_RETURN_IF_ERROR(AddPin(line, pins));
  }
  return absl::OkStatus();
}

absl::StatusOr<Packages> Resolve(const v1::PackageRequirements& what) {
  Packages constraints;
  Packages wanted;
  WARREN_RETURN_IF_ERROR(AddFile(what.constraints_file(), constraints));
  for (const std::string& text : what.requirements())
    WARREN_RETURN_IF_ERROR(AddPin(absl::StripAsciiWhitespace(text), wanted));
  WARREN_RETURN_IF_ERROR(AddFile(what.requirements_file(), wanted));
  for (auto& [name, version] : wanted) {
    if (!version.empty()) continue;
    auto found = constraints.find(name);
    version = found == constraints.end() || found->second.empty() ? "1.0" : found->second;
  }
  return wanted;
}

std::string DigestOf(const Packages& packages) {
  std::string text;
  for (const auto& [name, version] : packages) absl::StrAppend(&text, name, "==", version, "\n");
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
  return absl::BytesToHexString(digest);
}

template <class Message>
void Fill(const Packages& packages, Message* field) {
  for (const auto& [name, version] : packages) {
    auto* package = field->Add();
    package->set_name(name);
    package->set_version(version);
  }
}

void Tell(InstallSink& sink, Progress::Phase phase, std::string text, int done = 0, int total = 0) {
  v1::InstallPackageEvent event;
  event.mutable_progress()->set_phase(phase);
  event.mutable_progress()->set_text(std::move(text));
  event.mutable_progress()->set_done(done);
  event.mutable_progress()->set_total(total);
  // They are few: there is no need to wait for the reader.
  sink.Push(std::move(event));
}

}  // namespace

class FakePackages::InstallOperation final : public Operation {
 public:
  // `sink` is null where nothing goes on.
  InstallOperation(std::shared_ptr<FakePackages> packages, SharedSink sink)
      : packages_(std::move(packages)), sink_(std::move(sink)) {}
  void Resume() override {}
  void Cancel() override {
    if (sink_ != nullptr) packages_->Stop(sink_);
  }

 private:
  const std::shared_ptr<FakePackages> packages_;
  const SharedSink sink_;
};

std::unique_ptr<Operation> FakePackages::Install(const std::string& sandbox_id,
                                                 const v1::PackageRequirements& what,
                                                 SharedSink sink) {
  absl::StatusOr<Packages> wanted = Resolve(what);
  if (wanted.ok() && wanted->count("hanging") != 0) {
    Tell(*sink, Progress::RESOLVING, "hanging");
    MutexLock lock(&mu_);
    hanging_.push_back(sink);
    return std::make_unique<InstallOperation>(shared_from_this(), std::move(sink));
  }
  absl::StatusOr<v1::InstallPackageEvent> last = Run(sandbox_id, what, *sink);
  const absl::Status status = last.status();
  if (status.ok()) sink->Push(*std::move(last));
  sink->End(status);
  return std::make_unique<InstallOperation>(shared_from_this(), nullptr);
}

absl::StatusOr<v1::InstallPackageEvent> FakePackages::Run(const std::string& sandbox_id,
                                                          const v1::PackageRequirements& what,
                                                          InstallSink& sink) {
  WARREN_ASSIGN_OR_RETURN(const Packages packages, Resolve(what));
  if (packages.count("denied") != 0) {
    return absl::PermissionDeniedError("denied is not among the packages that this server allows");
  }
  v1::InstallPackageEvent last;
  auto* done = last.mutable_done();
  Packages all = InstalledIn(sandbox_id);
  {
    MutexLock lock(&mu_);
    done->set_cached(!what.refresh() && IsCachedLocked(packages));
  }
  if (!done->cached()) Tell(sink, Progress::RESOLVING, "");
  if (packages.count("missing") != 0)
    return absl::FailedPreconditionError("no index has a package \"missing\"");
  WARREN_RETURN_IF_ERROR(CheckAgainst(packages, all));
  const int total = static_cast<int>(packages.size());
  int fetched = 0;
  for (const auto& [name, version] : packages) {
    if (done->cached()) break;
    Tell(sink, Progress::FETCHING, absl::StrCat(name, " ", version), ++fetched, total);
  }
  Tell(sink, Progress::MOUNTING, "");
  all.insert(packages.begin(), packages.end());
  Fill(packages, done->mutable_packages());
  done->set_set_digest(DigestOf(all));
  if (packages.count("clashing") != 0) done->add_conflicts("clashing/data.txt");

  MutexLock lock(&mu_);
  for (const auto& package : packages) stored_[package] = false;
  resolved_.insert(packages);
  LeaveLocked(sandbox_id);
  Set& set = sets_[done->set_digest()];
  set.packages = all;
  set.used_at = absl::Now();
  if (sandbox_id.empty()) return last;
  set.users.insert(sandbox_id);
  installed_[sandbox_id] = std::move(all);
  return last;
}

absl::Status FakePackages::CheckAgainst(const Packages& packages, const Packages& installed) const {
  for (const auto& [name, version] : packages) {
    auto found = installed.find(name);
    if (found == installed.end() || found->second == version) continue;
    return absl::FailedPreconditionError(absl::StrCat(name, " ", version, " conflicts with ", name,
                                                      " ", found->second,
                                                      ", which was installed before"));
  }
  return absl::OkStatus();
}

bool FakePackages::IsCachedLocked(const Packages& packages) const {
  if (resolved_.count(packages) == 0) return false;
  for (const auto& package : packages) {
    if (stored_.count(package) == 0) return false;
  }
  return true;
}

FakePackages::Packages FakePackages::InstalledIn(const std::string& sandbox_id) const {
  MutexLock lock(&mu_);
  auto found = installed_.find(sandbox_id);
  return found == installed_.end() ? Packages() : found->second;
}

void FakePackages::Leave(const std::string& sandbox_id) {
  MutexLock lock(&mu_);
  LeaveLocked(sandbox_id);
  installed_.erase(sandbox_id);
}

void FakePackages::LeaveLocked(const std::string& sandbox_id) {
  for (auto& [digest, set] : sets_) {
    if (set.users.erase(sandbox_id) != 0) set.used_at = absl::Now();
  }
}

v1::ListStoredPackagesResponse FakePackages::List() const {
  v1::ListStoredPackagesResponse response;
  MutexLock lock(&mu_);
  for (const auto& [package, spoilt] : stored_) {
    auto* stored = response.add_packages();
    stored->mutable_package()->set_name(package.first);
    stored->mutable_package()->set_version(package.second);
    stored->set_size_bytes(kPackageBytes);
    stored->set_files(kPackageFiles);
  }
  for (const auto& [digest, set] : sets_) {
    auto* told = response.add_sets();
    told->set_digest(digest);
    Fill(set.packages, told->mutable_packages());
    *told->mutable_used_at() = ToProto(set.used_at);
    told->set_uses(static_cast<int>(set.users.size()));
  }
  response.set_size_bytes(kPackageBytes * response.packages_size());
  response.set_max_bytes(kMaxBytes);
  return response;
}

v1::PruneStoredPackagesResponse FakePackages::Prune(absl::Duration unused_for) {
  v1::PruneStoredPackagesResponse response;
  MutexLock lock(&mu_);
  const absl::Time before = absl::Now() - unused_for;
  response.set_sets(static_cast<int>(std::erase_if(sets_, [&](const auto& each) {
    return each.second.users.empty() && each.second.used_at <= before;
  })));
  std::set<std::pair<std::string, std::string>> kept;
  for (const auto& [digest, set] : sets_) kept.insert(set.packages.begin(), set.packages.end());
  response.set_packages(static_cast<int>(
      std::erase_if(stored_, [&](const auto& stored) { return kept.count(stored.first) == 0; })));
  response.set_size_bytes(kPackageBytes * response.packages());
  return response;
}

v1::VerifyStoredPackagesResponse FakePackages::Verify() {
  v1::VerifyStoredPackagesResponse response;
  MutexLock lock(&mu_);
  response.set_packages(static_cast<int>(stored_.size()));
  std::erase_if(stored_, [&](const auto& stored) {
    if (stored.second)
      response.add_removed(absl::StrCat(stored.first.first, " ", stored.first.second));
    return stored.second;
  });
  return response;
}

void FakePackages::Spoil(const std::string& name) {
  MutexLock lock(&mu_);
  for (auto& [package, spoilt] : stored_) spoilt = spoilt || package.first == name;
}

size_t FakePackages::hanging() const {
  MutexLock lock(&mu_);
  return hanging_.size();
}

void FakePackages::Stop(const SharedSink& sink) {
  {
    MutexLock lock(&mu_);
    if (hanging_.remove(sink) == 0) return;
  }
  sink->End(absl::CancelledError("the client went away"));
}

void FakePackages::End() {
  std::list<SharedSink> hanging;
  {
    MutexLock lock(&mu_);
    hanging.swap(hanging_);
  }
  for (const SharedSink& sink : hanging) sink->End(absl::UnavailableError("this backend ends"));
}

}  // namespace warren
