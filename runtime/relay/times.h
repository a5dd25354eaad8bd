#ifndef WARREN_RUNTIME_RELAY_TIMES_H_
#define WARREN_RUNTIME_RELAY_TIMES_H_

#include <chrono>

// The relay's times, on a host of pace 1 (docs/TIMING.md): each of them grows with the pace, but
// for what says otherwise.
namespace warren {

// Each address of a name has so long to answer.
inline constexpr std::chrono::milliseconds kDialTime(5000);
// What a connection says of itself (TLS hello, HTTP head) must be complete so long after its start.
inline constexpr std::chrono::milliseconds kHeadTime(10000);
// A denied client may say something first, for an answer that it understands.
inline constexpr std::chrono::milliseconds kFirstWordTime(50);
// And then read the answer.
inline constexpr std::chrono::milliseconds kLingerTime(1000);
// Without a byte in either direction: a connection, and one that has ended in one direction.
inline constexpr std::chrono::hours kIdleTime(1);
inline constexpr std::chrono::minutes kHalfOpenTime(2);
// Of a sandbox's connection that asks for names over TCP.
inline constexpr std::chrono::seconds kNameStreamTime(10);
// Between two tries to tell the fetcher what is to be cut; at any pace.
inline constexpr std::chrono::milliseconds kCutRetryPause(100);

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_TIMES_H_
