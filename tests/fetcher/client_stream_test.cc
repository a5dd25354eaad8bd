#include "runtime/fetcher/client_stream.h"

#include <sys/socket.h>

#include <boost/asio/error.hpp>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"

namespace warren {
namespace {

using std::chrono::milliseconds;

class ClientStreamTest : public ::testing::Test {
 protected:
  ClientStreamTest() {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ours_.reset(pair[0]);
    theirs_.reset(pair[1]);
  }
  std::string Read(ClientStream& stream, size_t size) {
    std::string data(size, '\0');
    data.resize(stream.read_some(boost::asio::buffer(data), error_));
    return data;
  }

  UniqueFd ours_;
  UniqueFd theirs_;
  ClientStream::ErrorCode error_;
};

TEST_F(ClientStreamTest, ASilentClientIsNotWaitedForForEver) {
  ClientStream stream(ours_.get(), milliseconds(1));
  stream.ReadWithin(milliseconds(1));
  EXPECT_EQ(Read(stream, 1), "");
  EXPECT_EQ(error_, boost::asio::error::timed_out);
  // What is there already is read all the same.
  ASSERT_EQ(::send(theirs_.get(), "ab", 2, 0), 2);
  EXPECT_EQ(Read(stream, 10), "ab");
  EXPECT_FALSE(error_);
  theirs_.reset();
  EXPECT_EQ(Read(stream, 10), "");
  EXPECT_EQ(error_, boost::asio::error::eof);
}

TEST_F(ClientStreamTest, NeitherIsOneThatTakesNothing) {
  ClientStream stream(ours_.get(), milliseconds(1));
  const std::string much(1 << 20, 'x');
  for (int i = 0; i < 1000 && !error_; ++i) stream.write_some(boost::asio::buffer(much), error_);
  EXPECT_EQ(error_, boost::asio::error::timed_out);
}

TEST_F(ClientStreamTest, PartsAreWrittenTogether) {
  ClientStream stream(ours_.get(), milliseconds(1));
  std::vector<boost::asio::const_buffer> parts;
  const std::string part = "ab";
  for (int i = 0; i < 100; ++i) parts.push_back(boost::asio::buffer(part));
  const size_t written = stream.write_some(parts, error_);
  EXPECT_FALSE(error_);
  EXPECT_GT(written, part.size());
  std::string got(1000, '\0');
  EXPECT_EQ(::recv(theirs_.get(), got.data(), got.size(), 0), static_cast<ssize_t>(written));
  EXPECT_EQ(stream.write_some(std::vector<boost::asio::const_buffer>(), error_), 0u);
  EXPECT_FALSE(error_);
}

TEST_F(ClientStreamTest, OneThatHasGoneIsAnError) {
  ClientStream stream(ours_.get(), milliseconds(1));
  // What it has said before it went does not hide it.
  ASSERT_EQ(::send(theirs_.get(), "ab", 2, 0), 2);
  EXPECT_FALSE(stream.IsGone());
  theirs_.reset();
  EXPECT_TRUE(stream.IsGone());
  EXPECT_EQ(stream.write_some(boost::asio::buffer("x", 1), error_), 0u);
  EXPECT_EQ(error_, boost::asio::error::broken_pipe);
}

}  // namespace
}  // namespace warren
