#ifndef WARREN_SUPERVISOR_LOCAL_LEASE_PROTO_H_
#define WARREN_SUPERVISOR_LOCAL_LEASE_PROTO_H_

#include "supervisor/session/sandbox_table.h"
#include "warren/v1/sandbox.pb.h"

// Sandboxes as the contract's messages. Thread-safe.
namespace warren {

enum class MemoryReading { kNone, kCurrent };
warren::v1::Sandbox ToProto(const Lease& lease, MemoryReading memory);

warren::v1::Usage LifetimeUsage(const Lease& lease, const SandboxTotals& totals);

warren::v1::Context ToProto(const std::string& sandbox_id, const Context& context);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_LEASE_PROTO_H_
