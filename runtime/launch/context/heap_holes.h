#ifndef WARREN_RUNTIME_LAUNCH_CONTEXT_HEAP_HOLES_H_
#define WARREN_RUNTIME_LAUNCH_CONTEXT_HEAP_HOLES_H_

#include <stddef.h>

namespace warren {

// Takes the free pieces of malloc's heap, and never gives them back, so that what is allocated
// after the fork lies side by side at the heap's end instead of in holes all over it, each in a
// page that had to be copied. Costs no memory: the holes' pages are there anyway. Before the first
// fork, with one thread. Returns the bytes taken.
size_t FillHeapHoles();

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_CONTEXT_HEAP_HOLES_H_
