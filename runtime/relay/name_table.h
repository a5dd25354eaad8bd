#ifndef WARREN_RUNTIME_RELAY_NAME_TABLE_H_
#define WARREN_RUNTIME_RELAY_NAME_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace warren {

// The names that a sandbox has asked for. Each has an address of 198.18.0.0/15 of its own, for the
// sandbox's life: the address that a program connects to is the name that it asked for.
//
// Bounded in number and bytes, for what is in it is there for life. Thread-compatible.
class NameTable {
 public:
  static constexpr size_t kMaxNames = 1024;
  static constexpr size_t kMaxNameBytes = 64 << 10;

  // The name's index; a new one where it has none. Nothing when the table is full.
  struct Place {
    uint32_t index;
    bool is_new;
  };
  std::optional<Place> Assign(absl::string_view name);
  // One that an earlier relay has assigned. INVALID_ARGUMENT: it or its index is taken, or
  // the table is full.
  absl::Status Restore(absl::string_view name, uint32_t index);
  // One that nobody was told of. Its index is nobody's from then on.
  void Withdraw(uint32_t index);
  // Null when no name has it.
  const std::string* Find(uint32_t index) const;

  // Host byte order. Whether it is of the block that names have.
  static bool IsName(uint32_t ipv4) { return (ipv4 & kMask) == kBlock; }
  static uint32_t AddressOf(uint32_t index) { return kBlock | index; }
  static uint32_t IndexOf(uint32_t ipv4) { return ipv4 & ~kMask; }

 private:
  // 198.18.0.0/15: for benchmarks of network devices (RFC 2544), so nobody's in the internet.
  static constexpr uint32_t kBlock = 198u << 24 | 18u << 16;
  static constexpr uint32_t kMask = 0xfffe0000;
  static constexpr uint32_t kLastIndex = ~kMask;

  bool HasRoomFor(absl::string_view name) const;

  absl::flat_hash_map<std::string, uint32_t> indices_;
  absl::flat_hash_map<uint32_t, std::string> names_;
  size_t bytes_ = 0;
  // 198.18.0.0 itself is given to none.
  uint32_t next_ = 1;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_NAME_TABLE_H_
