#ifndef WARREN_SUPERVISOR_BASE_STATUS_MARK_H_
#define WARREN_SUPERVISOR_BASE_STATUS_MARK_H_

namespace warren {

// Trailing metadata beside every status that a Warren's gRPC door gives and that is not OK. What
// comes without it was said by gRPC or something between: its text may name addresses, and it says
// nothing of what the server did.
inline constexpr char kStatusMark[] = "warren-status";
inline constexpr char kStatusMarkValue[] = "1";

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BASE_STATUS_MARK_H_
