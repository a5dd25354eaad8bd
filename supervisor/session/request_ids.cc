#include "supervisor/session/request_ids.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "openssl/sha.h"

namespace warren {

std::string Fingerprint(const google::protobuf::MessageLite& request) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    request.SerializeToCodedStream(&coded);
  }
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  ::SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

absl::StatusOr<ContextRequests::Begun> ContextRequests::Begin(const std::string& request_id,
                                                              const std::string& fingerprint,
                                                              ContextReply& reply) {
  MutexLock lock(&mu_);
  auto [found, fresh] = entries_.try_emplace(request_id);
  Entry& entry = found->second;
  if (fresh) {
    entry.fingerprint = fingerprint;
    return Begun{Next::kMake, ""};
  }
  if (entry.fingerprint != fingerprint) {
    return absl::InvalidArgumentError(
        "request_id is that of an earlier request, which asked for something else; choose a new "
        "one");
  }
  if (!entry.context_id.empty()) return Begun{Next::kMade, entry.context_id};
  entry.waiting.push_back(std::move(reply));
  return Begun{Next::kWait, ""};
}

void ContextRequests::Made(const std::string& request_id,
                           const absl::StatusOr<warren::v1::Context>& made) {
  std::vector<ContextReply> waiting;
  {
    MutexLock lock(&mu_);
    auto found = entries_.find(request_id);
    if (found == entries_.end()) return;
    waiting.swap(found->second.waiting);
    if (made.ok()) {
      found->second.context_id = made->context_id();
    } else {
      entries_.erase(found);
    }
  }
  for (ContextReply& reply : waiting) reply(made);
}

void ContextRequests::ForgetContext(const std::string& context_id) {
  MutexLock lock(&mu_);
  std::erase_if(entries_, [&](const auto& entry) { return entry.second.context_id == context_id; });
}

}  // namespace warren
