#ifndef WARREN_RUNTIME_FETCHER_INDEX_SERVICE_H_
#define WARREN_RUNTIME_FETCHER_INDEX_SERVICE_H_

#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/fetcher/client_stream.h"
#include "runtime/fetcher/dependency_questions.h"
#include "runtime/fetcher/file_link.h"
#include "runtime/fetcher/http_reply.h"
#include "runtime/fetcher/learned_names.h"
#include "runtime/fetcher/package_catalog.h"
#include "runtime/fetcher/page_turns.h"
#include "runtime/fetcher/refusals.h"
#include "runtime/fetcher/web_client.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// What connections of sandboxes have in common; outlives them. Thread-safe.
struct IndexShare {
  PackageCatalog& catalog;
  const LearnedNames& learned;
  DependencyQuestions& questions;
  const LinkSealer& sealer;
  Refusals& refusals;
  PageTurns& turns;
  const WebClient::Setup& web;
};

// The package index that a sandbox sees, on one connection of it: the pages of the packages that
// it may have (PEP 503), and their files. HTTP/1.1, GET and HEAD.
//
// For one thread. Lifecycle: constructor → Serve or Refuse, once.
class IndexService {
 public:
  // `client`: the connection; its owner outlives this.
  IndexService(const IndexShare& share, internal::PackageConnection who, int client);

  // Until it ends, or is idle for too long.
  void Serve();
  // Says to its first request that there is no place for it.
  void Refuse(absl::string_view reason);

 private:
  enum class Heard { kRequest, kNothing, kTooLong, kNoHttp };
  Heard ReadRequest();
  HttpOutcome Answer();
  // Nothing where the request can be answered.
  std::optional<HttpReply> WrongWithRequest() const;
  HttpOutcome AnswerPage(absl::string_view name);
  // The page of a package that it may have. CANCELLED: the client has gone.
  absl::StatusOr<std::string> MakePage(const std::string& package);
  HttpOutcome AnswerFile();
  HttpOutcome PassFromDirectory(const FileQuery& query);
  HttpOutcome PassFromWeb(const FileQuery& query);
  // Of the whole file, which is to be compared; empty for none.
  std::string WantedDigest(const FileQuery& query) const;
  // It was sent whole and as it should be.
  void NoteFetched(const FileQuery& query);
  HttpOutcome Fail(int status, absl::string_view reason);
  PackageRules::Decision Decide(absl::string_view package) const;
  // Whether it is a dependency of an allowed package, as far as that can be found out.
  bool IsDependency(absl::string_view package) const;

  const IndexShare& share_;
  const internal::PackageConnection who_;
  ClientStream stream_;
  const std::function<bool()> is_gone_ = [this] { return stream_.IsGone(); };
  WebClient client_;
  boost::beast::flat_buffer unread_;
  HttpRequest request_;
  bool has_body_ = false;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_INDEX_SERVICE_H_
