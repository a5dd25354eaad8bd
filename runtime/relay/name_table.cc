#include "runtime/relay/name_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace warren {

bool NameTable::HasRoomFor(absl::string_view name) const {
  return indices_.size() < kMaxNames && bytes_ + name.size() <= kMaxNameBytes;
}

std::optional<NameTable::Place> NameTable::Assign(absl::string_view name) {
  auto known = indices_.find(name);
  if (known != indices_.end()) return Place{known->second, false};
  if (!HasRoomFor(name) || next_ > kLastIndex) return std::nullopt;
  const uint32_t index = next_++;
  bytes_ += name.size();
  indices_.emplace(name, index);
  names_.emplace(index, name);
  return Place{index, true};
}

absl::Status NameTable::Restore(absl::string_view name, uint32_t index) {
  if (index == 0 || index > kLastIndex || !HasRoomFor(name) || indices_.contains(name) ||
      names_.contains(index)) {
    return absl::InvalidArgumentError(absl::StrCat("a name cannot be restored at ", index));
  }
  bytes_ += name.size();
  indices_.emplace(name, index);
  names_.emplace(index, name);
  next_ = std::max(next_, index + 1);
  return absl::OkStatus();
}

void NameTable::Withdraw(uint32_t index) {
  auto found = names_.find(index);
  if (found == names_.end()) return;
  bytes_ -= found->second.size();
  indices_.erase(found->second);
  names_.erase(found);
}

const std::string* NameTable::Find(uint32_t index) const {
  auto found = names_.find(index);
  return found == names_.end() ? nullptr : &found->second;
}

}  // namespace warren
