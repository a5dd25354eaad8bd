// Files behind links: passed on as they come, and never as something else.
#include "tests/fetcher/fetcher_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FilesTest : public FetcherTest {
 protected:
  // Of more than one piece.
  const std::string content_ = [] {
    std::string content;
    for (int i = 0; content.size() < (3 << 20); ++i) absl::StrAppend(&content, i, ",");
    return content;
  }();

  // The path of the one link of numpy's page.
  std::string Link() {
    const std::vector<std::string> links = LinksOf(Get("/simple/numpy/"));
    EXPECT_THAT(links, SizeIs(1));
    return links.empty() ? "" : links[0];
  }
  // At an index whose page tells that digest.
  std::string Serve(const std::string& sha256, const std::string& more = "") {
    return ServeAt(absl::StrCat("/files/", kWheel), sha256, more);
  }
  std::string ServeAt(const std::string& url, const std::string& sha256,
                      const std::string& more = "") {
    server_.Set("/simple/numpy/", JsonPage(JsonFile(kWheel, url, sha256, more)));
    server_.Set(absl::StrCat("/files/", kWheel), {200, content_});
    AddIndex("index", server_);
    setup_.mutable_secrets(0)->set_credentials("user:word");
    Start();
    return Link();
  }
  IndexServer server_;
};

TEST_F(FilesTest, ComeWhole) {
  const std::string link = Serve(HexSha256(content_));
  const auto program = Connect();
  for (int i = 0; i < 2; ++i) {
    const auto answer = program->Get(link);
    EXPECT_EQ(answer.result_int(), 200u);
    EXPECT_EQ(answer["Content-Length"], std::to_string(content_.size()));
    EXPECT_TRUE(answer.body() == content_);
  }
  const auto head = program->Ask("HEAD", link);
  EXPECT_EQ(head.result_int(), 200u);
  EXPECT_EQ(head["Content-Length"], std::to_string(content_.size()));
  // The index's own origin.
  EXPECT_EQ(server_.asked(absl::StrCat("/files/", kWheel))[0].fields.count("authorization"), 1u);
}

TEST_F(FilesTest, AnotherDigestCutsThem) {
  const std::string link = Serve(HexSha256("another"));
  const auto program = Connect();
  const auto answer = program->Get(link);
  EXPECT_EQ(program->error(), boost::asio::error::connection_reset);
  EXPECT_LT(answer.body().size(), content_.size());
}

TEST_F(FilesTest, OfOnePieceAnotherDigestIsAnError) {
  const std::string link = Serve(HexSha256("another"));
  server_.Set(absl::StrCat("/files/", kWheel), {200, "short"});
  const auto answer = Get(link);
  EXPECT_EQ(answer.result_int(), 502u);
  EXPECT_THAT(answer.body(), HasSubstr("SHA-256"));
}

TEST_F(FilesTest, WhatEndsTooEarlyIsCut) {
  const std::string link = Serve(HexSha256(content_));
  server_.Set(absl::StrCat("/files/", kWheel),
              {200, content_, "application/octet-stream", {}, content_.size() / 2});
  const auto program = Connect();
  program->Get(link);
  EXPECT_EQ(program->error(), boost::asio::error::connection_reset);
}

TEST_F(FilesTest, AnIndexThatDoesNotHaveThemIsSaid) {
  const std::string link = Serve(HexSha256(content_));
  server_.Set(absl::StrCat("/files/", kWheel), {404, "gone", "text/html"});
  EXPECT_EQ(Get(link).result_int(), 404u);
  server_.Set(absl::StrCat("/files/", kWheel), {500, "broken", "text/html"});
  const auto answer = Get(link);
  EXPECT_EQ(answer.result_int(), 502u);
  EXPECT_THAT(answer.body(), HasSubstr("index \"index\": it answers with status 500"));
}

TEST_F(FilesTest, ForgedLinksAreNone) {
  const std::string link = Serve(HexSha256(content_));
  std::string forged = link;
  forged[8] = forged[8] == 'A' ? 'B' : 'A';
  EXPECT_EQ(Get(forged).result_int(), 404u);
  EXPECT_EQ(Get(link + ".metadata").result_int(), 404u);
  FileLink wanted;
  wanted.filename = kWheel;
  wanted.url = server_.root() + "/secret";
  EXPECT_EQ(Get(LinkSealer("another key").PathOf(wanted)).result_int(), 404u);
  EXPECT_THAT(server_.asked("/secret"), IsEmpty());
  EXPECT_THAT(server_.asked(absl::StrCat("/files/", kWheel)), IsEmpty());
  // What this fetcher's key has sealed, another one with that key knows.
  Stop();
  Start();
  EXPECT_EQ(Get(link).result_int(), 200u);
}

TEST_F(FilesTest, MetadataComeByThemselves) {
  const std::string metadata = "Metadata-Version: 2.1\n";
  const std::string link =
      Serve(HexSha256(content_),
            absl::StrCat(",\"core-metadata\":{\"sha256\":\"", HexSha256(metadata), "\"}"));
  const std::string target = absl::StrCat("/files/", kWheel, ".metadata");
  server_.Set(target, {200, metadata});
  EXPECT_EQ(Get(link + ".metadata").body(), metadata);
  server_.Set(target, {200, "other"});
  EXPECT_EQ(Get(link + ".metadata").result_int(), 502u);
}

// What is not whole could not be checked.
TEST_F(FilesTest, OfTheWebTheyComeWholeWhateverPartIsAskedFor) {
  const std::string link = Serve(HexSha256(content_));
  const auto program = Connect();
  const auto answer = program->Get(link, "Range: bytes=4-7\r\n");
  EXPECT_EQ(answer.result_int(), 200u);
  EXPECT_EQ(answer["Accept-Ranges"], "none");
  EXPECT_TRUE(answer.body() == content_);
  const std::string target = absl::StrCat("/files/", kWheel);
  EXPECT_EQ(server_.asked(target)[0].fields.count("range"), 0u);
  // Nor is a part taken that nobody has asked for.
  server_.Set(target,
              {206, "part", "application/octet-stream", {{"Content-Range", "bytes 4-7/100"}}});
  EXPECT_EQ(program->Get(link).result_int(), 502u);
}

// The supervisor is asked about what came whole and has a digest, and nothing else.
TEST_F(FilesTest, WhatIsNotWholeOrHasNoDigestIsNotAskedAbout) {
  const std::string link = Serve(HexSha256(content_), ",\"core-metadata\":true");
  const std::string target = absl::StrCat("/files/", kWheel);
  server_.Set(target + ".metadata", {200, "Metadata-Version: 2.1\n"});
  EXPECT_EQ(Get(link + ".metadata").result_int(), 200u);
  EXPECT_EQ(Connect()->Ask("HEAD", link).result_int(), 200u);
  for (const int status : {404, 500}) {
    server_.Set(target, {status, "no file", "text/html"});
    Get(link);
  }
  EXPECT_EQ(Get("/simple/six/").result_int(), 403u);
  EXPECT_TRUE(NextEvent().has_package_refused());

  server_.Set(target, {200, content_});
  EXPECT_EQ(Get(link).result_int(), 200u);
  const auto program = Connect();
  program->Say("GET /simple/six/ HTTP/1.1\r\nHost: index.warren.internal\r\n\r\n");
  const internal::FetcherEvent event = NextEvent();
  ASSERT_EQ(event.dependencies_wanted().files_size(), 1);
  EXPECT_EQ(event.dependencies_wanted().files(0).path(), link);
  EXPECT_EQ(event.dependencies_wanted().files(0).sha256(), HexSha256(content_));
}

TEST_F(FilesTest, CredentialsAreForTheIndexAlone) {
  IndexServer other;
  other.Set("/a.whl", {200, content_});
  AddIndex("other", other).add_packages("other");
  server_.Set("/simple/numpy/",
              JsonPage(JsonFile(kWheel, other.root() + "/a.whl", HexSha256(content_))));
  AddIndex("index", server_);
  setup_.mutable_secrets(1)->set_credentials("user:word");
  Start();
  EXPECT_EQ(Get(Link()).result_int(), 200u);
  ASSERT_THAT(other.asked("/a.whl"), SizeIs(1));
  EXPECT_EQ(other.asked("/a.whl")[0].fields.count("authorization"), 0u);
}

TEST_F(FilesTest, InnerAddressesAreNotReached) {
  IndexServer inner("127.0.0.2");
  inner.Set("/a.whl", {200, content_});
  const std::string link = ServeAt(inner.root() + "/a.whl", HexSha256(content_));
  const auto answer = Get(link);
  EXPECT_EQ(answer.result_int(), 502u);
  EXPECT_THAT(answer.body(), HasSubstr("index \"index\": it leads to where it may not\n"));
  EXPECT_EQ(inner.connections(), 0u);
}

TEST_F(FilesTest, ADirectoryHasThemToo) {
  const std::string directory = AddDirectory("wheels");
  const std::string path = absl::StrCat(directory, "/", kWheel);
  std::ofstream(path) << content_;
  Start();
  const std::string link = Link();
  const auto program = Connect();
  EXPECT_TRUE(program->Get(link).body() == content_);
  EXPECT_EQ(program->Ask("HEAD", link)["Content-Length"], std::to_string(content_.size()));
  const auto part = program->Get(link, "Range: bytes=10-19\r\n");
  EXPECT_EQ(part.result_int(), 206u);
  EXPECT_EQ(part.body(), content_.substr(10, 10));
  EXPECT_EQ(part["Content-Range"], absl::StrCat("bytes 10-19/", content_.size()));
  EXPECT_EQ(part["Accept-Ranges"], "bytes");
  EXPECT_EQ(program->Get(link, "Range: bytes=999999999-\r\n").result_int(), 416u);
  // The same size, and another content.
  std::string changed = content_;
  changed[0] = 'x';
  std::ofstream(path) << changed;
  program->Get(link);
  EXPECT_EQ(program->error(), boost::asio::error::connection_reset);
  std::filesystem::remove(path);
  EXPECT_EQ(Get(link).result_int(), 404u);
}

}  // namespace
}  // namespace warren::testing
