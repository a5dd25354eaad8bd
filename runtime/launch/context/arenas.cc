#include "runtime/launch/context/arenas.h"

#include <stdint.h>
#include <sys/mman.h>

#include "runtime/launch/context/huge_pages.h"

namespace warren {
namespace {

constexpr size_t kArena = 1u << 20;
constexpr size_t kArenasInChunk = 64;
constexpr size_t kChunk = kArenasInChunk * kArena;

// One mapping; bit N of `used` is its Nth arena.
struct Chunk {
  uintptr_t begin;
  uint64_t used;
};
// 4 GiB. What does not fit gets mappings of its own.
constexpr size_t kMaxChunks = 64;
Chunk chunks[kMaxChunks];
size_t chunk_count = 0;

void* Map(size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

bool AddChunk() {
  if (chunk_count == kMaxChunks) return false;
  void* memory = Map(kChunk + kHugePage);
  if (memory == nullptr) return false;
  uintptr_t mapped = reinterpret_cast<uintptr_t>(memory);
  uintptr_t begin = (mapped + kHugePage - 1) / kHugePage * kHugePage;
  if (begin > mapped) ::munmap(memory, begin - mapped);
  ::munmap(reinterpret_cast<void*>(begin + kChunk), mapped + kHugePage - begin);
  chunks[chunk_count++] = {begin, 0};
  return true;
}

void* Allocate(void*, size_t size) {
  if (size != kArena) return Map(size);
  for (size_t i = 0; i < chunk_count || AddChunk(); ++i) {
    Chunk& chunk = chunks[i];
    if (chunk.used == UINT64_MAX) continue;
    int free = __builtin_ctzll(~chunk.used);
    chunk.used |= uint64_t{1} << free;
    return reinterpret_cast<void*>(chunk.begin + free * kArena);
  }
  return Map(size);
}

void Release(void*, void* arena, size_t size) {
  uintptr_t address = reinterpret_cast<uintptr_t>(arena);
  for (size_t i = 0; i < chunk_count; ++i) {
    Chunk& chunk = chunks[i];
    if (address < chunk.begin || address >= chunk.begin + kChunk) continue;
    ::madvise(arena, size, MADV_DONTNEED);
    chunk.used &= ~(uint64_t{1} << ((address - chunk.begin) / kArena));
    return;
  }
  ::munmap(arena, size);
}

}  // namespace

ArenaAllocator CompactArenas() { return {nullptr, Allocate, Release}; }

}  // namespace warren
