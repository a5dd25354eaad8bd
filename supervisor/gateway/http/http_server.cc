#include "supervisor/gateway/http/http_server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"

namespace warren {

HttpServer::HttpServer(HttpHandler handler, MemoryBudget& memory, double pace, size_t crowd)
    : handler_(std::move(handler)),
      counted_([this](Exchange& exchange) { return Handle(exchange); }),
      memory_(memory),
      pace_(pace),
      crowd_(crowd),
      work_(io_.get_executor()) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpHandler handler,
                                                              MemoryBudget& memory, double pace,
                                                              const TlsCertificate* certificate,
                                                              size_t crowd) {
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(handler), memory, pace, crowd));
  if (certificate != nullptr) {
    absl::Status used = server->UseCertificate(*certificate);
    if (!used.ok()) return used;
  }
  for (int i = 0; i < kThreads; ++i)
    server->threads_.emplace_back([io = &server->io_] { io->run(); });
  return server;
}

HttpServer::~HttpServer() {
  Shutdown(absl::ZeroDuration());
  work_.reset();
  for (std::thread& thread : threads_) thread.join();
}

absl::Status HttpServer::UseCertificate(const TlsCertificate& certificate) {
  namespace ssl = boost::asio::ssl;
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  context->use_certificate_chain(boost::asio::buffer(certificate.chain), error);
  if (error)
    return absl::InvalidArgumentError(absl::StrCat("read the certificate: ", error.message()));
  context->use_private_key(boost::asio::buffer(certificate.key), ssl::context::pem, error);
  if (error) return absl::InvalidArgumentError(absl::StrCat("read its key: ", error.message()));
  if (::SSL_CTX_check_private_key(context->native_handle()) != 1)
    return absl::InvalidArgumentError("the key is not the certificate's");
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  // An idle connection holds no buffers.
  ::SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  tls_ = std::move(context);
  return absl::OkStatus();
}

void HttpServer::AddConnection(UniqueFd connection, Security security) {
  auto strand = boost::asio::make_strand(io_);
  auto* tls = security == Security::kTls ? tls_.get() : nullptr;
  auto link = std::make_shared<ClientLink>(strand, std::move(connection), tls, pace_);
  {
    std::lock_guard<std::mutex> lock(mu_);
    if (stopping_) return;
    if (links_.size() >= crowd_) CloseLongestIdle();
    links_[link.get()] = link;
  }
  boost::asio::co_spawn(
      strand, [this, link] { return Serve(link); },
      [link](std::exception_ptr thrown) {
        if (thrown == nullptr) return;
        // Out of memory, at most: it is this connection's alone.
        spdlog::error("event=gateway_connection_failed");
        link->Abort();
      });
}

size_t HttpServer::idle() {
  std::lock_guard<std::mutex> lock(mu_);
  return static_cast<size_t>(std::count_if(links_.begin(), links_.end(), [](const auto& entry) {
    return entry.second->idle_since() != ClientLink::kBusy;
  }));
}

void HttpServer::CloseLongestIdle() {
  std::shared_ptr<ClientLink> longest;
  int64_t since = ClientLink::kBusy;
  for (const auto& [key, link] : links_) {
    if (link->idle_since() >= since) continue;
    since = link->idle_since();
    longest = link;
  }
  if (longest == nullptr) return;
  boost::asio::post(longest->strand(), [longest, since] {
    // A request may have come meanwhile.
    if (longest->idle_since() == since) longest->Close();
  });
}

// That a connection is one of the server's, as long as its coroutine lives: it may end without
// coming to its end, where the backend drops a question unanswered.
class HttpServer::Entry {
 public:
  Entry(HttpServer& server, std::shared_ptr<ClientLink> link)
      : server_(server), link_(std::move(link)) {}
  ~Entry() {
    // On whichever thread dropped it.
    boost::asio::post(link_->strand(), [link = link_] { link->Abort(); });
    server_.Remove(link_.get());
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  HttpServer& server_;
  const std::shared_ptr<ClientLink> link_;
};

Async<void> HttpServer::Serve(std::shared_ptr<ClientLink> link) {
  const Entry entry(*this, link);
  link->Start();
  HttpConnection connection(*link, counted_, memory_);
  co_await connection.Serve(stopping_);
}

Async<void> HttpServer::Handle(Exchange& exchange) {
  struct Count {
    explicit Count(std::atomic<int>& count) : count_(count) { ++count_; }
    ~Count() { --count_; }
    std::atomic<int>& count_;
  } count(busy_);
  co_await handler_(exchange);
}

void HttpServer::Remove(const ClientLink* link) {
  std::lock_guard<std::mutex> lock(mu_);
  links_.erase(link);
  if (links_.empty()) closed_.notify_all();
}

void HttpServer::CutAll() {
  std::unique_lock<std::mutex> lock(mu_);
  for (auto& [key, link] : links_)
    boost::asio::post(link->strand(), [link = link] { link->Abort(); });
  closed_.wait(lock, [this] { return links_.empty(); });
}

void HttpServer::Shutdown(absl::Duration grace) {
  {
    std::lock_guard<std::mutex> lock(mu_);
    stopping_ = true;
  }
  const absl::Time until = absl::Now() + grace;
  constexpr absl::Duration kLook = absl::Milliseconds(5);
  while (busy() && absl::Now() < until) absl::SleepFor(kLook);
  CutAll();
}

}  // namespace warren
