#include "runtime/agent/directory_reader.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

namespace warren {

int DirectoryReader::Read(absl::FunctionRef<Next(const char*, unsigned char)> on_name) {
  alignas(dirent64) char buffer[4096];
  if (::lseek(fd_.get(), position_, SEEK_SET) < 0) return -1;
  const long size = ::syscall(SYS_getdents64, fd_.get(), buffer, sizeof(buffer));
  if (size <= 0) return static_cast<int>(size);
  for (long at = 0; at < size;) {
    const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
    at += entry->d_reclen;
    const bool special =
        std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0;
    const Next next = special ? Next::kContinue : on_name(entry->d_name, entry->d_type);
    if (next == Next::kAgain) return 1;
    position_ = entry->d_off;
    if (next == Next::kStop) return 1;
  }
  return 1;
}

}  // namespace warren
