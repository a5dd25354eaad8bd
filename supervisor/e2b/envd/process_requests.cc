#include "supervisor/e2b/envd/process_requests.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {

absl::StatusOr<ProcessRequests::Begun> ProcessRequests::Begin(const std::string& request_id,
                                                              const std::string& fingerprint,
                                                              OnFirst on_first) {
  if (Entry* entry = Find(request_id); entry != nullptr) {
    if (entry->fingerprint != fingerprint) {
      return absl::InvalidArgumentError(
          "request_id is that of an earlier request which asked for something else");
    }
    if (entry->known) {
      on_first(First(entry->first));
    } else {
      entry->waiting.push_back(std::move(on_first));
    }
    return Begun::kFollows;
  }
  if (!MakeRoom()) {
    return absl::ResourceExhaustedError(
        absl::StrCat(kMaxRequests,
                     " processes with a request_id are being started in this sandbox "
                     "already; try again when some have"));
  }
  Entry& entry = entries_.emplace_back();
  entry.request_id = request_id;
  entry.fingerprint = fingerprint;
  by_id_[request_id] = std::prev(entries_.end());
  return Begun::kFirst;
}

void ProcessRequests::Started(const std::string& request_id, uint32_t pid) {
  Entry* entry = Find(request_id);
  if (entry == nullptr) return;
  entry->first.pid = pid;
  Tell(*entry);
}

void ProcessRequests::Failed(const std::string& request_id, const absl::Status& status) {
  auto found = by_id_.find(request_id);
  if (found == by_id_.end()) return;
  Entry entry = std::move(*found->second);
  // Before others are told, who may ask again.
  Erase(found->second);
  entry.first.status = status;
  Tell(entry);
}

void ProcessRequests::Lost(const std::string& request_id, const absl::Status& status) {
  Entry* entry = Find(request_id);
  if (entry == nullptr) return;
  entry->first.status = status;
  Tell(*entry);
}

void ProcessRequests::Exited(const std::string& request_id, const v1::ProcessEvent& event) {
  if (Entry* entry = Find(request_id); entry != nullptr) entry->first.exited = event;
}

ProcessRequests::Entry* ProcessRequests::Find(const std::string& request_id) {
  auto found = by_id_.find(request_id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

void ProcessRequests::Tell(Entry& entry) {
  entry.known = true;
  const First first = entry.first;
  for (OnFirst& each : std::exchange(entry.waiting, {})) each(first);
}

bool ProcessRequests::MakeRoom() {
  if (entries_.size() < kMaxRequests) return true;
  for (auto each = entries_.begin(); each != entries_.end(); ++each) {
    if (!each->known) continue;
    Erase(each);
    return true;
  }
  return false;
}

void ProcessRequests::Erase(Entries::iterator entry) {
  by_id_.erase(entry->request_id);
  entries_.erase(entry);
}

}  // namespace warren
