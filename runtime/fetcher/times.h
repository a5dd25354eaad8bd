#ifndef WARREN_RUNTIME_FETCHER_TIMES_H_
#define WARREN_RUNTIME_FETCHER_TIMES_H_

#include <chrono>

// The fetcher's times, on a host of pace 1 (docs/TIMING.md): each of them grows with the pace, but
// for what says otherwise.
namespace warren {

// A client that is connected may be silent so long, and its request's head must be complete so long
// after its first wait.
inline constexpr std::chrono::seconds kClientIdleTime(30);
// A client that takes nothing of an answer is cut.
inline constexpr std::chrono::seconds kClientStallTime(60);
// One that is refused may say its request first, for an answer that it understands.
inline constexpr std::chrono::seconds kRefusedTime(5);
// And then read the answer.
inline constexpr std::chrono::seconds kClientLingerTime(1);

// An index's name is looked up, connected to and has shown its certificate.
inline constexpr std::chrono::seconds kIndexConnectTime(10);
// Without a byte of an index.
inline constexpr std::chrono::seconds kIndexStallTime(30);
// A package's page of one index has come whole, over all tries and all that it leads on to.
inline constexpr std::chrono::seconds kIndexPageTime(60);
// Between two tries to connect.
inline constexpr std::chrono::milliseconds kIndexRetryPause(200);

// The supervisor says what files need: a builder of its own reads them.
inline constexpr std::chrono::seconds kAnswerTime(90);

// Whoever waits for something else looks so often whether its client has gone; at any pace.
inline constexpr std::chrono::milliseconds kClientLook(500);

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_TIMES_H_
