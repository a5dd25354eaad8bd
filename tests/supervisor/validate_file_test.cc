#include "supervisor/backend/validate_file.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

v1::ReadFileRequest ReadOf(const std::string& path) {
  v1::ReadFileRequest request;
  request.set_path(path);
  return request;
}

std::string Refused(const absl::Status& status) {
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(ValidateFileTest, MakesPathsAbsolute) {
  const std::pair<std::string, std::string> paths[] = {
      {"/a/b", "/a/b"},        {"a", "/home/user/a"},
      {"~", "/home/user"},     {"~/a", "/home/user/a"},
      {"~a", "/home/user/~a"}, {"../a", "/home/user/../a"},
      {"/\xff\n", "/\xff\n"},  {"/" + std::string(4094, 'x'), "/" + std::string(4094, 'x')}};
  for (const auto& [asked, absolute] : paths) {
    v1::ReadFileRequest request = ReadOf(asked);
    EXPECT_TRUE(ValidateReadFile(request).ok()) << asked;
    EXPECT_EQ(request.path(), absolute);
  }
}

TEST(ValidateFileTest, RefusesWhatIsNoPath) {
  for (const std::string& path : {std::string(), std::string("/a\0b", 4),
                                  "/" + std::string(4095, 'x'), std::string(4090, 'x')}) {
    v1::ReadFileRequest request = ReadOf(path);
    EXPECT_THAT(Refused(ValidateReadFile(request)), HasSubstr("path"));
  }
  v1::MoveFileRequest move;
  move.set_source("/a");
  EXPECT_THAT(Refused(ValidateMoveFile(move)), HasSubstr("destination"));
}

TEST(ValidateFileTest, Users) {
  v1::StatFileRequest request;
  request.set_path("/a");
  for (const char* user : {"", "user", "root"}) {
    request.set_user(user);
    EXPECT_TRUE(ValidateStatFile(request).ok()) << user;
  }
  request.set_user("daemon");
  EXPECT_THAT(Refused(ValidateStatFile(request)), HasSubstr("user is \"daemon\""));
}

TEST(ValidateFileTest, RangesOfARead) {
  v1::ReadFileRequest request = ReadOf("/a");
  request.set_offset(-1);
  EXPECT_THAT(Refused(ValidateReadFile(request)), HasSubstr("offset is -1"));
  request.set_offset(0);
  request.set_length(-1);
  EXPECT_THAT(Refused(ValidateReadFile(request)), HasSubstr("length is -1"));
  request.set_length(0);
  EXPECT_TRUE(ValidateReadFile(request).ok());
}

TEST(ValidateFileTest, Writes) {
  v1::WriteFileRequest::Header good;
  good.set_path("/a");
  good.set_mode(07777);
  good.set_sha256(std::string(32, 'x'));
  (*good.mutable_attributes())["user.x"] = std::string(4090, 'x');
  EXPECT_TRUE(ValidateWriteFile(good).ok());
  auto header = good;
  header.set_mode(010000);
  EXPECT_THAT(Refused(ValidateWriteFile(header)), HasSubstr("mode is 010000"));
  header = good;
  header.set_sha256("x");
  EXPECT_THAT(Refused(ValidateWriteFile(header)), HasSubstr("sha256 has 1 bytes"));
  header = good;
  header.set_append(true);
  header.set_exclusive(true);
  EXPECT_THAT(Refused(ValidateWriteFile(header)), HasSubstr("append and exclusive"));
  header = good;
  header.set_offset(0);
  EXPECT_TRUE(ValidateWriteFile(header).ok());
  header.set_append(true);
  EXPECT_THAT(Refused(ValidateWriteFile(header)), HasSubstr("offset and append"));
  header.set_append(false);
  header.set_exclusive(true);
  EXPECT_THAT(Refused(ValidateWriteFile(header)), HasSubstr("offset and exclusive"));
  header.set_exclusive(false);
  header.set_offset(-1);
  EXPECT_THAT(Refused(ValidateWriteFile(header)), HasSubstr("offset is -1"));
  header = good;
  (*header.mutable_attributes())["user.y"] = "";
  EXPECT_THAT(Refused(ValidateWriteFile(header)), HasSubstr("attributes have"));
  for (const char* name : {"trusted.x", "user.", "security.capability", ""}) {
    header = good;
    header.clear_attributes();
    (*header.mutable_attributes())[name] = "";
    EXPECT_THAT(Refused(ValidateWriteFile(header)), HasSubstr("attributes: the name"));
  }
  EXPECT_TRUE(ValidateFileData(std::string(1 << 20, 'x')).ok());
  EXPECT_THAT(Refused(ValidateFileData(std::string((1 << 20) + 1, 'x'))), HasSubstr("data has"));
}

TEST(ValidateFileTest, DepthsAndModes) {
  v1::ListDirectoryRequest list;
  list.set_path("/a");
  EXPECT_TRUE(ValidateListDirectory(list).ok());
  EXPECT_EQ(list.depth(), 1);
  for (int depth : {-1, 65}) {
    list.set_depth(depth);
    EXPECT_THAT(Refused(ValidateListDirectory(list)), HasSubstr("depth is"));
  }
  v1::MakeDirectoryRequest make;
  make.set_path("/a");
  EXPECT_TRUE(ValidateMakeDirectory(make).ok());
  EXPECT_EQ(make.mode(), 0755u);
  make.set_mode(010000);
  EXPECT_THAT(Refused(ValidateMakeDirectory(make)), HasSubstr("mode"));
}

}  // namespace
}  // namespace warren
