#include "runtime/launch/context/huge_pages.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

// Linux 6.1; later than Debian 12's headers.
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace warren {
namespace {

// A line of /proc/self/maps that is private, writable, anonymous memory: the heap and what malloc
// and Python map.
bool IsHeap(const char* line, uintptr_t* begin, uintptr_t* end) {
  char permissions[5];
  unsigned long inode;
  char name[64] = "";
  int fields =
      ::sscanf(line, "%lx-%lx %4s %*s %*s %lu %63s", begin, end, permissions, &inode, name);
  if (fields < 4 || ::strcmp(permissions, "rw-p") != 0 || inode != 0) return false;
  return name[0] == '\0' || ::strcmp(name, "[heap]") == 0 || ::strncmp(name, "[anon", 5) == 0;
}

}  // namespace

int CollapseHeap() {
  FILE* maps = ::fopen("/proc/self/maps", "re");
  if (maps == nullptr) return 0;
  int collapsed = 0;
  char line[512];
  while (::fgets(line, sizeof(line), maps) != nullptr) {
    uintptr_t begin;
    uintptr_t end;
    if (!IsHeap(line, &begin, &end)) continue;
    begin = (begin + kHugePage - 1) / kHugePage * kHugePage;
    // One at a time: a range with a page that cannot be collapsed fails as a whole.
    for (; begin + kHugePage <= end; begin += kHugePage) {
      if (::madvise(reinterpret_cast<void*>(begin), kHugePage, MADV_COLLAPSE) == 0) ++collapsed;
    }
  }
  ::fclose(maps);
  return collapsed;
}

}  // namespace warren
