#include "runtime/sudo/arguments.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren::sudo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Action = Arguments::Action;
using Shell = Arguments::Shell;

TEST(ArgumentsTest, ACommandIsAllFromTheFirstWordOn) {
  const Arguments arguments = ParseArguments({"ls", "-n", "--", "-u"});
  EXPECT_EQ(arguments.error, "");
  EXPECT_EQ(arguments.action, Action::kRun);
  EXPECT_EQ(arguments.user, "");
  EXPECT_THAT(arguments.command, ElementsAre("ls", "-n", "--", "-u"));
}

TEST(ArgumentsTest, OptionsStandAloneTogetherOrAtTheirValue) {
  EXPECT_EQ(ParseArguments({"-nEHu", "bob", "id"}).user, "bob");
  EXPECT_EQ(ParseArguments({"-ubob", "id"}).user, "bob");
  EXPECT_EQ(ParseArguments({"--user=bob", "id"}).user, "bob");
  EXPECT_EQ(ParseArguments({"--user", "bob", "id"}).user, "bob");
  const Arguments arguments = ParseArguments({"-nEH", "-p", "a prompt", "-S", "id"});
  EXPECT_EQ(arguments.error, "");
  EXPECT_EQ(arguments.keep, Arguments::Keep::kAll);
  EXPECT_TRUE(arguments.set_home);
  EXPECT_THAT(arguments.command, ElementsAre("id"));
}

TEST(ArgumentsTest, AssignmentsComeBeforeTheCommand) {
  const Arguments arguments = ParseArguments({"-n", "A=1", "_B2=x=y", "env", "C=3"});
  EXPECT_THAT(arguments.assignments, ElementsAre("A=1", "_B2=x=y"));
  EXPECT_THAT(arguments.command, ElementsAre("env", "C=3"));
  EXPECT_THAT(ParseArguments({"--", "A=1", "env"}).assignments, ElementsAre("A=1"));
  EXPECT_THAT(ParseArguments({"=1", "env"}).command, ElementsAre("=1", "env"));
  EXPECT_THAT(ParseArguments({"1A=1"}).command, ElementsAre("1A=1"));
}

TEST(ArgumentsTest, NamesToKeepAreAList) {
  const Arguments arguments = ParseArguments({"--preserve-env=A,,B", "env"});
  EXPECT_EQ(arguments.keep, Arguments::Keep::kUsual);
  EXPECT_THAT(arguments.kept, ElementsAre("A", "B"));
  EXPECT_EQ(ParseArguments({"--preserve-env", "env"}).keep, Arguments::Keep::kAll);
}

TEST(ArgumentsTest, ShellsNeedNoCommand) {
  EXPECT_EQ(ParseArguments({"-i"}).shell, Shell::kLogin);
  EXPECT_EQ(ParseArguments({"-s"}).shell, Shell::kPlain);
  EXPECT_EQ(ParseArguments({"-is"}).shell, Shell::kLogin);
  EXPECT_EQ(ParseArguments({"-iu", "bob"}).error, "");
}

TEST(ArgumentsTest, WhatIsNoCommandIsAnAction) {
  EXPECT_EQ(ParseArguments({"-v"}).action, Action::kValidate);
  EXPECT_EQ(ParseArguments({"-nv"}).action, Action::kValidate);
  EXPECT_EQ(ParseArguments({"-l"}).action, Action::kList);
  EXPECT_EQ(ParseArguments({"-k"}).action, Action::kForget);
  EXPECT_EQ(ParseArguments({"-K"}).action, Action::kForget);
  EXPECT_EQ(ParseArguments({"-k", "id"}).action, Action::kRun);
  EXPECT_EQ(ParseArguments({"--version"}).action, Action::kVersion);
}

TEST(ArgumentsTest, SaysWhatIsWrong) {
  EXPECT_THAT(ParseArguments({}).error, HasSubstr("no command"));
  EXPECT_THAT(ParseArguments({"-n", "--"}).error, HasSubstr("no command"));
  EXPECT_THAT(ParseArguments({"A=1"}).error, HasSubstr("no command"));
  EXPECT_THAT(ParseArguments({"-x", "id"}).error, HasSubstr("no option -x"));
  EXPECT_THAT(ParseArguments({"--nothing", "id"}).error, HasSubstr("no option --nothing"));
  EXPECT_THAT(ParseArguments({"-u"}).error, HasSubstr("-u needs a value"));
  EXPECT_THAT(ParseArguments({"--login=x", "id"}).error, HasSubstr("takes no value"));
  EXPECT_THAT(ParseArguments({"-R", "/tmp", "id"}).error, HasSubstr("not served"));
  EXPECT_THAT(ParseArguments({"-u"}).command, IsEmpty());
}

}  // namespace
}  // namespace warren::sudo
