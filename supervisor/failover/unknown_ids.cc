#include "supervisor/failover/unknown_ids.h"

#include <chrono>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

constexpr std::chrono::seconds kUnknownFor(1);
// No sandbox has a longer one.
constexpr size_t kMaxId = 256;

// No tenant's name has a slash.
std::string UnknownKey(const std::string& tenant, const std::string& id) {
  return absl::StrCat(tenant, "/", id);
}

}  // namespace

void UnknownIds::Add(const std::string& tenant, const std::string& id, MonotonicTime now) {
  if (id.size() > kMaxId) return;
  std::string key = UnknownKey(tenant, id);
  const MonotonicTime until = now + kUnknownFor;
  MutexLock lock(&mu_);
  while (!in_order_.empty() && (in_order_.size() >= kMost || in_order_.front().first <= now)) {
    // It may have been added again since.
    auto found = until_.find(in_order_.front().second);
    if (found != until_.end() && found->second == in_order_.front().first) until_.erase(found);
    in_order_.pop_front();
  }
  until_[key] = until;
  in_order_.emplace_back(until, std::move(key));
}

bool UnknownIds::Has(const std::string& tenant, const std::string& id, MonotonicTime now) {
  MutexLock lock(&mu_);
  auto found = until_.find(UnknownKey(tenant, id));
  return found != until_.end() && now < found->second;
}

}  // namespace warren
