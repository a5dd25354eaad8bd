#ifndef WARREN_TESTS_POLICY_SERVICE_STEPS_H_
#define WARREN_TESTS_POLICY_SERVICE_STEPS_H_

// What the relay, the fetcher and the store do alike once they are confined. Each is false when
// something did not work; Step has said what.
namespace warren::testing {

// Each makes a socket as they make theirs, and closes it.
bool Dials();
bool DialsIpv6();
bool AsksForNames();
bool AsksForNamesIpv6();

// Sets an option that is an int.
bool SetsOption(int fd, int level, int option, int value);

bool MakesNonBlocking(int fd);

// The next end of the connection is a reset.
bool PreparesReset(int fd);

bool AllocatesMemory();

// A thread begins and ends.
bool StartsAThread();

// As the C library does where the vDSO has no clock.
bool AsksTheKernelForTheTime();

bool EndsWithItsLauncher();

}  // namespace warren::testing

#endif  // WARREN_TESTS_POLICY_SERVICE_STEPS_H_
