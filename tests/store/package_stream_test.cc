#include "runtime/store/package_stream.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class MemorySink final : public PackageStream::Sink {
 public:
  absl::Status BeginFile(const internal::PackageFile& file) override {
    open = file.path();
    files[open] = "";
    return absl::OkStatus();
  }
  absl::Status Write(absl::string_view content) override {
    files[open] += std::string(content);
    return absl::OkStatus();
  }
  absl::Status EndFile() override {
    ended.push_back(open);
    return absl::OkStatus();
  }
  std::string open;
  std::map<std::string, std::string> files;
  std::vector<std::string> ended;
};

std::string Frame(const std::string& message) {
  std::string frame;
  for (int i = 0; i < 4; ++i) frame += static_cast<char>((message.size() >> (8 * i)) & 0xff);
  return frame + message;
}

std::string File(const std::string& path, const std::string& content = "") {
  internal::PackageFile file;
  file.set_path(path);
  file.set_size(static_cast<int64_t>(content.size()));
  return Frame(file.SerializeAsString()) + content;
}

std::string End(int64_t count) {
  internal::PackageFile end;
  end.set_end(true);
  end.set_count(count);
  return Frame(end.SerializeAsString());
}

constexpr PackageLimits kLimits = {1000, 10};

TEST(PackageStream, ReadsFilesInWhateverPieces) {
  const std::string stream = File("a/b.py", "one") + File("empty") + File("a/c.py", "two") + End(3);
  for (size_t piece = 1; piece <= stream.size(); ++piece) {
    MemorySink sink;
    PackageStream package(kLimits, sink);
    for (size_t i = 0; i < stream.size(); i += piece) {
      ASSERT_FALSE(package.complete());
      ASSERT_TRUE(package.Feed(stream.substr(i, piece)).ok());
    }
    EXPECT_TRUE(package.complete());
    EXPECT_THAT(sink.files,
                ElementsAre(Pair("a/b.py", "one"), Pair("a/c.py", "two"), Pair("empty", "")));
    EXPECT_THAT(sink.ended, ElementsAre("a/b.py", "empty", "a/c.py"));
  }
}

TEST(PackageStream, TakesTheLongestPath) {
  const std::string part(255, 'x');
  MemorySink sink;
  PackageStream package(kLimits, sink);
  const std::string longest = absl::StrCat(part, "/", part, "/", part, "/", part.substr(1), "/y");
  ASSERT_EQ(longest.size(), 1024u);
  EXPECT_TRUE(package.Feed(File(longest)).ok());
  const std::vector<std::string> parts(64, "d");
  PackageStream deep({1000, 100}, sink);
  EXPECT_TRUE(deep.Feed(File(absl::StrJoin(parts, "/"))).ok());
}

struct Hostile {
  const char* name;
  std::string stream;
  absl::StatusCode code;
  const char* says;
};

std::string Negative() {
  internal::PackageFile file;
  file.set_path("a");
  file.set_size(-1);
  return Frame(file.SerializeAsString());
}

std::string NoPath() {
  internal::PackageFile file;
  file.set_executable(true);
  return Frame(file.SerializeAsString());
}

std::string Counted() {
  internal::PackageFile file;
  file.set_path("a");
  file.set_count(1);
  return Frame(file.SerializeAsString());
}

std::string FileAndEnd() {
  internal::PackageFile file;
  file.set_path("a");
  file.set_end(true);
  return Frame(file.SerializeAsString());
}

std::string ManyFiles(const std::string& separator) {
  std::string stream;
  for (int i = 0; i < 11; ++i) stream += File(absl::StrCat("f", i, separator));
  return stream;
}

std::string DeepPath() { return absl::StrJoin(std::vector<std::string>(65, "d"), "/"); }

class HostileStream : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileStream, IsRefused) {
  const Hostile& hostile = GetParam();
  MemorySink sink;
  PackageStream package(kLimits, sink);
  const absl::Status status = package.Feed(hostile.stream);
  EXPECT_EQ(status.code(), hostile.code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(hostile.says));
  EXPECT_LT(status.message().size(), 512u);
}

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kTooMuch = absl::StatusCode::kResourceExhausted;

INSTANTIATE_TEST_SUITE_P(
    Table, HostileStream,
    ::testing::Values(
        Hostile{"NoPath", NoPath(), kInvalid, "without a path"},
        Hostile{"Parent", File("../x"), kInvalid, "a path with \"..\""},
        Hostile{"ParentInside", File("a/../../x"), kInvalid, "a path with \"..\""},
        Hostile{"ParentLast", File("a/.."), kInvalid, "a path with \"..\""},
        Hostile{"Itself", File("./x"), kInvalid, "a path with \".\""},
        Hostile{"Absolute", File("/etc/passwd"), kInvalid, "an absolute path"},
        Hostile{"EmptyPart", File("a//b"), kInvalid, "an empty part"},
        Hostile{"TrailingSlash", File("a/"), kInvalid, "an empty part"},
        Hostile{"Nul", File(std::string("a\0b", 3)), kInvalid, "a NUL"},
        Hostile{"NoUtf8", Frame("\x0a\x02\xff\xfe"), kInvalid, "UTF-8"},
        Hostile{"LongPath", File(std::string(1025, 'x')), kInvalid, "more than 1024 bytes"},
        Hostile{"LongPart", File(std::string(256, 'x')), kInvalid, "more than 255 bytes"},
        Hostile{"DeepPath", File(DeepPath()), kInvalid, "more than 64 parts"},
        Hostile{"Twice", File("a") + File("a"), kInvalid, "the same path twice: \"a\""},
        Hostile{"FileThenDirectory", File("a") + File("a/b"), kInvalid, "a file and a directory"},
        Hostile{"DirectoryThenFile", File("a/b/c") + File("a/b"), kInvalid,
                "a file and a directory"},
        Hostile{"ControlCharacters", File("a\n\x1b[2J/.."), kInvalid, "a\\n\\x1b[2J"},
        Hostile{"NegativeSize", Negative(), kInvalid, "a negative size"},
        Hostile{"TooManyFiles", ManyFiles(""), kTooMuch, "more than 10 files"},
        Hostile{"TooManyDirectories", File("a/b/c/d/e/f/g/h/i/j/k/l"), kTooMuch,
                "more than 10 directories"},
        Hostile{"TooManyBytes", File("a", std::string(600, 'x')) + File("b", std::string(401, 'x')),
                kTooMuch, "more than 1000 bytes"},
        Hostile{"EmptyFrame", std::string(4, '\0'), kInvalid, "a message of 0 bytes"},
        Hostile{"LongFrame", std::string("\x01\x20\0\0", 4), kInvalid, "a message of 8193 bytes"},
        Hostile{"NoMessage", Frame("\xff\xff\xff"), kInvalid, "cannot be understood"},
        Hostile{"WrongCount", File("a") + End(2), kInvalid, "1 files"},
        Hostile{"CountInAFile", Counted(), kInvalid, "a count"},
        Hostile{"FileAndEnd", FileAndEnd(), kInvalid, "a file and the end in one"},
        Hostile{"BehindTheEnd", End(0) + "x", kInvalid, "behind the end"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(PackageStream, BoundsWhatPathsTakeInMemory) {
  MemorySink sink;
  PackageStream package({1000, 1'000'000}, sink);
  const std::string part(250, 'x');
  absl::Status status;
  for (int i = 0; i < 100'000 && status.ok(); ++i)
    status = package.Feed(File(absl::StrCat(part, "/", part, "/", part, "/", i, part)));
  EXPECT_EQ(status.code(), kTooMuch);
  EXPECT_THAT(std::string(status.message()), HasSubstr("in the paths"));
}

}  // namespace
}  // namespace warren
