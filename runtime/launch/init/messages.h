#ifndef WARREN_RUNTIME_LAUNCH_INIT_MESSAGES_H_
#define WARREN_RUNTIME_LAUNCH_INIT_MESSAGES_H_

#include <sys/types.h>

#include <cstddef>

// Messages with descriptors for the static programs: no allocation, no exceptions.
namespace warren::child {

// Sends one message; false when the peer is gone.
bool SendWithFds(int socket, const void* data, size_t size, const int* fds, size_t fd_count);

// Receives one message of at most `size` bytes and `*fd_count` descriptors (close-on-exec; the
// number goes into
// `*fd_count`). Returns its length, 0 when the peer closed, -1 on an error or when something was
// cut off.
ssize_t ReceiveWithFds(int socket, void* data, size_t size, int* fds, size_t* fd_count);

}  // namespace warren::child

#endif  // WARREN_RUNTIME_LAUNCH_INIT_MESSAGES_H_
