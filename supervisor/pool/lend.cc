#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/pool/pool.h"

// Zygotes that the pool lends, for contexts beside those of the sandboxes that it makes.
namespace warren {

void Pool::Lend(const std::string& template_id, LentCallback on_lent) {
  absl::StatusOr<uint64_t> lent;
  {
    MutexLock lock(&mu_);
    auto found = pools_.find(template_id);
    if (stopped_) {
      lent = absl::UnavailableError("the supervisor is stopping");
    } else if (found == pools_.end()) {
      lent = absl::NotFoundError(absl::StrCat("no template \"", template_id, "\""));
    } else {
      TemplatePool& pool = found->second;
      const std::string& unavailable = pool.what.source.unavailable;
      const absl::Status hindrance = pool.zygotes.Hindrance(MonotonicClock::now());
      if (pool.zygotes.current() != 0) {
        pool.zygotes.BeginFork();
        lent = pool.zygotes.current();
      } else if (!hindrance.ok()) {
        lent = hindrance;
      } else if (!unavailable.empty()) {
        lent = absl::FailedPreconditionError(
            absl::StrCat("template \"", template_id, "\" cannot be used: ", unavailable));
      } else {
        pool.borrowers.push_back(std::move(on_lent));
        PostPump();
        return;
      }
    }
  }
  on_lent(std::move(lent));
}

void Pool::GiveZygoteBack(const std::string& template_id, uint64_t zygote_id) {
  MutexLock lock(&mu_);
  pools_.at(template_id).zygotes.EndFork(zygote_id);
  // A retired one may be free now.
  if (!stopped_) PostPump();
}

void Pool::ServeBorrowers(TemplatePool& pool) {
  if (pool.zygotes.current() == 0) return;
  for (LentCallback& on_lent : std::exchange(pool.borrowers, {})) {
    pool.zygotes.BeginFork();
    host_.loop.Post([on_lent = std::move(on_lent), zygote = pool.zygotes.current()]() mutable {
      on_lent(zygote);
    });
  }
}

std::vector<std::string> Pool::Languages(const std::string& template_id) const {
  MutexLock lock(&mu_);
  auto found = pools_.find(template_id);
  return found == pools_.end() ? std::vector<std::string>() : found->second.languages;
}

}  // namespace warren
