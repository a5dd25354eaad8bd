#include "runtime/sudo/environment.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren::sudo {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::StartsWith;

const Account kUser = {"user", 1000, 1000, "/home/user", "/bin/bash"};
const Account kRoot = {"root", 0, 0, "/root", "/bin/dash"};

std::vector<std::string> Environment(const std::vector<std::string>& words) {
  return MakeEnvironment({"HOME=/home/user", "TERM=xterm", "LC_ALL=C", "OWN=own", "PATH=/evil",
                          "SHELL=/bin/bash", "USER=user", "broken"},
                         ParseArguments(words), kUser, kRoot);
}

TEST(EnvironmentTest, LittleIsKept) {
  const std::vector<std::string> environment = Environment({"id", "-u"});
  EXPECT_THAT(environment, Contains("TERM=xterm"));
  EXPECT_THAT(environment, Contains("LC_ALL=C"));
  EXPECT_THAT(environment, Contains("HOME=/root"));
  EXPECT_THAT(environment, Contains("USER=root"));
  EXPECT_THAT(environment, Contains("LOGNAME=root"));
  EXPECT_THAT(environment, Contains("SUDO_USER=user"));
  EXPECT_THAT(environment, Contains("SUDO_UID=1000"));
  EXPECT_THAT(environment, Contains("SUDO_COMMAND=id -u"));
  EXPECT_THAT(environment, Contains(StartsWith("PATH=/opt/warren/bin:/usr/local/sbin:")));
  EXPECT_THAT(environment, Not(Contains(StartsWith("OWN="))));
}

TEST(EnvironmentTest, MoreWhereItIsAskedFor) {
  EXPECT_THAT(Environment({"-E", "id"}), Contains("OWN=own"));
  EXPECT_THAT(Environment({"-E", "id"}), Contains("HOME=/home/user"));
  EXPECT_THAT(Environment({"-EH", "id"}), Contains("HOME=/root"));
  EXPECT_THAT(Environment({"-E", "id"}), Not(Contains("PATH=/evil")));
  EXPECT_THAT(Environment({"--preserve-env=OWN", "id"}), Contains("OWN=own"));
  EXPECT_THAT(Environment({"A=1", "HOME=/x", "id"}), Contains("A=1"));
  EXPECT_THAT(Environment({"A=1", "HOME=/x", "id"}), Contains("HOME=/x"));
}

TEST(EnvironmentTest, ALoginShellHasTheTargets) {
  const std::vector<std::string> environment = Environment({"-i"});
  EXPECT_THAT(environment, Contains("SHELL=/bin/dash"));
  EXPECT_THAT(environment, Contains("TERM=xterm"));
  EXPECT_THAT(environment, Not(Contains("LC_ALL=C")));
}

TEST(EnvironmentTest, Programs) {
  auto program = [](const std::vector<std::string>& words) {
    return MakeProgram(ParseArguments(words), kUser, kRoot);
  };
  EXPECT_EQ(program({"id", "-u"}).file, "id");
  EXPECT_THAT(program({"id", "-u"}).argv, ElementsAre("id", "-u"));
  EXPECT_EQ(program({"-s"}).file, "/bin/bash");
  EXPECT_THAT(program({"-s"}).argv, ElementsAre("/bin/bash"));
  EXPECT_EQ(program({"-i"}).file, "/bin/dash");
  EXPECT_THAT(program({"-i"}).argv, ElementsAre("-dash"));
  EXPECT_THAT(program({"-i", "echo", "a b", "$X;"}).argv,
              ElementsAre("-dash", "-c", "echo a\\ b $X\\;"));
}

}  // namespace
}  // namespace warren::sudo
