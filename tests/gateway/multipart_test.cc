#include "supervisor/gateway/http/multipart.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::ElementsAre;

constexpr char kType[] = "multipart/form-data; boundary=----formdata-1";
constexpr char kBody[] =
    "------formdata-1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"/home/user/a "
    "b.txt\"\r\nContent-Type: application/octet-stream\r\n\r\nhello\r\n--world\r\n"
    "------formdata-1\r\nContent-Disposition: form-data; name=\"file\"; "
    "filename=\"c%22d.txt\"\r\n\r\n\r\n------formdata-1\r\nContent-Disposition: form-data; "
    "name=\"file\"\r\n\r\nx\r\n------formdata-1--\r\n";

struct Read {
  std::vector<std::string> names;
  std::vector<std::string> bodies;
  absl::Status status;
  bool ended = false;
};

Read ReadAll(absl::string_view type, absl::string_view body, size_t step) {
  Read read;
  auto multipart = Multipart::Make(type);
  if (!multipart.ok()) {
    read.status = multipart.status();
    return read;
  }
  for (;;) {
    auto event = multipart->Next();
    if (!event.ok()) {
      read.status = event.status();
      return read;
    }
    switch (*event) {
      case Multipart::Event::kMore:
        if (body.empty()) return read;
        multipart->Give(body.substr(0, step));
        body.remove_prefix(std::min(step, body.size()));
        break;
      case Multipart::Event::kPart:
        read.names.push_back(multipart->part().filename.value_or("(none)"));
        read.bodies.emplace_back();
        break;
      case Multipart::Event::kData:
        read.bodies.back() += multipart->data();
        break;
      case Multipart::Event::kPartEnd:
        break;
      case Multipart::Event::kEnd:
        read.ended = true;
        return read;
    }
  }
}

TEST(MultipartTest, ReadsPartsInWhateverPiecesTheyCome) {
  for (size_t step : {size_t{1}, size_t{7}, size_t{100'000}}) {
    const Read read = ReadAll(kType, kBody, step);
    ASSERT_TRUE(read.status.ok()) << read.status << " step " << step;
    EXPECT_TRUE(read.ended);
    EXPECT_THAT(read.names, ElementsAre("/home/user/a b.txt", "c\"d.txt", "(none)"));
    EXPECT_THAT(read.bodies, ElementsAre("hello\r\n--world", "", "x"));
  }
}

TEST(MultipartTest, CutOffIsNotWhole) {
  const absl::string_view body = kBody;
  for (size_t size = 0; size + 4 < body.size(); size += 13)
    EXPECT_FALSE(ReadAll(kType, body.substr(0, size), 64).ended) << size;
}

TEST(MultipartTest, RefusesOtherTypesAndBoundaries) {
  EXPECT_FALSE(Multipart::Make("application/json").ok());
  EXPECT_FALSE(Multipart::Make("multipart/form-data").ok());
  EXPECT_FALSE(Multipart::Make("multipart/form-data; boundary=").ok());
  EXPECT_FALSE(
      Multipart::Make(absl::StrCat("multipart/form-data; boundary=", std::string(71, 'b'))).ok());
  EXPECT_TRUE(Multipart::Make("multipart/form-data; charset=x; boundary=\"a b\"").ok());
}

TEST(MultipartTest, BoundsHeadersAndPreamble) {
  const std::string headers = absl::StrCat(
      "------formdata-1\r\nContent-Disposition: form-data; name=\"",
      std::string(Multipart::kMaxPartHeaders, 'n'), "\"\r\n\r\nx\r\n------formdata-1--");
  EXPECT_FALSE(ReadAll(kType, headers, 4096).status.ok());
  EXPECT_FALSE(ReadAll(kType, std::string(100'000, 'p'), 4096).status.ok());
  std::string many;
  for (size_t i = 0; i <= Multipart::kMaxParts; ++i) {
    absl::StrAppend(&many, i == 0 ? "" : "\r\n",
                    "------formdata-1\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx");
  }
  EXPECT_FALSE(ReadAll(kType, many + "\r\n------formdata-1--", 4096).status.ok());
}

}  // namespace
}  // namespace warren
