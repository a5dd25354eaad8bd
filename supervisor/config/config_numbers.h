#ifndef WARREN_SUPERVISOR_CONFIG_CONFIG_NUMBERS_H_
#define WARREN_SUPERVISOR_CONFIG_CONFIG_NUMBERS_H_

#include <google/protobuf/message.h>

#include <cstdint>
#include <limits>
#include <span>

#include "supervisor/config/config_section.h"
#include "warren/config/backends.pb.h"

// Bounds and defaults of the numbers in a file of backends, as proto/warren/config/backends.proto
// tells them.
namespace warren {

struct NumberRange {
  // Its number; of type int32 or int64.
  int field;
  int64_t least;
  int64_t most;
  // Where the file has none; kRequired where it must have one.
  int64_t otherwise;
};
inline constexpr int64_t kRequired = std::numeric_limits<int64_t>::min();

// Two thousand years: so much less than what 64 bits can count that no sum of it overflows.
inline constexpr int64_t kMostBudgetMinutes = 1'000'000'000;

inline constexpr NumberRange kCircuitNumbers[] = {
    {config::Circuit::kFailuresFieldNumber, 1, 100, 3},
    {config::Circuit::kRetryMsFieldNumber, 100, 60'000, 2'000},
    {config::Circuit::kProbeMsFieldNumber, 500, 600'000, 5'000},
    {config::Circuit::kProbeTimeoutMsFieldNumber, 100, 10'000, 500}};
inline constexpr NumberRange kRemoteNumbers[] = {
    {config::RemoteBackend::kChannelsFieldNumber, 1, 16, 2}};
inline constexpr NumberRange kE2bNumbers[] = {
    {config::E2bBackend::kCallConnectionsFieldNumber, 1, 1000, 10},
    {config::E2bBackend::kCellConnectionsFieldNumber, 1, 1000, 100},
    {config::E2bBackend::kStreamConnectionsFieldNumber, 1, 1000, 1000}};
inline constexpr NumberRange kWarmNumbers[] = {
    {config::WarmSandboxes::kReadyFieldNumber, 0, 64, 0}};
inline constexpr NumberRange kBudgetNumbers[] = {
    {config::Budget::kSandboxMinutesFieldNumber, 1, kMostBudgetMinutes, kRequired},
    {config::Budget::kWarnPercentFieldNumber, 1, 100, 80}};

// Complains of each that is out of its range, or missing.
void CheckNumbers(const google::protobuf::Message& message, const ConfigSection& section,
                  std::span<const NumberRange> ranges);

// Puts the default in where the message has none.
void FillNumbers(google::protobuf::Message& message, std::span<const NumberRange> ranges);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_CONFIG_NUMBERS_H_
