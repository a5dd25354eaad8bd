#include "supervisor/gateway/http/gzip.h"

#include "gtest/gtest.h"
#include "tests/gateway/gateway_testing.h"

namespace warren {
namespace {

TEST(GzipTest, ComesBackInBoundedPieces) {
  const std::string plain(100'000, 'x');
  const std::string packed = Pack(plain);
  EXPECT_LT(packed.size(), plain.size() / 10);
  auto gunzip = Gunzip::Make();
  gunzip->Give(packed);
  std::string back;
  for (;;) {
    auto piece = gunzip->Take(4096);
    ASSERT_TRUE(piece.ok()) << piece.status();
    EXPECT_LE(piece->size(), 4096u);
    if (piece->empty()) break;
    back += *piece;
  }
  EXPECT_EQ(back, plain);
  EXPECT_TRUE(gunzip->ended());
}

TEST(GzipTest, ByteByByte) {
  const std::string packed = Pack("hello");
  auto gunzip = Gunzip::Make();
  std::string back;
  for (char c : packed) {
    gunzip->Give({&c, 1});
    auto piece = gunzip->Take(64);
    ASSERT_TRUE(piece.ok());
    back += *piece;
  }
  EXPECT_EQ(back, "hello");
  EXPECT_TRUE(gunzip->ended());
}

TEST(GzipTest, RefusesOthersAndWhatFollows) {
  auto plain = Gunzip::Make();
  plain->Give("this is no gzip");
  EXPECT_FALSE(plain->Take(64).ok());
  auto longer = Gunzip::Make();
  const std::string packed = Pack("hello") + "more";
  longer->Give(packed);
  EXPECT_EQ(*longer->Take(64), "hello");
  EXPECT_FALSE(longer->Take(64).ok());
}

TEST(GzipTest, EmptyStream) {
  const std::string packed = Pack("");
  auto gunzip = Gunzip::Make();
  gunzip->Give(packed);
  EXPECT_EQ(*gunzip->Take(64), "");
  EXPECT_TRUE(gunzip->ended());
}

}  // namespace
}  // namespace warren
