#include "supervisor/local/environment_query.h"

#include "absl/strings/str_cat.h"
#include "supervisor/session/disk_use.h"

namespace warren {

// The entries of one directory. It calls back from within the agent's link, which allows that.
class EnvironmentQuery::Entries final : public Sink<warren::v1::FileEntry> {
 public:
  explicit Entries(std::shared_ptr<EnvironmentQuery> query) : query_(std::move(query)) {}
  Flow Push(warren::v1::FileEntry entry) override {
    if (wanted_) wanted_ = query_->OnEntry(entry.path());
    return Flow::kContinue;
  }
  // From a task of its own: the next one is asked for then.
  void End(absl::Status status) override {
    query_->host_.loop.Post(
        [query = query_, status = std::move(status)] { query->OnListed(status); });
  }

 private:
  const std::shared_ptr<EnvironmentQuery> query_;
  bool wanted_ = true;
};

void EnvironmentQuery::Start() {
  if (absl::Status usable = sandbox_->Usable(); !usable.ok()) {
    NoteIncomplete(usable.message());
    return Answer();
  }
  if (look_.directories.empty())
    NoteIncomplete("where its interpreter looks for packages is not known");
  const auto patience = std::chrono::duration_cast<MonotonicTime::duration>(
      std::chrono::duration<double>(kEnvironmentTimeout) * host_.pace);
  timer_ = host_.loop.AddTimer(MonotonicClock::now() + patience, [self = shared_from_this()] {
    self->NoteIncomplete("the sandbox's agent did not answer in time; try again");
    self->Answer();
    if (self->listing_) self->listing_->Cancel();
  });
  LookNext();
}

void EnvironmentQuery::LookNext() {
  if (looked_ == look_.directories.size()) return AskDiskUse();
  const std::string& directory = look_.directories[looked_++];
  internal::FileCall call;
  call.set_uid(look_.user.uid);
  call.set_gid(look_.user.gid);
  call.mutable_list()->set_path(directory);
  call.mutable_list()->set_depth(1);
  auto listing = std::make_shared<DirectoryListing>(sandbox_, FileSubject{"list", directory},
                                                    std::make_shared<Entries>(shared_from_this()));
  listing_ = listing;
  listing->Start(std::move(call));
}

bool EnvironmentQuery::OnEntry(const std::string& path) {
  // It gave up waiting.
  if (reply_ == nullptr) return false;
  if (++entries_ > kMaxEntries) {
    NoteIncomplete(absl::StrCat("its package directories have more than ", kMaxEntries,
                                " entries; remove what is no package"));
  } else if (!packages_.Add(path)) {
    NoteIncomplete(absl::StrCat("there are more than ", PackageList::kMaxPackages));
  } else {
    return true;
  }
  listing_->Cancel();
  return false;
}

void EnvironmentQuery::OnListed(const absl::Status& status) {
  listing_ = nullptr;
  if (reply_ == nullptr) return;
  if (absl::IsCancelled(status)) return AskDiskUse();
  // Who runs code there does not find more in it either.
  const bool none = absl::IsNotFound(status);
  if (!status.ok() && !none) NoteIncomplete(status.message());
  // Its agent has gone, or cannot be had.
  if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status)) return Answer();
  LookNext();
}

void EnvironmentQuery::AskDiskUse() {
  DiskUse::Ask(host_, sandbox_, [self = shared_from_this()] { self->Answer(); });
}

void EnvironmentQuery::NoteIncomplete(absl::string_view why) {
  // The first is the cause of the others.
  if (answer_.python_packages_incomplete().empty())
    answer_.set_python_packages_incomplete(std::string(why));
}

void EnvironmentQuery::Answer() {
  if (reply_ == nullptr) return;
  host_.loop.CancelTimer(timer_);
  packages_.MoveTo(answer_.mutable_python_packages());
  *answer_.mutable_limits() = sandbox_->CurrentLimits();
  *answer_.mutable_use() = sandbox_->ReadMetrics();
  answer_.mutable_network()->set_preset("none");
  if (auto network = sandbox_->FindNetwork()) *answer_.mutable_network() = network->policy();
  std::exchange(reply_, nullptr)(std::move(answer_));
}

}  // namespace warren
