#include "runtime/sudo/request.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren::sudo {
namespace {

Request Sample() {
  Request request;
  request.uid = 5;
  request.gid = 6;
  request.groups = {6, 7};
  request.umask = 027;
  request.terminals = 3;
  request.directory = "/srv";
  request.file = "ls";
  request.argv = {"ls", "", "-l"};
  request.environment = {"A=1", "B="};
  return request;
}

TEST(RequestTest, ComesAsItWent) {
  const std::optional<std::string> bytes = EncodeRequest(Sample());
  ASSERT_TRUE(bytes);
  EXPECT_EQ(RequestBytes(bytes->substr(0, kRequestHeaderBytes)), bytes->size());
  const std::optional<Request> request = DecodeRequest(*bytes);
  ASSERT_TRUE(request);
  EXPECT_EQ(EncodeRequest(*request), bytes);
  EXPECT_EQ(request->argv, Sample().argv);
  EXPECT_EQ(request->groups, Sample().groups);
  EXPECT_EQ(request->umask, 027u);
}

TEST(RequestTest, WhatIsTooMuchIsNotSent) {
  Request request = Sample();
  request.argv.assign(kMaxStrings + 1, "");
  EXPECT_FALSE(EncodeRequest(request));
  request = Sample();
  request.environment = {std::string(kMaxRequestBytes, 'x')};
  EXPECT_FALSE(EncodeRequest(request));
  request = Sample();
  request.groups.assign(kMaxGroups + 1, 1);
  EXPECT_FALSE(EncodeRequest(request));
  request = Sample();
  request.file = std::string("a\0b", 3);
  EXPECT_FALSE(EncodeRequest(request));
}

TEST(RequestTest, EveryPartIsNeededAndNoMore) {
  const std::string bytes = *EncodeRequest(Sample());
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string cut = bytes.substr(0, size);
    EXPECT_FALSE(DecodeRequest(cut)) << size;
    // Also where the header agrees.
    if (size < kRequestHeaderBytes) continue;
    const uint32_t length = static_cast<uint32_t>(size);
    cut.replace(8, sizeof(length), reinterpret_cast<const char*>(&length), sizeof(length));
    EXPECT_FALSE(DecodeRequest(cut)) << size;
  }
  EXPECT_FALSE(DecodeRequest(bytes + "x"));
  Request request = Sample();
  request.argv.clear();
  EXPECT_FALSE(DecodeRequest(*EncodeRequest(request)));
  request = Sample();
  request.umask = 01000;
  EXPECT_FALSE(DecodeRequest(*EncodeRequest(request)));
  request = Sample();
  request.terminals = 8;
  EXPECT_FALSE(DecodeRequest(*EncodeRequest(request)));
}

// A fixed seed: what it finds once it finds again.
TEST(RequestTest, BelievesNothing) {
  const std::string bytes = *EncodeRequest(Sample());
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string changed = bytes;
    for (int i = 0; i < 3; ++i) changed[random() % changed.size()] = static_cast<char>(random());
    const std::optional<Request> request = DecodeRequest(changed);
    if (!request) continue;
    EXPECT_FALSE(request->argv.empty());
    EXPECT_LE(request->argv.size(), kMaxStrings);
    EXPECT_EQ(EncodeRequest(*request), changed);
  }
}

}  // namespace
}  // namespace warren::sudo
