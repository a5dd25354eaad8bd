#ifndef WARREN_RUNTIME_POLICY_POLICY_BLOB_H_
#define WARREN_RUNTIME_POLICY_POLICY_BLOB_H_

/*
 * A compiled seccomp policy as flat bytes, for code that runs between fork and exec (or between
 * fork and user code): plain C, no allocation, no libc beyond syscall(2). C and C++ include it
 * alike.
 *
 * Written by SerializePolicy (seccomp_policy.h), usually into a memfd that the child maps
 * read-only. All integers are in the host's byte order; everything is 8-byte aligned:
 *
 *   struct warren_policy_blob_header
 *   count times: struct warren_policy_blob_filter, then `length` struct sock_filter
 *
 * Lifecycle: warren_policy_blob_open -> warren_policy_blob_next until it returns 0. Or
 * warren_policy_blob_install. The blob must stay mapped and unchanged until the last call returns.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WARREN_POLICY_BLOB_MAGIC 0x50534e57u /* "WNSP" in memory on a little-endian host */
#define WARREN_POLICY_BLOB_VERSION 1u
/* More filters than any policy stacks; a larger count means a damaged blob. */
#define WARREN_POLICY_BLOB_MAX_FILTERS 8u

struct warren_policy_blob_header {
  uint32_t magic;
  uint16_t version;
  uint16_t count;
  uint64_t size; /* of the whole blob, this header included */
};

struct warren_policy_blob_filter {
  uint32_t length; /* instructions, 1 to BPF_MAXINSNS */
  uint32_t reserved;
};

struct warren_policy_blob_cursor {
  const unsigned char* data;
  size_t size;
  size_t offset;
  unsigned remaining;
};

/* Starts a walk. Returns 0, or -1 with errno EINVAL when `data` is no policy blob of exactly `size`
 * bytes. */
static inline int warren_policy_blob_open(struct warren_policy_blob_cursor* cursor,
                                          const void* data, size_t size) {
  struct warren_policy_blob_header header;
  if (data == NULL || size < sizeof(header) || (uintptr_t)data % 8 != 0) {
    errno = EINVAL;
    return -1;
  }
  memcpy(&header, data, sizeof(header));
  if (header.magic != WARREN_POLICY_BLOB_MAGIC || header.version != WARREN_POLICY_BLOB_VERSION ||
      header.size != size || header.count == 0 || header.count > WARREN_POLICY_BLOB_MAX_FILTERS) {
    errno = EINVAL;
    return -1;
  }
  cursor->data = (const unsigned char*)data;
  cursor->size = size;
  cursor->offset = sizeof(header);
  cursor->remaining = header.count;
  return 0;
}

/*
 * Points `program` at the next filter, inside the blob. Returns 1, or 0 after the last one, or -1
 * with errno EINVAL when the blob ends too early or goes on after its last filter.
 */
static inline int warren_policy_blob_next(struct warren_policy_blob_cursor* cursor,
                                          struct sock_fprog* program) {
  struct warren_policy_blob_filter filter;
  size_t left = cursor->size - cursor->offset;
  if (cursor->remaining == 0) {
    if (left == 0) return 0;
    errno = EINVAL;
    return -1;
  }
  if (left < sizeof(filter)) {
    errno = EINVAL;
    return -1;
  }
  memcpy(&filter, cursor->data + cursor->offset, sizeof(filter));
  left -= sizeof(filter);
  if (filter.length == 0 || filter.length > BPF_MAXINSNS ||
      filter.length > left / sizeof(struct sock_filter)) {
    errno = EINVAL;
    return -1;
  }
  program->len = (unsigned short)filter.length;
  /* The kernel's interface is not const-correct; it only reads. */
  program->filter =
      (struct sock_filter*)(uintptr_t)(cursor->data + cursor->offset + sizeof(filter));
  cursor->offset += sizeof(filter) + filter.length * sizeof(struct sock_filter);
  cursor->remaining--;
  return 1;
}

/*
 * Installs every filter on the calling thread, in order. Returns 0, or -1 with errno. The blob is
 * walked to its end before the first filter goes in, so that a damaged one changes nothing. Needs
 * no_new_privs. The order matters: all but the last filter still let seccomp(2) through, the last
 * one takes it away.
 */
static inline int warren_policy_blob_install(const void* data, size_t size) {
  struct warren_policy_blob_cursor cursor;
  struct sock_fprog program;
  int more;
  if (warren_policy_blob_open(&cursor, data, size) != 0) return -1;
  while ((more = warren_policy_blob_next(&cursor, &program)) == 1) {
  }
  if (more != 0 || warren_policy_blob_open(&cursor, data, size) != 0) return -1;
  while (warren_policy_blob_next(&cursor, &program) == 1) {
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return -1;
  }
  return 0;
}

#endif /* WARREN_RUNTIME_POLICY_POLICY_BLOB_H_ */
