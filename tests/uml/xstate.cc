// libuml-xstate.so: preloaded into the kernel of tools/uml-test, so that it runs on processors with
// AMX.
//
// Linux 6.1 as User Mode Linux keeps a process's extended registers (XSAVE's) in a buffer of fixed
// size, which ends before AMX's. The host takes them back whole or not at all (EFAULT,
// xstateregs_set() in arch/x86/kernel/fpu/regset.c), and the guest panics at its first process:
// "ptrace set fp regs failed, errno = 14". Later kernels ask the host for the size ("um: switch to
// regset API and depend on XSTATE"). For this one, a buffer that is too short is handed on with
// zeros for the rest, which is its initial state. No guest uses AMX: a process needs the host's
// arch_prctl(ARCH_REQ_XCOMP_PERM) for it, and the guest's kernel has no such call.

#include <dlfcn.h>
#include <elf.h>
#include <linux/ptrace.h>  // <sys/ptrace.h> declares ptrace() with other types
#include <sys/types.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace {

using Ptrace = long(int request, pid_t pid, void* address, void* data);

auto* const g_next = reinterpret_cast<Ptrace*>(dlsym(RTLD_NEXT, "ptrace"));

// Some 11 KiB with AMX. The kernel has one thread that traces.
alignas(64) char g_registers[64 * 1024];

// What the host takes, in bytes; 0 before it was asked.
size_t g_size = 0;

bool LearnSize(pid_t pid, void* note) {
  iovec all = {g_registers, sizeof(g_registers)};
  if (g_next(PTRACE_GETREGSET, pid, note, &all) < 0) return false;
  if (all.iov_len == sizeof(g_registers)) {
    errno = E2BIG;
    return false;
  }
  g_size = all.iov_len;
  memset(g_registers, 0, sizeof(g_registers));
  return true;
}

}  // namespace

// Takes the place of libc's, to which it hands on all but short extended registers.
extern "C" long ptrace(int request, pid_t pid, void* address, void* data) {
  if (request != PTRACE_SETREGSET || reinterpret_cast<uintptr_t>(address) != NT_X86_XSTATE) {
    return g_next(request, pid, address, data);
  }
  if (g_size == 0 && !LearnSize(pid, address)) return -1;
  const auto* given = static_cast<const iovec*>(data);
  if (given->iov_len >= g_size) return g_next(request, pid, address, data);
  memcpy(g_registers, given->iov_base, given->iov_len);
  iovec whole = {g_registers, g_size};
  return g_next(request, pid, address, &whole);
}
