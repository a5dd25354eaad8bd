#ifndef WARREN_TESTS_FETCHER_FETCHER_TESTING_H_
#define WARREN_TESTS_FETCHER_FETCHER_TESTING_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/sha.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/fetcher/fetcher.h"
#include "runtime/fetcher/index_page.h"
#include "spdlog/spdlog.h"
#include "tests/fetcher/index_server.h"
#include "tests/support/patience.h"

namespace warren::testing {

inline std::string HexSha256(const std::string& data) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  ::SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), sizeof(digest)});
}

// A connection of a sandbox's program.
class Program {
 public:
  using Response = boost::beast::http::response<boost::beast::http::string_body>;

  explicit Program(UniqueFd fd) : socket_(io_) {
    socket_.assign(boost::asio::ip::tcp::v4(), fd.release());
  }
  void Say(const std::string& text) {
    boost::system::error_code error;
    boost::asio::write(socket_, boost::asio::buffer(text), error);
    EXPECT_FALSE(error) << error.message();
  }
  // The next answer. What broke it is in error().
  Response Hear(bool is_head = false) {
    boost::beast::http::response_parser<boost::beast::http::string_body> parser;
    parser.body_limit(1 << 30);
    parser.skip(is_head);
    boost::beast::http::read(socket_, buffer_, parser, error_);
    return parser.release();
  }
  Response Ask(const std::string& method, const std::string& target,
               const std::string& fields = "") {
    Say(absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: index.warren.internal\r\n", fields,
                     "\r\n"));
    return Hear(method == "HEAD");
  }
  Response Get(const std::string& target, const std::string& fields = "") {
    return Ask("GET", target, fields);
  }
  const boost::system::error_code& error() const { return error_; }
  // The other side has ended it, one way or the other.
  bool IsEnded() {
    Hear();
    return static_cast<bool>(error_);
  }
  int fd() { return socket_.native_handle(); }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
  boost::system::error_code error_;
};

// A fetcher on a thread of its own, and the launcher's, the supervisor's and the relay's ends of
// its sockets. Indexes are added before Start.
class FetcherTest : public ::testing::Test {
 protected:
  static constexpr char kSandbox[] = "sandboxone";

  FetcherTest() {
    setup_.set_pace(1);
    setup_.set_link_key(std::string(32, 'k'));
    setup_.mutable_policy()->set_name("test");
    setup_.mutable_policy()->add_allow()->set_requirement("numpy");
    directories_ = ::testing::TempDir() + "/fetcher_" + std::to_string(::getpid());
    std::filesystem::create_directories(directories_);
    EXPECT_TRUE(PrepareWebClients().ok());
    PrepareIndexPages();
  }
  ~FetcherTest() override {
    Stop();
    std::filesystem::remove_all(directories_);
  }

  config::PackageIndex& AddIndex(const std::string& name, const std::string& url) {
    config::PackageIndex& index = *setup_.mutable_policy()->add_indexes();
    index.set_name(name);
    index.set_url(url);
    setup_.add_secrets();
    return index;
  }
  config::PackageIndex& AddIndex(const std::string& name, const IndexServer& server) {
    return AddIndex(name, server.root() + "/simple/");
  }
  // The directory of the index that is added next.
  std::string AddDirectory(const std::string& name) {
    std::string path = absl::StrCat(directories_, "/", setup_.policy().indexes_size());
    std::filesystem::create_directories(path);
    AddIndex(name, "/srv/wheels");
    return path;
  }

  void Start() {
    SocketPair launcher = *MakeSeqpacketPair();
    SocketPair supervisor = *MakeSeqpacketPair();
    launcher_ = std::move(launcher.first);
    supervisor_ = std::move(supervisor.first);
    Launch(std::move(launcher.second), std::move(supervisor.second));
    ChangeRelay();
  }
  // With the fetcher's ends of its sockets.
  virtual void Launch(UniqueFd launcher, UniqueFd supervisor) {
    auto fetcher = Fetcher::Prepare(setup_, {certificates_, directories_}, std::move(launcher),
                                    std::move(supervisor));
    ASSERT_TRUE(fetcher.ok()) << fetcher.status();
    fetcher_ = *std::move(fetcher);
    // Made before there are threads, as in the program: the library is built without the sanitizer.
    spdlog::default_logger();
    thread_ = std::thread([this] { ended_ = fetcher_->Run(); });
  }
  void ChangeRelay() {
    SocketPair relay = *MakeSeqpacketPair();
    internal::FetcherOrder order;
    order.mutable_relay_changed();
    const int fds[] = {relay.second.get()};
    ASSERT_TRUE(SendMessage(launcher_.get(), order.SerializeAsString(), fds).ok());
    relay_ = std::move(relay.first);
  }
  void Stop() {
    launcher_.reset();
    if (thread_.joinable()) thread_.join();
    fetcher_.reset();
  }
  // How Run ended, which it does by itself.
  absl::Status WaitForEnd() {
    thread_.join();
    return ended_;
  }

  std::unique_ptr<Program> Connect(internal::PackageClient client = internal::USER,
                                   const std::string& sandbox = kSandbox) {
    UniqueFd door(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* where = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(door.get(), where, size), 0);
    EXPECT_EQ(::listen(door.get(), 1), 0);
    EXPECT_EQ(::getsockname(door.get(), where, &size), 0);
    UniqueFd program(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(program.get(), where, size), 0);
    // As the relay has them.
    const UniqueFd accepted(::accept4(door.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    internal::PackageConnection message;
    message.set_sandbox_id(sandbox);
    message.set_client(client);
    const int fds[] = {accepted.get()};
    EXPECT_TRUE(SendMessage(relay_.get(), message.SerializeAsString(), fds).ok());
    return std::make_unique<Program>(std::move(program));
  }
  Program::Response Get(const std::string& target,
                        internal::PackageClient client = internal::USER) {
    return Connect(client)->Get(target);
  }
  // The hrefs of a page, as a sandbox's program asks for them.
  static std::vector<std::string> LinksOf(const Program::Response& page) {
    std::vector<std::string> links;
    const std::string& body = page.body();
    for (size_t at = body.find("href=\""); at != std::string::npos; at = body.find("href=\"", at)) {
      at += 6;
      links.push_back(body.substr(at, body.find_first_of("#\"", at) - at));
    }
    return links;
  }
  internal::FetcherEvent NextEvent() {
    internal::FetcherEvent event;
    absl::StatusOr<Message> message = ReceiveMessage(supervisor_.get(), 4096);
    EXPECT_TRUE(message.ok() && event.ParseFromString(message->data));
    return event;
  }
  void Learn(const std::string& name) {
    internal::FetcherRequest request;
    request.mutable_learn_dependencies()->add_names(name);
    ASSERT_TRUE(SendMessage(supervisor_.get(), request.SerializeAsString(), {}).ok());
  }

  internal::FetcherSetup setup_;
  std::string certificates_;
  std::string directories_;
  UniqueFd launcher_;
  UniqueFd supervisor_;
  UniqueFd relay_;

 private:
  std::unique_ptr<Fetcher> fetcher_;
  std::thread thread_;
  absl::Status ended_;
};

inline constexpr char kWheel[] = "numpy-2.1.0-cp313-cp313-linux_x86_64.whl";

inline std::string JsonFile(const std::string& filename, const std::string& url,
                            const std::string& sha256, const std::string& more = "") {
  const std::string hashes = sha256.empty() ? "" : absl::StrCat("\"sha256\":\"", sha256, "\"");
  return absl::StrCat("{\"filename\":\"", filename, "\",\"url\":\"", url, "\",\"hashes\":{", hashes,
                      "}", more, "}");
}
inline IndexServer::Answer JsonPage(const std::string& files) {
  return {200,
          absl::StrCat("{\"meta\":{\"api-version\":\"1.0\"},\"name\":\"numpy\",\"files\":[", files,
                       "]}"),
          kSimpleJson};
}

}  // namespace warren::testing

#endif  // WARREN_TESTS_FETCHER_FETCHER_TESTING_H_
