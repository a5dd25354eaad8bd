// Where sandboxes live, and which there are not.
#include "supervisor/failover/placements.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "supervisor/failover/unknown_ids.h"

namespace warren {
namespace {

class PlacementsTest : public ::testing::Test {
 protected:
  static std::shared_ptr<Member> NewMember(const std::string& name) {
    MemberSpec spec;
    spec.name = name;
    return std::make_shared<Member>(spec);
  }
  void Put(const std::string& id, const std::shared_ptr<Member>& member,
           const std::string& inner_id = "") {
    Placement placement;
    placement.member = member;
    placement.inner_id = inner_id.empty() ? id : inner_id;
    placements_.Put(id, placement);
  }

  const std::shared_ptr<Member> a_ = NewMember("a");
  const std::shared_ptr<Member> b_ = NewMember("b");
  Placements placements_;
};

TEST_F(PlacementsTest, TheOneThatNobodyUsedForLongestGoes) {
  for (size_t i = 0; i < Placements::kMost; ++i) Put(absl::StrCat(i), a_);
  ASSERT_NE(placements_.Find("0"), nullptr);
  Put("new", b_);
  EXPECT_NE(placements_.Find("0"), nullptr);
  EXPECT_EQ(placements_.Find("1"), nullptr);
  EXPECT_NE(placements_.Find("2"), nullptr);
  EXPECT_EQ(placements_.CountOn(*a_), Placements::kMost - 1);
  EXPECT_EQ(placements_.CountOn(*b_), 1u);
  // One that is put again takes no other's place.
  Put("new", a_);
  EXPECT_NE(placements_.Find("3"), nullptr);
  EXPECT_EQ(placements_.CountOn(*b_), 0u);
}

TEST_F(PlacementsTest, OneThatWasMadeAnewHasTwoIds) {
  Put("x", a_);
  EXPECT_FALSE(placements_.has_renamed());
  Put("x", b_, "inner");
  EXPECT_TRUE(placements_.has_renamed());
  EXPECT_EQ(placements_.PublicId(*b_, "inner"), "x");
  EXPECT_EQ(placements_.PublicId(*a_, "inner"), "inner");
  // The lost one's end is not the end of it.
  EXPECT_EQ(placements_.ForgetInner(*a_, "x"), std::nullopt);
  EXPECT_NE(placements_.Find("x"), nullptr);
  EXPECT_EQ(placements_.ForgetInner(*b_, "inner"), "x");
  EXPECT_EQ(placements_.Find("x"), nullptr);
  EXPECT_FALSE(placements_.has_renamed());
}

TEST_F(PlacementsTest, WhatIsNotKnownIsCalledHereAsThere) {
  EXPECT_EQ(placements_.ForgetInner(*a_, "x"), "x");
  EXPECT_EQ(placements_.PublicId(*a_, "x"), "x");
}

TEST_F(PlacementsTest, WhatHasEndedIsRememberedWhereItWasKnown) {
  Put("x", a_);
  // Another one's word does not count, nor does that of one that was never known to have it.
  placements_.ForgetInner(*b_, "x");
  placements_.ForgetInner(*a_, "y");
  EXPECT_FALSE(placements_.HasEnded("x"));
  EXPECT_FALSE(placements_.HasEnded("y"));
  placements_.ForgetInner(*a_, "x");
  EXPECT_TRUE(placements_.HasEnded("x"));
  Put("x", b_, "inner");
  EXPECT_FALSE(placements_.HasEnded("x"));
}

TEST(UnknownIdsTest, ForASecondAndOneTenant) {
  constexpr MonotonicTime kNow{std::chrono::hours(1)};
  UnknownIds ids;
  ids.Add("acme", "x", kNow);
  EXPECT_TRUE(ids.Has("acme", "x", kNow + std::chrono::milliseconds(999)));
  EXPECT_FALSE(ids.Has("acme", "x", kNow + std::chrono::seconds(1)));
  EXPECT_FALSE(ids.Has("zeta", "x", kNow));
  EXPECT_FALSE(ids.Has("acme", "y", kNow));
}

TEST(UnknownIdsTest, NoMoreThanItsBound) {
  constexpr MonotonicTime kNow{std::chrono::hours(1)};
  UnknownIds ids;
  ids.Add("", "first", kNow);
  for (size_t i = 0; i < UnknownIds::kMost - 1; ++i) ids.Add("", absl::StrCat(i), kNow);
  EXPECT_TRUE(ids.Has("", "first", kNow));
  ids.Add("", "one more", kNow);
  EXPECT_FALSE(ids.Has("", "first", kNow));
  EXPECT_TRUE(ids.Has("", "0", kNow));
  // Of a length that no id has.
  ids.Add("", std::string(100000, 'x'), kNow);
  EXPECT_FALSE(ids.Has("", std::string(100000, 'x'), kNow));
}

}  // namespace
}  // namespace warren
