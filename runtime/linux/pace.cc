#include "runtime/linux/pace.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace warren {
namespace {

constexpr size_t kPages = 512;
constexpr int kMinRounds = 3;
constexpr int kMaxBatches = 3;
constexpr double kUnremarkable = 2;
// Long enough that a processor shared with another process shows.
constexpr absl::Duration kMinTime = absl::Milliseconds(20);

void TouchPages(char* memory, size_t page_size) {
  for (size_t i = 0; i < kPages; ++i) static_cast<volatile char*>(memory)[i * page_size] = 1;
}

// False when no process can be forked.
bool ForkTouchAndEnd(char* memory, size_t page_size) {
  pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    TouchPages(memory, page_size);
    ::_exit(0);
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return true;
}

// A mean over some time; zero when no process can be forked.
absl::Duration MeasureFork(char* memory, size_t page_size) {
  const absl::Time begin = absl::Now();
  int rounds = 0;
  while (rounds < kMinRounds || absl::Now() - begin < kMinTime) {
    if (!ForkTouchAndEnd(memory, page_size)) return absl::ZeroDuration();
    ++rounds;
  }
  return (absl::Now() - begin) / rounds;
}

// Also of what is no number.
double ClampFactor(double factor) { return factor >= 1 ? std::min(factor, kMaxPace) : 1; }

double StatedOrMeasured() {
  const char* stated = std::getenv("WARREN_PACE");
  double factor = 0;
  if (stated != nullptr && absl::SimpleAtod(stated, &factor)) return ClampFactor(factor);
  return MeasurePace().factor;
}

}  // namespace

PaceSample MeasurePace() {
  PaceSample sample;
  const auto page_size = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* memory = ::mmap(nullptr, kPages * page_size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return sample;
  // One huge page would be one fault.
  ::madvise(memory, kPages * page_size, MADV_NOHUGEPAGE);
  TouchPages(static_cast<char*>(memory), page_size);
  // What is slow is so each time; a moment in which the machine did something else is not.
  for (int batch = 0; batch < kMaxBatches; ++batch) {
    absl::Duration fork = MeasureFork(static_cast<char*>(memory), page_size);
    if (fork == absl::ZeroDuration()) break;
    sample.fork = batch == 0 ? fork : std::min(sample.fork, fork);
    sample.factor = ClampFactor(absl::FDivDuration(sample.fork, kReferenceFork));
    if (sample.factor < kUnremarkable) break;
  }
  ::munmap(memory, kPages * page_size);
  return sample;
}

double Pace() {
  static const double factor = StatedOrMeasured();
  return factor;
}

absl::Duration AtThisPace(absl::Duration bound) { return bound * Pace(); }

std::string DescribePace(const PaceSample& sample) {
  return absl::StrFormat(
      "pace %.1f: a fork whose child writes to %d pages takes %.1f ms (%.1f ms on the reference "
      "machine)",
      sample.factor, kPages, absl::ToDoubleMilliseconds(sample.fork),
      absl::ToDoubleMilliseconds(kReferenceFork));
}

}  // namespace warren
