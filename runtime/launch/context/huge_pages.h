#ifndef WARREN_RUNTIME_LAUNCH_CONTEXT_HUGE_PAGES_H_
#define WARREN_RUNTIME_LAUNCH_CONTEXT_HUGE_PAGES_H_

#include <stdint.h>

namespace warren {

constexpr uintptr_t kHugePage = 2u << 20;

// Puts the calling process's heap into huge pages where whole ones fit, so that a fork copies one
// entry instead of 512; a context that writes to one gets back small pages and copies only those
// that it writes. Measured with the data-science template: fork and ready 6.9 → 3.0 ms, fork and
// reaped 13.6 → 5.4 ms, the same memory a context. Before the first fork. Returns how many huge
// pages there are; 0 where the kernel cannot (before Linux 6.1).
int CollapseHeap();

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_CONTEXT_HUGE_PAGES_H_
