"""libwarren-context.so: the confinement of a context, written in C++.

Arguments are made before they are needed, so that the time between fork and join is the kernel's.
"""

import ctypes
import os


class NativeError(RuntimeError):
    """A stage of the confinement failed: stage (text), errno."""

    def __init__(self, stage, error_number):
        super().__init__(f"{stage}: {os.strerror(error_number)} (errno {error_number})")
        self.stage = stage
        self.errno = error_number


class ContextLibrary:
    MAX_FDS = 64

    def __init__(self, path):
        library = ctypes.CDLL(path)
        self._prepare = library.warren_zygote_prepare
        self._prepare.argtypes = (ctypes.c_int,)
        self._enter = library.warren_zygote_enter_pid_namespace
        self._enter.argtypes = (ctypes.c_int,)
        self._compact_arenas = library.warren_zygote_compact_arenas
        self._collapse_heap = library.warren_zygote_collapse_heap
        self._fill_heap_holes = library.warren_zygote_fill_heap_holes
        self._fill_heap_holes.restype = ctypes.c_size_t
        self._join = library.warren_context_join
        self._join.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t)
        self._stage_name = library.warren_context_stage_name
        self._stage_name.argtypes = (ctypes.c_int,)
        self._stage_name.restype = ctypes.c_char_p
        self._fds = (ctypes.c_int * self.MAX_FDS)()
        self._fds_address = ctypes.addressof(self._fds)

    def prepare(self, policies_fd):
        """Maps the compiled policies and closes their fd. Raises NativeError."""
        if error := self._prepare(policies_fd):
            raise NativeError("prepare", error)

    def compact_arenas(self):
        """Has Python's arenas side by side from here on, where huge pages can hold them."""
        # struct PyObjectArenaAllocator: three pointers.
        allocator = (ctypes.c_void_p * 3)()
        self._compact_arenas(allocator)
        ctypes.pythonapi.PyObject_SetArenaAllocator(allocator)

    def collapse_heap(self):
        """Puts the heap into huge pages, which a fork copies faster; returns how many."""
        return self._collapse_heap()

    def fill_heap_holes(self):
        """Takes the free pieces of malloc's heap, so that contexts allocate side by side; returns
        the bytes taken."""
        return self._fill_heap_holes()

    def enter_pid_namespace(self, init_pidfd):
        """Children forked from here on live in the sandbox of this init. Raises NativeError."""
        if error := self._enter(init_pidfd):
            raise NativeError("enter pid namespace", error)

    def join(self, request, fds):
        """In the child: confines it for good and puts fds 0 to 4 in place. Raises NativeError."""
        self._fds[: len(fds)] = fds
        if code := self._join(request, len(request), self._fds_address, len(fds)):
            stage = self._stage_name(code >> 16)
            raise NativeError(stage.decode() if stage else f"stage {code >> 16}", code & 0xFFFF)
