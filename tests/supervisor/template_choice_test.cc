#include "supervisor/main/template_choice.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::map<std::string, Template> Both(const std::string& rich_is_unavailable) {
  std::map<std::string, Template> templates;
  templates["base"];
  templates["data-science"].unavailable = rich_is_unavailable;
  return templates;
}

TEST(DefaultTemplateTest, IsDataScienceWhereThatCanBeUsed) {
  EXPECT_EQ(*ChooseDefaultTemplate("", Both("")), "data-science");
  EXPECT_EQ(*ChooseDefaultTemplate("", Both("not built")), "base");
  EXPECT_EQ(*ChooseDefaultTemplate("", {{"base", {}}}), "base");
}

TEST(DefaultTemplateTest, IsTheOneThatWasAskedFor) {
  EXPECT_EQ(*ChooseDefaultTemplate("base", Both("")), "base");
}

TEST(DefaultTemplateTest, WhatCannotBeTakenIsAnErrorThatSaysWhatToDo) {
  absl::Status unknown = ChooseDefaultTemplate("no-such", Both("")).status();
  EXPECT_TRUE(absl::IsNotFound(unknown));
  EXPECT_THAT(std::string(unknown.message()),
              AllOf(HasSubstr("--default-template"), HasSubstr("\"no-such\""),
                    HasSubstr("base, data-science")));
  absl::Status unbuilt =
      ChooseDefaultTemplate("data-science", Both("not built; run `rootfs/build data-science`"))
          .status();
  EXPECT_TRUE(absl::IsFailedPrecondition(unbuilt));
  EXPECT_THAT(std::string(unbuilt.message()),
              AllOf(HasSubstr("--default-template"), HasSubstr("run `rootfs/build data-science`")));
}

TEST(PoolsTest, HoldTheDefaultTemplateWhereNobodySays) {
  auto pools = ChoosePools({}, "data-science", Both(""));
  ASSERT_EQ(pools->size(), 1u);
  EXPECT_EQ(pools->at("data-science").minimum, 2);
}

TEST(PoolsTest, AreThoseThatWereAskedFor) {
  auto pools = ChoosePools({{"base", {0, 3}}}, "data-science", Both(""));
  ASSERT_EQ(pools->size(), 1u);
  EXPECT_EQ(pools->at("base").maximum, 3);
  absl::Status unknown = ChoosePools({{"no-such", {1, 1}}}, "base", Both("")).status();
  EXPECT_TRUE(absl::IsInvalidArgument(unknown));
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("base, data-science"));
}

}  // namespace
}  // namespace warren
