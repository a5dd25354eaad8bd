#ifndef WARREN_RUNTIME_LAUNCH_CONTEXT_ARENAS_H_
#define WARREN_RUNTIME_LAUNCH_CONTEXT_ARENAS_H_

#include <stddef.h>

namespace warren {

// CPython's PyObjectArenaAllocator: where its small objects' arenas, of 1 MiB, come from.
struct ArenaAllocator {
  void* context;
  void* (*allocate)(void* context, size_t size);
  void (*release)(void* context, void* arena, size_t size);
};

// Puts arenas side by side, aligned for huge pages, instead of each where the kernel finds room
// between the libraries: CollapseHeap can do nothing for those. Arenas that CPython made before are
// given back to the kernel when they are released.
ArenaAllocator CompactArenas();

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_CONTEXT_ARENAS_H_
