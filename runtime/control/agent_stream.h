#ifndef WARREN_RUNTIME_CONTROL_AGENT_STREAM_H_
#define WARREN_RUNTIME_CONTROL_AGENT_STREAM_H_

#include <cstddef>
#include <cstdint>

// What both ends of agent.proto hold its streams to.
namespace warren {

// What the writer of a stream may send before the first StreamCredit, and what its reader has to
// take at once.
inline constexpr int64_t kStreamWindow = 512 << 10;
inline constexpr size_t kMaxStreamData = 256 << 10;
// What either side sends at a time: with its head it fits into what the other reads at a time, and
// into the processor's cache on all its way.
inline constexpr size_t kStreamPiece = (64 << 10) - 64;
// Of one frame from the agent: its data, or a file with its attributes.
inline constexpr size_t kMaxAgentEventBytes = kMaxStreamData + (64 << 10);
inline constexpr size_t kMaxAgentPath = 4095;
// At once.
inline constexpr size_t kMaxAgentStreams = 32;

}  // namespace warren

#endif  // WARREN_RUNTIME_CONTROL_AGENT_STREAM_H_
