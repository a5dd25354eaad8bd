#include "runtime/launch/context/heap_holes.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

namespace warren {
namespace {

constexpr size_t kLargest = 1 << 20;
// Below, malloc keeps free pieces sorted by their exact size, in steps of kStep.
constexpr size_t kExact = 1024;
constexpr size_t kStep = 16;
// What malloc's smallest piece holds.
constexpr size_t kSmallest = 24;

size_t Smaller(size_t size) { return size > kExact ? size / 4 * 3 : size - kStep; }

}  // namespace

size_t FillHeapHoles() {
  // What malloc has never handed out begins here; past it, pieces are new and not holes.
  uintptr_t top = reinterpret_cast<uintptr_t>(::sbrk(0)) - ::mallinfo2().keepcost;
  size_t taken = 0;
  // The large ones first: what is left of them are holes for the smaller sizes.
  for (size_t size = kLargest; size >= kSmallest; size = Smaller(size)) {
    while (true) {
      void* piece = ::malloc(size);
      if (piece == nullptr) break;
      if (reinterpret_cast<uintptr_t>(piece) >= top) {
        ::free(piece);
        break;
      }
      taken += ::malloc_usable_size(piece);
    }
  }
  return taken;
}

}  // namespace warren
