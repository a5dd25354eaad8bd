#include "runtime/linux/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace warren {
namespace {

TEST(SealedMemfdTest, HoldsItsContentForGood) {
  std::string content(100'000, 'w');
  auto fd = SealedMemfd("test", content);
  ASSERT_TRUE(fd.ok()) << fd.status();
  std::string read(content.size() + 1, '\0');
  EXPECT_EQ(::pread(fd->get(), read.data(), read.size(), 0), static_cast<ssize_t>(content.size()));
  read.pop_back();
  EXPECT_EQ(read, content);

  EXPECT_EQ(::pwrite(fd->get(), "x", 1, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(fd->get(), 1), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(fd->get(), 200'000), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), 0), MAP_FAILED);
  EXPECT_EQ(errno, EPERM);
  // No seal can be taken off, and none added that would get in the kernel's way.
  EXPECT_EQ(::fcntl(fd->get(), F_ADD_SEALS, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(SealedMemfdTest, MayBeEmpty) {
  auto fd = SealedMemfd("test", "");
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_EQ(::lseek(fd->get(), 0, SEEK_END), 0);
}

}  // namespace
}  // namespace warren
