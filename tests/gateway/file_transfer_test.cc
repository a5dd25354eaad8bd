#include "supervisor/gateway/envd/file_transfer.h"

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/gateway/envd/signature_search.h"
#include "tests/gateway/file_testing.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr char kForm[] = "multipart/form-data; boundary=B";
const std::map<std::string, std::string> kRaw = {{"Content-Type", "application/octet-stream"}};

// One part of a form, without the boundary behind it.
std::string FilePart(absl::string_view filename, absl::string_view data) {
  return absl::StrCat("--B\r\nContent-Disposition: form-data; name=\"file\"",
                      filename.empty() ? "" : absl::StrCat("; filename=\"", filename, "\""),
                      "\r\n\r\n", data, "\r\n");
}

// Every byte value, and no two pieces of a likely size alike.
std::string LargeData(size_t size) {
  std::string data(size, '\0');
  uint32_t state = 1;
  for (char& c : data) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return data;
}

class FileTransferDoorTest : public ::testing::Test {
 protected:
  HttpAnswer Ask(absl::string_view method, absl::string_view target,
                 const std::map<std::string, std::string>& headers = {},
                 absl::string_view body = "") {
    TestClient client(gateway_.server());
    return client.Ask(method, target, gateway_.Headers(headers), body);
  }
  HttpAnswer Post(absl::string_view target, const std::map<std::string, std::string>& headers,
                  absl::string_view body) {
    return Ask("POST", target, headers, body);
  }
  HttpAnswer PostForm(absl::string_view target, absl::string_view body) {
    return Post(target, {{"Content-Type", kForm}}, body);
  }

  FileGateway gateway_;
};

void ExpectError(const HttpAnswer& answer, unsigned status, absl::string_view message) {
  EXPECT_EQ(answer.status, status) << answer.body;
  const json body = json::parse(answer.body, nullptr, false);
  EXPECT_EQ(body.value("code", 0u), status);
  EXPECT_THAT(body.value("message", ""), HasSubstr(std::string(message)));
}

// ---- Downloads --------------------------------------------------------------------------------

TEST_F(FileTransferDoorTest, SendsAFile) {
  const std::string data = LargeData(3 << 20);
  gateway_.files().Put("/home/user/a b", data);
  const HttpAnswer answer = Ask("GET", "/files?path=a+b", {{"Accept-Encoding", "gzip, deflate"}});
  EXPECT_EQ(answer.status, 200u);
  EXPECT_TRUE(answer.body == data);
  EXPECT_EQ(answer.headers.at("content-length"), std::to_string(data.size()));
  EXPECT_EQ(answer.headers.at("content-type"), "application/octet-stream");
  EXPECT_EQ(answer.headers.at("content-disposition"), "inline; filename=\"a b\"");
  EXPECT_EQ(answer.headers.at("accept-ranges"), "bytes");
  EXPECT_FALSE(answer.headers.contains("content-encoding"));
}

TEST_F(FileTransferDoorTest, SendsAnEmptyFile) {
  gateway_.files().Put("/home/user/e", "");
  const HttpAnswer answer = Ask("GET", "/files?path=e");
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.headers.at("content-length"), "0");
}

TEST_F(FileTransferDoorTest, SaysWhatItWouldSend) {
  gateway_.files().Put("/home/user/a", "hello");
  TestClient client(gateway_.server());
  client.SendRequest("HEAD", "/files?path=a", gateway_.Headers());
  const std::string head = client.Receive();
  EXPECT_THAT(head, HasSubstr("200 OK"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_TRUE(absl::EndsWith(head, "\r\n\r\n"));
  // The connection is where it should be for the next.
  EXPECT_EQ(client.Ask("GET", "/files?path=a", gateway_.Headers()).body, "hello");
}

TEST_F(FileTransferDoorTest, SendsRanges) {
  gateway_.files().Put("/home/user/a", "0123456789");
  const HttpAnswer part = Ask("GET", "/files?path=a", {{"Range", "bytes=2-4"}});
  EXPECT_EQ(part.status, 206u);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(part.headers.at("content-range"), "bytes 2-4/10");
  EXPECT_EQ(Ask("GET", "/files?path=a", {{"Range", "bytes=-3"}}).body, "789");
  const HttpAnswer none = Ask("GET", "/files?path=a", {{"Range", "bytes=10-"}});
  ExpectError(none, 416, "10 bytes");
  EXPECT_EQ(none.headers.at("content-range"), "bytes */10");
  EXPECT_EQ(Ask("GET", "/files?path=a", {{"Range", "bytes=x-"}}).status, 416u);
  // What it is compared with is no version that was ever told.
  const HttpAnswer other = Ask("GET", "/files?path=a", {{"Range", "bytes=2-4"}, {"If-Range", "x"}});
  EXPECT_EQ(other.status, 200u);
  EXPECT_EQ(other.body, "0123456789");
  EXPECT_EQ(Ask("GET", "/files?path=none", {{"Range", "bytes=0-"}}).status, 404u);
}

TEST_F(FileTransferDoorTest, PacksWhereNothingElseIsWanted) {
  const std::string data(1 << 20, 'x');
  gateway_.files().Put("/home/user/a", data);
  const HttpAnswer answer = Ask("GET", "/files?path=a", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(answer.headers.at("content-encoding"), "gzip");
  EXPECT_TRUE(answer.whole);
  EXPECT_LT(answer.body.size(), data.size() / 10);
  auto gunzip = Gunzip::Make();
  gunzip->Give(answer.body);
  EXPECT_EQ(*gunzip->Take(data.size() + 1), data);
  // A part of what is packed would be a part of what?
  EXPECT_EQ(Ask("GET", "/files?path=a", {{"Accept-Encoding", "gzip"}, {"Range", "bytes=0-1"}}).body,
            "xx");
}

TEST_F(FileTransferDoorTest, SendsNothingButFiles) {
  gateway_.files().PutDirectory("/home/user/d");
  ExpectError(Ask("GET", "/files?path=d"), 400, "path '/home/user/d' is a directory");
  ExpectError(Ask("GET", "/files"), 400, "path '/home/user' is a directory");
  ExpectError(Ask("GET", "/files?path=none"), 404, "path '/home/user/none' does not exist");
  TestClient client(gateway_.server());
  client.SendRequest("HEAD", "/files?path=none", gateway_.Headers());
  EXPECT_THAT(client.Receive(), HasSubstr("404 Not Found"));
}

TEST_F(FileTransferDoorTest, ATruncatedFileIsACutConnection) {
  gateway_.files().Put("/home/user/a", LargeData(1 << 20));
  gateway_.files().SetReads(FakeFiles::Reads::kCut);
  EXPECT_FALSE(Ask("GET", "/files?path=a").whole);
  EXPECT_FALSE(Ask("GET", "/files?path=a", {{"Accept-Encoding", "gzip"}}).whole);
}

TEST_F(FileTransferDoorTest, AFileThatGrowsIsSentAsItWasTold) {
  gateway_.files().Put("/home/user/a", "hello");
  gateway_.files().SetReads(FakeFiles::Reads::kGrowing);
  TestClient client(gateway_.server());
  EXPECT_EQ(client.Ask("GET", "/files?path=a", gateway_.Headers()).body, "hello");
  // Nothing of the rest is taken for the next answer.
  EXPECT_EQ(client.Ask("GET", "/files?path=none", gateway_.Headers()).status, 404u);
}

TEST_F(FileTransferDoorTest, NamesEndNoHeader) {
  gateway_.files().Put("/home/user/x\r\nSet-Cookie: y=z", "data");
  const HttpAnswer answer = Ask("GET", "/files?path=x%0D%0ASet-Cookie:%20y=z");
  EXPECT_EQ(answer.body, "data");
  EXPECT_FALSE(answer.headers.contains("set-cookie"));
}

// ---- Uploads ----------------------------------------------------------------------------------

TEST_F(FileTransferDoorTest, TakesABody) {
  const std::string data = LargeData(3 << 20);
  const HttpAnswer answer = Post("/files?path=dir/a&username=root", kRaw, data);
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(json::parse(answer.body),
            json::array({{{"name", "a"}, {"type", "file"}, {"path", "/root/dir/a"}}}));
  EXPECT_TRUE(gateway_.files().Contents("/root/dir/a") == data);
  EXPECT_EQ(gateway_.files().last_user(), "root");
}

TEST_F(FileTransferDoorTest, TakesAnEmptyBodyAndAPackedOne) {
  EXPECT_EQ(Post("/files?path=e", kRaw, "").status, 200u);
  EXPECT_EQ(gateway_.files().Contents("/home/user/e"), "");
  const std::string data = LargeData(1 << 20);
  auto packed = kRaw;
  packed["Content-Encoding"] = "gzip";
  EXPECT_EQ(Post("/files?path=z", packed, Pack(data)).status, 200u);
  EXPECT_TRUE(gateway_.files().Contents("/home/user/z") == data);
  EXPECT_EQ(Post("/files?path=y", packed, Pack(data).substr(0, 1000)).status, 400u);
  EXPECT_EQ(gateway_.files().Contents("/home/user/y"), "(none)");
}

TEST_F(FileTransferDoorTest, TakesTheFilesOfAForm) {
  const std::string data = LargeData(1 << 20);
  const std::string form =
      absl::StrCat("--B\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nignored\r\n",
                   FilePart("/tmp/a", data), FilePart("sub/b", ""), "--B--\r\n");
  const HttpAnswer answer = PostForm("/files", form);
  EXPECT_EQ(answer.status, 200u) << answer.body;
  const json written = json::parse(answer.body);
  ASSERT_EQ(written.size(), 2u);
  EXPECT_EQ(written[0]["path"], "/tmp/a");
  EXPECT_EQ(written[1]["path"], "/home/user/sub/b");
  EXPECT_TRUE(gateway_.files().Contents("/tmp/a") == data);
  EXPECT_EQ(gateway_.files().Contents("/home/user/sub/b"), "");
}

TEST_F(FileTransferDoorTest, ThePathOfTheQueryIsThatOfTheFile) {
  EXPECT_EQ(PostForm("/files?path=q", FilePart("", "data") + "--B--").status, 200u);
  EXPECT_EQ(gateway_.files().Contents("/home/user/q"), "data");
  EXPECT_EQ(PostForm("/files?path=r", FilePart("named", "data") + "--B--").status, 200u);
  EXPECT_EQ(gateway_.files().Contents("/home/user/named"), "(none)");
}

TEST_F(FileTransferDoorTest, RefusesFilesWithoutAPathOfTheirOwn) {
  ExpectError(Post("/files", kRaw, "data"), 400, "no path");
  ExpectError(PostForm("/files", FilePart("", "data") + "--B--"), 400, "no path");
  ExpectError(PostForm("/files", FilePart("a", "1") + FilePart("./a", "2") + "--B--"), 400,
              "multiple files");
  EXPECT_EQ(gateway_.files().Contents("/home/user/a"), "1");
}

TEST_F(FileTransferDoorTest, AMalformedFormLeavesNoFile) {
  const std::string bodies[] = {
      FilePart("a", "data"),
      FilePart("a", "data") + "--B",
      "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\ndata\r\n--Bx",
      "no boundary at all",
      "--B\r\nContent-Type: text/plain\r\n\r\ndata\r\n--B--",
      "",
  };
  for (const std::string& body : bodies) EXPECT_EQ(PostForm("/files", body).status, 400u) << body;
  EXPECT_EQ(Post("/files", {{"Content-Type", "multipart/form-data"}}, "x").status, 400u);
  ExpectError(Post("/files?path=a", {{"Content-Type", "text/plain"}}, "x"), 400,
              "unsupported content type");
}

TEST_F(FileTransferDoorTest, ACutOffFormCancelsItsFile) {
  EXPECT_EQ(
      PostForm("/files",
               "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n" +
                   LargeData(1 << 20))
          .status,
      400u);
  EXPECT_EQ(gateway_.files().Contents("/home/user/a"), "(none)");
  EXPECT_EQ(gateway_.files().cancelled_writes(), 1u);
}

TEST_F(FileTransferDoorTest, HeadersBecomeMetadata) {
  auto headers = kRaw;
  headers["X-Metadata-Key"] = "Some Value";
  headers["x-metadata-b"] = "2";
  const HttpAnswer answer = Post("/files?path=m", headers, "data");
  EXPECT_EQ(json::parse(answer.body)[0]["metadata"], json({{"key", "Some Value"}, {"b", "2"}}));
  EXPECT_THAT(gateway_.files().Attributes("/home/user/m"),
              ElementsAre(Pair("user.e2b.b", "2"), Pair("user.e2b.key", "Some Value")));
}

TEST_F(FileTransferDoorTest, GoesAtTheSandboxesPace) {
  const std::string data = LargeData(2 << 20);
  gateway_.files().SetWrites(FakeFiles::Writes::kPausing);
  EXPECT_EQ(Post("/files?path=a", kRaw, data).status, 200u);
  EXPECT_TRUE(gateway_.files().Contents("/home/user/a") == data);
  // Held up, it takes no more than it has.
  gateway_.files().SetWrites(FakeFiles::Writes::kHeld);
  const size_t before = gateway_.files().taken_bytes();
  TestClient client(gateway_.server());
  std::thread sender(
      [&] { client.SendRequest("POST", "/files?path=b", gateway_.Headers(kRaw), data); });
  ASSERT_TRUE(Eventually([&] { return gateway_.files().held_writes() == 1; }));
  EXPECT_LE(gateway_.files().taken_bytes() - before, size_t{256} << 10);
  gateway_.files().SetWrites(FakeFiles::Writes::kFree);
  gateway_.files().GiveRoom();
  sender.join();
  EXPECT_EQ(client.ReadAnswer().status, 200u);
  EXPECT_TRUE(gateway_.files().Contents("/home/user/b") == data);
}

TEST_F(FileTransferDoorTest, AClientThatGoesCancels) {
  {
    TestClient client(gateway_.server());
    auto headers = gateway_.Headers(kRaw);
    headers["Content-Length"] = "1000000";
    client.SendRequest("POST", "/files?path=a", headers);
    client.Send("some of it");
    ASSERT_TRUE(Eventually([&] { return gateway_.files().taken_bytes() > 0; }));
  }
  EXPECT_TRUE(Eventually([&] { return gateway_.files().cancelled_writes() == 1; }));
  EXPECT_EQ(gateway_.files().Contents("/home/user/a"), "(none)");
}

TEST_F(FileTransferDoorTest, SaysWhyAFileCouldNotBe) {
  gateway_.files().PutDirectory("/home/user/d");
  ExpectError(Post("/files?path=d", kRaw, "data"), 400, "path '/home/user/d' is a directory");
  gateway_.files().FailWrites(absl::ResourceExhaustedError("the disk is full"));
  ExpectError(Post("/files?path=a", kRaw, "data"), 507, "the disk is full");
  ExpectError(PostForm("/files", FilePart("a", LargeData(1000)) + "--B--"), 507, "full");
  gateway_.files().FailWrites(absl::PermissionDeniedError("not yours"));
  ExpectError(Post("/files?path=/etc/passwd", kRaw, "data"), 403, "not yours");
}

TEST_F(FileTransferDoorTest, RefusesOtherMethods) {
  EXPECT_EQ(Ask("PUT", "/files?path=a", kRaw, "x").status, 405u);
}

// ---- Who may ----------------------------------------------------------------------------------

std::string Escaped(absl::string_view signature) {
  std::string escaped;
  for (char c : signature) {
    if (c == '+') {
      escaped += "%2B";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

class FileSignatureTest : public FileTransferDoorTest {
 protected:
  FileSignatureTest() { gateway_.files().Put("/home/user/a", "hello"); }

  // A target with the signature of `deed` by the sandbox's token.
  std::string Signed(const std::string& query, SignedDeed deed,
                     const std::string& sandbox_id = "sb1") {
    const std::string target = "/files?" + query;
    const FileQuery parsed = *ParseFileQuery(*ParseTarget(target));
    return absl::StrCat(
        target, "&signature=", Escaped(SignatureOf(parsed, deed, gateway_.Token(sandbox_id))));
  }
  // Without a token; `sandbox_id` empty: for whom the signature says.
  HttpAnswer AskUnknown(absl::string_view method, absl::string_view target,
                        const std::string& sandbox_id, absl::string_view body = "") {
    std::map<std::string, std::string> headers = kRaw;
    if (!sandbox_id.empty()) headers["E2b-Sandbox-Id"] = sandbox_id;
    TestClient client(gateway_.server());
    return client.Ask(method, target, headers, body);
  }
};

TEST_F(FileSignatureTest, NeedsTokenOrSignature) {
  ExpectError(AskUnknown("GET", "/files?path=a", "sb1"), 401, "access token");
  ExpectError(Ask("GET", "/files?path=a", {{"X-Access-Token", "wrong"}}), 401, "access token");
  // A wrong token is wrong, whatever else is right.
  ExpectError(Ask("GET", Signed("path=a", SignedDeed::kRead), {{"X-Access-Token", "wrong"}}), 401,
              "access token");
  ExpectError(Ask("GET", "/files?path=a&username=mallory"), 401, "'mallory'");
}

TEST_F(FileSignatureTest, ASignatureIsEnough) {
  for (const char* sandbox_id : {"sb1", ""}) {
    EXPECT_EQ(AskUnknown("GET", Signed("path=a", SignedDeed::kRead), sandbox_id).body, "hello");
    const std::string expires = std::to_string(absl::ToUnixSeconds(absl::Now()) + 1000);
    EXPECT_EQ(AskUnknown(
                  "GET",
                  Signed("path=a&username=user&signature_expiration=" + expires, SignedDeed::kRead),
                  sandbox_id)
                  .body,
              "hello");
    EXPECT_EQ(AskUnknown("POST", Signed("path=b", SignedDeed::kWrite), sandbox_id, "new").status,
              200u);
  }
}

TEST_F(FileSignatureTest, AnotherIsNot) {
  for (const char* sandbox_id : {"sb1", ""}) {
    ExpectError(AskUnknown("GET", Signed("path=a", SignedDeed::kWrite), sandbox_id), 401,
                "invalid signature");
    ExpectError(AskUnknown("POST", Signed("path=a", SignedDeed::kRead), sandbox_id, "new"), 401,
                "invalid signature");
    ExpectError(AskUnknown("GET", "/files?path=a&signature=v1_", sandbox_id), 401,
                "invalid signature");
    ExpectError(AskUnknown("GET", Signed("path=a&signature_expiration=1000", SignedDeed::kRead),
                           sandbox_id),
                401, "signature is already expired");
    ExpectError(AskUnknown("GET", Signed("path=a&username=mallory", SignedDeed::kRead), sandbox_id),
                401, "'mallory'");
  }
  EXPECT_EQ(gateway_.files().Contents("/home/user/a"), "hello");
}

TEST_F(FileSignatureTest, AnOpenSandboxNeedsNone) {
  gateway_.files().SetSecurity(FakeFiles::Security::kOpen);
  EXPECT_EQ(AskUnknown("GET", "/files?path=a", "sb1").body, "hello");
  EXPECT_EQ(AskUnknown("GET", "/files?path=a&signature=v1_x", "sb1").body, "hello");
}

TEST_F(FileSignatureTest, AGoneSandboxIsSaidToBe) {
  gateway_.files().SetState(v1::Sandbox::DEAD);
  EXPECT_EQ(Ask("GET", "/files?path=a").status, 502u);
  EXPECT_EQ(AskUnknown("GET", Signed("path=a", SignedDeed::kRead), "sb1").status, 502u);
  EXPECT_EQ(AskUnknown("GET", "/files?path=a&signature=v1_x", "sb1").status, 502u);
  ExpectError(AskUnknown("GET", Signed("path=a", SignedDeed::kRead), ""), 401, "invalid signature");
}

TEST_F(FileSignatureTest, FindsTheSandboxWhereverItIsListed) {
  for (int i = 0; i < 9; ++i) {
    const std::string id = absl::StrCat("sb", i);
    gateway_.backend().Add(id).Put("/home/user/a", id);
  }
  for (const char* id : {"sb0", "sb5", "sb8"})
    EXPECT_EQ(AskUnknown("GET", Signed("path=a", SignedDeed::kRead, id), "").body, id);
}

TEST_F(FileSignatureTest, OneSearchesAtATimeAndNotTooManyWait) {
  constexpr size_t kTooMany = 3;
  gateway_.backend().HoldLists();
  const std::string target = Signed("path=a", SignedDeed::kRead);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (size_t i = 0; i < 1 + SignatureSearch::kMaxWaiting + kTooMany; ++i) {
    clients.push_back(std::make_unique<TestClient>(gateway_.server()));
    clients.back()->SendRequest("GET", target);
  }
  ASSERT_TRUE(Eventually([&] { return gateway_.answered() == kTooMany; }));
  EXPECT_EQ(gateway_.backend().lists(), 1u);
  gateway_.backend().ReleaseLists();
  size_t refused = 0;
  for (auto& client : clients) {
    const HttpAnswer answer = client->ReadAnswer();
    if (answer.status == 429) {
      ++refused;
    } else {
      EXPECT_EQ(answer.body, "hello");
    }
  }
  EXPECT_EQ(refused, kTooMany);
}

}  // namespace
}  // namespace warren
