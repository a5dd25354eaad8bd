#include "runtime/packages/distribution_file.h"

#include <gmock/gmock.h>

#include <string>

namespace warren::testing {
namespace {

using ::testing::HasSubstr;
using Kind = DistributionFile::Kind;

// "wheel numpy 2.1.0"; what is wrong with it where it is none.
std::string Told(const absl::StatusOr<DistributionFile>& file) {
  if (!file.ok()) return std::string(file.status().message());
  return (file->kind == Kind::kWheel ? "wheel " : "source ") + file->name + " " +
         file->version.Text();
}

TEST(ParseWheelNameTest, ReadsWheels) {
  EXPECT_EQ(Told(ParseWheelName("numpy-2.1.0-cp313-cp313-manylinux_2_17_x86_64.whl")),
            "wheel numpy 2.1.0");
  EXPECT_EQ(Told(ParseWheelName("Zope.Interface-5.0-1build-py2.py3-none-any.whl")),
            "wheel zope-interface 5.0");
  EXPECT_EQ(Told(ParseWheelName(
                "typing_extensions-4.0.0rc1-py3-none-manylinux1_x86_64.manylinux2014_x86_64.whl")),
            "wheel typing-extensions 4.0.0rc1");
  EXPECT_EQ(Told(ParseWheelName("a-1!2.0+ubuntu_1-py3-none-any.whl")), "wheel a 1!2.0+ubuntu.1");
  // As pip reads it.
  EXPECT_EQ(Told(ParseWheelName("a-1.0_1-py3-none-any.whl")), "wheel a 1.0.post1");
}

TEST(ParseWheelNameTest, RefusesWhatIsNone) {
  const char* cases[] = {
      "",
      ".whl",
      "a.whl",
      "a-1.0.whl",
      "a-1.0-py3-none.whl",
      "a-1.0-b1-py3-none-any.whl",
      "a-1.0-1-2-py3-none-any.whl",
      "a-1.0--py3-none-any.whl",
      "a-1.0-py3-none-.whl",
      "a-x-py3-none-any.whl",
      "-1.0-py3-none-any.whl",
      "a-1.0-py3-none-any.WHL",
      "a-1.0-py3-none-any.whl.metadata",
      "a-1.0-py3-none-any.tar.gz",
      "../a-1.0-py3-none-any.whl",
      "a-1.0-py3-none-a/ny.whl",
      "a-1.0-py3-none-a%2fny.whl",
      "a-1.0-py3-no ne-any.whl",
      "a-1.0-py3-none-any\n.whl",
  };
  for (const char* name : cases) EXPECT_FALSE(ParseWheelName(name).ok()) << name;
  EXPECT_FALSE(ParseWheelName(std::string("a-1.0-py3-none-\0any.whl", 23)).ok());
  const std::string longest(255 - std::string("a-1.0-py3-none-.whl").size(), 'x');
  EXPECT_TRUE(ParseWheelName("a-1.0-py3-none-" + longest + ".whl").ok());
  EXPECT_FALSE(ParseWheelName("a-1.0-py3-none-x" + longest + ".whl").ok());
}

TEST(ParseDistributionFileTest, ReadsWheelsOfThePackageAlone) {
  const char* wheel = "Typing_Extensions-4.0-py3-none-any.whl";
  EXPECT_EQ(Told(ParseDistributionFile(wheel, "typing-extensions")), "wheel typing-extensions 4.0");
  EXPECT_EQ(Told(ParseDistributionFile(wheel, "Typing.Extensions")), "wheel typing-extensions 4.0");
  EXPECT_THAT(Told(ParseDistributionFile(wheel, "typing")),
              HasSubstr("no wheel and no source distribution of \"typing\""));
}

TEST(ParseDistributionFileTest, ReadsSourcesByTheName) {
  EXPECT_EQ(Told(ParseDistributionFile("numpy-2.1.0.tar.gz", "numpy")), "source numpy 2.1.0");
  EXPECT_EQ(Told(ParseDistributionFile("numpy-2.1.0.zip", "numpy")), "source numpy 2.1.0");
  EXPECT_EQ(Told(ParseDistributionFile("python-dateutil-2.9.0.post0.tar.gz", "python-dateutil")),
            "source python-dateutil 2.9.0.post0");
  EXPECT_EQ(Told(ParseDistributionFile("python_dateutil-2.9.0.tar.gz", "python-dateutil")),
            "source python-dateutil 2.9.0");
  EXPECT_EQ(Told(ParseDistributionFile("foo-2-3.tar.gz", "foo-2")), "source foo-2 3");
  EXPECT_EQ(Told(ParseDistributionFile("foo-2-3.tar.gz", "foo")), "source foo 2.post3");
}

TEST(ParseDistributionFileTest, RefusesOtherFiles) {
  for (const char* file :
       {"", "numpy", "numpy-2.1.0", "numpy-2.1.0.tar.bz2", "numpy-2.1.0.exe", "numpy-2.1.0.egg",
        "numpy-.tar.gz", "numpy-x.tar.gz", "numpy.tar.gz", "numpy-2.1.0.tar.gz.asc",
        "num-py-2.1.0.tar.gz", "other-1.0.tar.gz", "numpy-2.1.0-py3.7.egg", "/numpy-2.1.0.tar.gz",
        "numpy-2.1/0.tar.gz", "numpy--2.1.0.tar.gz", "-numpy-2.1.0.tar.gz"}) {
    EXPECT_FALSE(ParseDistributionFile(file, "numpy").ok()) << file;
  }
  EXPECT_FALSE(ParseDistributionFile("-1.0.tar.gz", "").ok());
}

}  // namespace
}  // namespace warren::testing
