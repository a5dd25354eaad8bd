// A package's page: who may have it, and which index has it.
#include "absl/strings/str_replace.h"
#include "tests/fetcher/fetcher_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::string kDigest(64, 'a');

class PagesTest : public FetcherTest {
 protected:
  // An index that has one wheel of each name.
  void Has(IndexServer& server, const std::string& name) {
    const std::string file =
        absl::StrCat(absl::StrReplaceAll(name, {{"-", "_"}}), "-2.1.0-py3-none-any.whl");
    server.Set(absl::StrCat("/simple/", name, "/"), JsonPage(JsonFile(file, file, kDigest)));
  }
  IndexServer first_;
  IndexServer second_;
};

TEST_F(PagesTest, HasLinksOfItsOwn) {
  Has(first_, "numpy");
  AddIndex("first", first_);
  Start();
  const auto page = Get("/simple/numpy/");
  EXPECT_EQ(page.result_int(), 200u);
  EXPECT_THAT(LinksOf(page), SizeIs(1));
  EXPECT_THAT(page.body(), HasSubstr("#sha256=" + kDigest));
  EXPECT_THAT(page.body(), Not(HasSubstr(std::to_string(first_.port()))));
  ASSERT_THAT(first_.asked("/simple/numpy/"), SizeIs(1));
  EXPECT_THAT(first_.asked("/simple/numpy/")[0].fields.at("accept"), StartsWith(kSimpleJson));
}

TEST_F(PagesTest, NamesAreNormalized) {
  AddIndex("first", first_);
  Start();
  for (const char* target : {"/simple/numpy", "/simple/NumPy/", "/simple/NUMPY"}) {
    const auto answer = Get(target);
    EXPECT_EQ(answer.result_int(), 301u) << target;
    EXPECT_EQ(answer["Location"], "/simple/numpy/") << target;
  }
  for (const char* target : {"/simple/", "/simple/a/b/", "/simple/..%2f/", "/x", "/simple/-/"})
    EXPECT_EQ(Get(target).result_int(), 404u) << target;
  EXPECT_EQ(Get("/").body(), "the package index of this Warren server\n");
}

TEST_F(PagesTest, WhatIsNotAllowedIsRefusedAndTold) {
  Has(first_, "requests");
  AddIndex("first", first_);
  Start();
  const auto answer = Get("/simple/requests/");
  EXPECT_EQ(answer.result_int(), 403u);
  EXPECT_THAT(std::string(answer.reason()), HasSubstr("requests"));
  EXPECT_THAT(answer.body(), StartsWith("Forbidden by Warren: "));
  EXPECT_THAT(first_.asked("/simple/requests/"), IsEmpty());
  const internal::FetcherEvent event = NextEvent();
  EXPECT_EQ(event.package_refused().sandbox_id(), kSandbox);
  EXPECT_EQ(event.package_refused().package(), "requests");
  EXPECT_THAT(answer.body(), HasSubstr(event.package_refused().reason()));
}

TEST_F(PagesTest, DependenciesAreForTheBuilderAndThenForAll) {
  Has(first_, "six");
  Has(first_, "evil");
  setup_.mutable_policy()->add_deny()->set_requirement("evil");
  AddIndex("first", first_);
  Start();
  EXPECT_EQ(Get("/simple/six/", internal::BUILDER).result_int(), 200u);
  EXPECT_EQ(Get("/simple/evil/", internal::BUILDER).result_int(), 403u);
  EXPECT_EQ(Get("/simple/six/").result_int(), 403u);
  Learn("six");
  Learn("evil");
  EXPECT_TRUE(Eventually([&] { return Get("/simple/six/").result_int() == 200; }));
  EXPECT_EQ(Get("/simple/evil/").result_int(), 403u);
}

TEST_F(PagesTest, TheFirstThatHasItAnswersAlone) {
  // Of another version than the policy has: it is its package all the same.
  first_.Set("/simple/numpy/", JsonPage(JsonFile("numpy-1.0-py3-none-any.whl", "a.whl", kDigest)));
  Has(second_, "numpy");
  setup_.mutable_policy()->mutable_allow(0)->set_requirement("numpy>=2");
  AddIndex("first", first_);
  AddIndex("second", second_);
  Start();
  const auto page = Get("/simple/numpy/");
  EXPECT_EQ(page.result_int(), 200u);
  EXPECT_THAT(LinksOf(page), IsEmpty());
  EXPECT_EQ(second_.connections(), 0u);
}

TEST_F(PagesTest, WhoDoesNotHaveItIsPassedOver) {
  // Not there; and there with nothing on its page.
  IndexServer empty;
  empty.Set("/simple/numpy/", JsonPage(""));
  Has(second_, "numpy");
  AddIndex("first", first_);
  AddIndex("empty", empty);
  AddIndex("second", second_);
  Start();
  EXPECT_THAT(LinksOf(Get("/simple/numpy/")), SizeIs(1));
  EXPECT_THAT(first_.asked("/simple/numpy/"), SizeIs(1));
  EXPECT_THAT(empty.asked("/simple/numpy/"), SizeIs(1));
}

TEST_F(PagesTest, NobodyHasIt) {
  AddIndex("first", first_);
  Start();
  const auto answer = Get("/simple/numpy/");
  EXPECT_EQ(answer.result_int(), 404u);
  EXPECT_THAT(answer.body(), HasSubstr("no index of this server has \"numpy\""));
}

TEST_F(PagesTest, WhereOneFailsNobodyAnswersInItsPlace) {
  const IndexServer::Answer failures[] = {
      {503, "", "text/html"},
      {401, "", "text/html"},
      {200, "<html>", "text/plain"},
      {200, "{", kSimpleJson},
      {200, "", "text/html", {}, {}, 100},
      {301, "", "text/html", {{"Location", "ftp://127.0.0.1/"}}},
  };
  Has(second_, "numpy");
  AddIndex("first", first_);
  AddIndex("second", second_);
  Start();
  for (const IndexServer::Answer& failure : failures) {
    first_.Set("/simple/numpy/", failure);
    const auto answer = Get("/simple/numpy/");
    EXPECT_EQ(answer.result_int(), 502u) << failure.status << failure.body;
    EXPECT_THAT(answer.body(), HasSubstr("index \"first\": "));
    EXPECT_THAT(answer.body(), Not(HasSubstr(std::to_string(first_.port()))));
  }
  EXPECT_EQ(second_.connections(), 0u);
}

TEST_F(PagesTest, AConnectionThatBreaksIsTriedAgain) {
  Has(first_, "numpy");
  IndexServer::Answer answer = JsonPage(JsonFile("numpy-2.1.0-py3-none-any.whl", "a.whl", kDigest));
  answer.drops = 2;
  first_.Set("/simple/numpy/", answer);
  AddIndex("first", first_);
  Start();
  EXPECT_EQ(Get("/simple/numpy/").result_int(), 200u);
  EXPECT_EQ(first_.connections(), 3u);
}

TEST_F(PagesTest, ClaimedNamesAreOfTheirIndexAlone) {
  setup_.mutable_policy()->add_allow()->set_requirement("*");
  for (const char* name : {"acme-tools", "acme-missing", "numpy"}) Has(first_, name);
  Has(second_, "acme-tools");
  AddIndex("open", first_);
  AddIndex("ours", second_).add_packages("acme-*");
  Start();
  EXPECT_THAT(LinksOf(Get("/simple/acme-tools/")), SizeIs(1));
  EXPECT_EQ(Get("/simple/acme-missing/").result_int(), 404u);
  EXPECT_EQ(first_.connections(), 0u);
  // And it is asked for no other.
  EXPECT_EQ(Get("/simple/numpy/").result_int(), 200u);
  EXPECT_THAT(second_.asked("/simple/numpy/"), IsEmpty());
}

TEST_F(PagesTest, FilesAreChosenByThePolicy) {
  setup_.mutable_policy()->mutable_allow(0)->set_requirement("numpy>=2");
  first_.Set("/simple/numpy/",
             JsonPage(absl::StrCat(JsonFile(kWheel, kWheel, kDigest), ",",
                                   JsonFile("numpy-1.9-py3-none-any.whl", "a.whl", kDigest), ",",
                                   JsonFile("numpy-2.1.0.tar.gz", "a.tar.gz", kDigest), ",",
                                   JsonFile("numpy-2.2-py3-none-any.whl", "b.whl", ""), ",",
                                   JsonFile("scipy-2.2-py3-none-any.whl", "c.whl", kDigest))));
  AddIndex("first", first_);
  Start();
  const std::vector<std::string> links = LinksOf(Get("/simple/numpy/"));
  ASSERT_THAT(links, SizeIs(1));
  EXPECT_THAT(links[0], ::testing::EndsWith(kWheel));
}

TEST_F(PagesTest, SourcesAreThereWhereThePolicySaysSo) {
  setup_.mutable_policy()->set_source_distributions(true);
  first_.Set("/simple/numpy/", JsonPage(JsonFile("numpy-2.1.0.tar.gz", "a.tar.gz", kDigest)));
  AddIndex("first", first_);
  Start();
  EXPECT_THAT(LinksOf(Get("/simple/numpy/")), SizeIs(1));
}

TEST_F(PagesTest, WithoutDigestsThereIsNothing) {
  first_.Set("/simple/numpy/", JsonPage(JsonFile(kWheel, kWheel, "")));
  AddIndex("first", first_);
  Start();
  const auto answer = Get("/simple/numpy/");
  EXPECT_EQ(answer.result_int(), 502u);
  EXPECT_THAT(answer.body(), HasSubstr("no SHA-256"));
}

TEST_F(PagesTest, OverHttpsTheCertificateMustBeRight) {
  const Certificate certificate = MakeCertificate();
  IndexServer secure("127.0.0.1", &certificate);
  secure.Set("/simple/numpy/",
             JsonPage(absl::StrCat(JsonFile(kWheel, kWheel, kDigest), ",",
                                   JsonFile(kWheel, "http://127.0.0.1/clear.whl", kDigest))));
  AddIndex("secure", secure);
  // The host's, in a test.
  certificates_ = MakeCertificate().certificate;
  Start();
  const auto answer = Get("/simple/numpy/");
  EXPECT_EQ(answer.result_int(), 502u);
  EXPECT_THAT(answer.body(), HasSubstr("index \"secure\": its TLS certificate is not accepted\n"));
  Stop();

  setup_.mutable_secrets(0)->set_certificates(certificate.certificate);
  Start();
  // And none of its files is fetched in the clear.
  EXPECT_THAT(LinksOf(Get("/simple/numpy/")), SizeIs(1));
}

TEST_F(PagesTest, RedirectsAreFollowedSoFar) {
  Has(first_, "numpy");
  first_.Set("/simple/numpy/",
             {302, "", "text/html", {{"Location", absl::StrCat(second_.root(), "/1")}}});
  for (int i = 1; i <= 4; ++i) {
    second_.Set(absl::StrCat("/", i),
                {307, "moved", "text/html", {{"Location", absl::StrCat("/", i + 1)}}});
  }
  second_.Set("/5", JsonPage(JsonFile(kWheel, "deep/a.whl", kDigest)));
  AddIndex("first", first_);
  AddIndex("second", second_);
  setup_.mutable_secrets(0)->set_credentials("user:word");
  Start();
  EXPECT_THAT(LinksOf(Get("/simple/numpy/")), SizeIs(1));
  // Nobody else has heard the credentials.
  EXPECT_EQ(first_.asked("/simple/numpy/")[0].fields.at("authorization"), "Basic dXNlcjp3b3Jk");
  for (int i = 1; i <= 5; ++i)
    EXPECT_EQ(second_.asked(absl::StrCat("/", i)).at(0).fields.count("authorization"), 0u) << i;

  second_.Set("/5", {302, "", "text/html", {{"Location", "/1"}}});
  const auto answer = Get("/simple/numpy/");
  EXPECT_EQ(answer.result_int(), 502u);
  EXPECT_THAT(answer.body(), HasSubstr("on and on"));
}

TEST_F(PagesTest, NoRedirectLeadsFromHttpsToHttp) {
  const Certificate certificate = MakeCertificate();
  IndexServer secure("127.0.0.1", &certificate);
  Has(second_, "numpy");
  secure.Set(
      "/simple/numpy/",
      {302, "", "text/html", {{"Location", absl::StrCat(second_.root(), "/simple/numpy/")}}});
  AddIndex("secure", secure);
  AddIndex("second", second_);
  setup_.mutable_secrets(0)->set_certificates(certificate.certificate);
  Start();
  EXPECT_THAT(Get("/simple/numpy/").body(), HasSubstr("leads on to http"));
  EXPECT_EQ(second_.connections(), 0u);
}

TEST_F(PagesTest, NoRedirectLeadsToInnerAddresses) {
  IndexServer inner("127.0.0.2");
  Has(inner, "numpy");
  first_.Set("/simple/numpy/",
             {302, "", "text/html", {{"Location", absl::StrCat(inner.root(), "/simple/numpy/")}}});
  AddIndex("first", first_);
  Start();
  const auto answer = Get("/simple/numpy/");
  EXPECT_EQ(answer.result_int(), 502u);
  EXPECT_THAT(answer.body(), HasSubstr("index \"first\": it leads to where it may not\n"));
  EXPECT_EQ(inner.connections(), 0u);
}

TEST_F(PagesTest, AnIndexsHostIsReachedAtItsPortAlone) {
  IndexServer another;
  Has(another, "numpy");
  first_.Set("/simple/numpy/",
             {302, "", "text/html", {{"Location", another.root() + "/simple/numpy/"}}});
  AddIndex("first", first_);
  Start();
  EXPECT_EQ(Get("/simple/numpy/").result_int(), 502u);
  EXPECT_EQ(another.connections(), 0u);
}

TEST_F(PagesTest, OfWhatIsWrongTheKindIsSaidAndNoPlace) {
  const std::string root = [] { return IndexServer().root(); }();
  AddIndex("gone", root + "/simple/");
  Start();
  const auto answer = Get("/simple/numpy/");
  EXPECT_EQ(answer.result_int(), 502u);
  EXPECT_THAT(answer.body(), HasSubstr("index \"gone\": it does not answer\n"));
}

// Else a public one would take the name of a private one whose page has something wrong.
TEST_F(PagesTest, AnIndexOfWhichNothingCanBeUsedHasFailed) {
  Has(second_, "numpy");
  AddIndex("first", first_);
  AddIndex("second", second_);
  Start();
  for (const std::string& files : {
           JsonFile(kWheel, "ftp://index.test/numpy.whl", kDigest),
           JsonFile(kWheel, "https://user:word@index.test/numpy.whl", kDigest),
           JsonFile("numpy-2.1.0.tar.lz", "numpy.tar.lz", kDigest),
           JsonFile("scipy-2.1.0-py3-none-any.whl", "scipy.whl", kDigest),
       }) {
    first_.Set("/simple/numpy/", JsonPage(files));
    const auto answer = Get("/simple/numpy/");
    EXPECT_EQ(answer.result_int(), 502u) << files;
    EXPECT_THAT(answer.body(), HasSubstr("index \"first\": its page has files, and none")) << files;
  }
  EXPECT_EQ(second_.connections(), 0u);
  // This is another matter: without the policy's word they would be there.
  first_.Set("/simple/numpy/", JsonPage(JsonFile("numpy-2.1.0.tar.gz", "a.tar.gz", kDigest)));
  const auto sources = Get("/simple/numpy/");
  EXPECT_EQ(sources.result_int(), 200u);
  EXPECT_THAT(LinksOf(sources), IsEmpty());
  EXPECT_EQ(second_.connections(), 0u);
  first_.Set("/simple/numpy/", JsonPage(""));
  EXPECT_THAT(LinksOf(Get("/simple/numpy/")), SizeIs(1));
}

TEST_F(PagesTest, OverHttpsFilesInTheClearAloneAreAFailure) {
  const Certificate certificate = MakeCertificate();
  IndexServer secure("127.0.0.1", &certificate);
  secure.Set("/simple/numpy/", JsonPage(JsonFile(kWheel, "http://127.0.0.1/clear.whl", kDigest)));
  Has(second_, "numpy");
  AddIndex("secure", secure);
  AddIndex("second", second_);
  setup_.mutable_secrets(0)->set_certificates(certificate.certificate);
  Start();
  EXPECT_EQ(Get("/simple/numpy/").result_int(), 502u);
  EXPECT_EQ(second_.connections(), 0u);
}

TEST_F(PagesTest, OfADirectoryTheDigestsAreComputed) {
  const std::string directory = AddDirectory("wheels");
  std::ofstream(absl::StrCat(directory, "/", kWheel)) << "wheel";
  std::ofstream(absl::StrCat(directory, "/scipy-1.0-py3-none-any.whl")) << "other";
  std::filesystem::create_directory(absl::StrCat(directory, "/numpy-2.0-py3-none-any.whl"));
  Start();
  auto page = Get("/simple/numpy/");
  EXPECT_THAT(LinksOf(page), SizeIs(1));
  EXPECT_THAT(page.body(), HasSubstr(HexSha256("wheel")));
  // Of another size, so it is another file whatever the clock's resolution.
  std::ofstream(absl::StrCat(directory, "/", kWheel)) << "another wheel";
  page = Get("/simple/numpy/");
  EXPECT_THAT(page.body(), HasSubstr(HexSha256("another wheel")));
}

}  // namespace
}  // namespace warren::testing
