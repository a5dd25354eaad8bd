#include "supervisor/session/network_names.h"

#include <string>
#include <utility>

namespace warren {

absl::Status NetworkNames::Add(internal::NameAssigned assigned) {
  if (assigned_.size() >= kMaxNames || name_bytes_ + assigned.name().size() > kMaxNameBytes)
    return absl::InvalidArgumentError("the relay gave a sandbox more names than it may");
  if (names_.contains(assigned.name()))
    return absl::InvalidArgumentError("the relay gave a name twice");
  if (!indices_.insert(assigned.index()).second)
    return absl::InvalidArgumentError("the relay gave an address to two names");
  names_.insert(assigned.name());
  name_bytes_ += assigned.name().size();
  assigned_.push_back(std::move(assigned));
  return absl::OkStatus();
}

std::vector<internal::RestoreNames> NetworkNames::Restore() const {
  // Beside its text, a name takes its tags, lengths and index.
  constexpr size_t kEachBytes = 16;
  std::vector<internal::RestoreNames> messages;
  size_t room = 0;
  for (const internal::NameAssigned& assigned : assigned_) {
    const size_t bytes = assigned.name().size() + kEachBytes;
    if (bytes > room) {
      messages.emplace_back();
      room = kMaxRestoreBytes;
    }
    room -= bytes;
    *messages.back().add_names() = assigned;
  }
  return messages;
}

void NetworkNames::Clear() { *this = NetworkNames(); }

}  // namespace warren
