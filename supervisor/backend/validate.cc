#include "supervisor/backend/validate.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "runtime/base/status.h"
#include "runtime/network/network_policy.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

using warren::v1::CreateSandboxRequest;
using warren::v1::ExecuteCodeRequest;
using warren::v1::RunScriptRequest;

const DurationRange kLifetime{absl::Seconds(1), absl::Hours(24), absl::Hours(1)};
const DurationRange kTimeout{absl::Milliseconds(1), absl::Hours(24), absl::Seconds(60)};
constexpr int kMaxMetadata = 64;
constexpr size_t kMaxMetadataKey = 128;
constexpr size_t kMaxMetadataValue = 1024;
constexpr size_t kMaxCodeBytes = 1 << 20;
constexpr int64_t kMaxOutputBytes = int64_t{16} << 30;
constexpr size_t kMaxExpressions = 64;
constexpr size_t kMaxExpressionName = 128;
constexpr size_t kMaxExpressionBytes = 64 << 10;
constexpr int kMaxInputFiles = 64;
constexpr size_t kMaxInputPath = 4095;
constexpr size_t kMaxInputFileBytes = 2 << 20;
constexpr int kMaxOutputPatterns = 16;
constexpr size_t kMaxOutputPattern = 1024;
constexpr size_t kMaxLanguage = 32;
constexpr size_t kMaxScriptPath = 4095;
// All that there are, and some room.
constexpr int kMaxStates = 16;
constexpr int32_t kDefaultPageSize = 100;
constexpr int32_t kMaxPageSize = 1000;

absl::Status NotBuiltField(absl::string_view field) {
  return absl::UnimplementedError(
      absl::StrCat(field, " is part of the contract, but not built yet: leave it unset"));
}

absl::Status CheckTime(absl::string_view field, const google::protobuf::Timestamp& value) {
  // 0001-01-01 to 9999-12-31, as the message has it.
  if (value.seconds() >= -62135596800 && value.seconds() <= 253402300799 && value.nanos() >= 0 &&
      value.nanos() < 1'000'000'000) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(field, " is ", value.seconds(), " s and ",
                                                 value.nanos(), " ns, which is no time"));
}

absl::Status CheckMetadata(const StringMap& metadata) {
  if (metadata.size() > kMaxMetadata) {
    return absl::InvalidArgumentError(absl::StrCat(
        "metadata has ", metadata.size(), " entries; at most ", kMaxMetadata, " are allowed"));
  }
  for (const auto& [key, value] : metadata) {
    if (key.empty() || key.size() > kMaxMetadataKey || value.size() > kMaxMetadataValue) {
      return absl::InvalidArgumentError(absl::StrCat(
          "metadata: a key of ", key.size(), " bytes with a value of ", value.size(),
          " bytes; keys have 1 to ", kMaxMetadataKey, ", values at most ", kMaxMetadataValue));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCode(const std::string& code) {
  if (code.size() > kMaxCodeBytes) {
    return absl::InvalidArgumentError(absl::StrCat("code has ", code.size(), " bytes; at most ",
                                                   kMaxCodeBytes,
                                                   " are allowed: write larger data to a file"));
  }
  if (!IsValidUtf8(code)) return absl::InvalidArgumentError("code is not valid UTF-8");
  if (code.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("code contains a NUL byte");
  }
  return absl::OkStatus();
}

absl::Status CheckOutputBytes(int64_t bytes) {
  if (bytes >= 0 && bytes <= kMaxOutputBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("max_output_bytes is ", bytes,
                                                 "; it must be from 1 to ", kMaxOutputBytes,
                                                 ", or 0 for the sandbox's limit"));
}

absl::Status CheckLanguageName(const std::string& language) {
  if (language.size() <= kMaxLanguage) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("language has ", language.size(),
                                                 " bytes; at most ", kMaxLanguage, " are allowed"));
}

absl::Status CheckSize(absl::string_view field, const std::string& bytes) {
  if (bytes.size() <= kMaxCodeBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " has ", bytes.size(), " bytes; at most ",
                                                 kMaxCodeBytes,
                                                 " are allowed: write more to a file"));
}

// Where it is one: it becomes absolute, so that no interpreter takes it for an option.
absl::Status CheckScript(RunScriptRequest& request) {
  if (request.has_source()) return CheckSize("source", request.source());
  if (!request.has_path())
    return absl::InvalidArgumentError("script is missing: set path or source");
  std::string& path = *request.mutable_path();
  if (path.empty()) return absl::InvalidArgumentError("path is empty");
  if (path.find('\0') != std::string::npos)
    return absl::InvalidArgumentError("path contains a NUL byte");
  if (path[0] != '/') path = absl::StrCat(request.working_directory(), "/", path);
  if (path.size() <= kMaxScriptPath) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("path has ", path.size(),
                                                 " bytes as an absolute path; at most ",
                                                 kMaxScriptPath, " are allowed"));
}

absl::Status CheckCellPath(absl::string_view field, absl::string_view path, size_t limit) {
  if (path.empty()) return absl::InvalidArgumentError(absl::StrCat(field, " is empty"));
  if (path.size() > limit) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " has ", path.size(), " bytes; at most ", limit, " are allowed"));
  }
  if (!IsValidUtf8(path)) return absl::InvalidArgumentError(absl::StrCat(field, " is not UTF-8"));
  if (!absl::StrContains(path, '\0')) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " contains a NUL byte"));
}

absl::Status CheckExpressions(const StringMap& expressions) {
  if (expressions.size() > kMaxExpressions) {
    return absl::InvalidArgumentError(absl::StrCat("user_expressions has ", expressions.size(),
                                                   " entries; at most ", kMaxExpressions,
                                                   " are allowed"));
  }
  size_t bytes = 0;
  for (const auto& [name, expression] : expressions) {
    if (name.empty() || name.size() > kMaxExpressionName) {
      return absl::InvalidArgumentError(absl::StrCat("user_expressions: a name of ", name.size(),
                                                     " bytes; names have 1 to ",
                                                     kMaxExpressionName));
    }
    bytes += expression.size();
  }
  if (bytes > kMaxExpressionBytes) {
    return absl::InvalidArgumentError(absl::StrCat("user_expressions: expressions of ", bytes,
                                                   " bytes together; at most ", kMaxExpressionBytes,
                                                   " are allowed"));
  }
  return absl::OkStatus();
}

absl::Status CheckInputFiles(const ExecuteCodeRequest& request) {
  if (request.input_files_size() > kMaxInputFiles) {
    return absl::InvalidArgumentError(absl::StrCat("input_files has ", request.input_files_size(),
                                                   " entries; at most ", kMaxInputFiles,
                                                   " are allowed"));
  }
  size_t bytes = 0;
  for (int i = 0; i < request.input_files_size(); ++i) {
    const warren::v1::InputFile& file = request.input_files(i);
    WARREN_RETURN_IF_ERROR(
        CheckCellPath(absl::StrCat("input_files[", i, "].path"), file.path(), kMaxInputPath));
    bytes += file.data().size();
  }
  if (bytes <= kMaxInputFileBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input_files have ", bytes, " bytes of data together; at most ",
                   kMaxInputFileBytes, " are allowed: send more with WriteFile"));
}

absl::Status CheckOutputFiles(const ExecuteCodeRequest& request) {
  if (request.output_files_size() > kMaxOutputPatterns) {
    return absl::InvalidArgumentError(absl::StrCat("output_files has ", request.output_files_size(),
                                                   " patterns; at most ", kMaxOutputPatterns,
                                                   " are allowed"));
  }
  for (int i = 0; i < request.output_files_size(); ++i) {
    WARREN_RETURN_IF_ERROR(CheckCellPath(absl::StrCat("output_files[", i, "]"),
                                         request.output_files(i), kMaxOutputPattern));
  }
  return absl::OkStatus();
}

absl::Status CheckEnds(warren::v1::LifetimeFrom from, warren::v1::OnExpiry on_expiry) {
  WARREN_RETURN_IF_ERROR(CheckChoice("lifetime_from", from, &warren::v1::LifetimeFrom_IsValid));
  return CheckChoice("on_expiry", on_expiry, &warren::v1::OnExpiry_IsValid);
}

const char* LanguageOfScript(absl::string_view path) {
  if (absl::EndsWith(path, ".sh")) return "bash";
  for (absl::string_view ending : {".js", ".mjs", ".cjs"}) {
    if (absl::EndsWith(path, ending)) return "javascript";
  }
  return "python";
}

}  // namespace

absl::Status ValidateCreate(CreateSandboxRequest& request) {
  if (!request.has_lifetime()) *request.mutable_lifetime() = ToProto(kLifetime.otherwise);
  WARREN_RETURN_IF_ERROR(CheckDuration("lifetime", request.lifetime(), kLifetime));
  WARREN_RETURN_IF_ERROR(CheckEnds(request.lifetime_from(), request.on_expiry()));
  if (request.lifetime_from() == warren::v1::LIFETIME_FROM_UNSPECIFIED)
    request.set_lifetime_from(warren::v1::LIFETIME_FROM_LAST_USE);
  if (request.on_expiry() == warren::v1::ON_EXPIRY_UNSPECIFIED)
    request.set_on_expiry(warren::v1::ON_EXPIRY_KILL);
  WARREN_RETURN_IF_ERROR(CheckChoice("on_backend_loss", request.on_backend_loss(),
                                     &warren::v1::OnBackendLoss_IsValid));
  WARREN_RETURN_IF_ERROR(CheckMetadata(request.metadata()));
  WARREN_RETURN_IF_ERROR(ValidateEnv(request.env()));
  WARREN_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  return ValidateNetworkPolicy(request.network(), "network");
}

absl::Status ValidateExecute(ExecuteCodeRequest& request) {
  if (request.allow_stdin()) return NotBuiltField("ExecuteCodeRequest.allow_stdin");
  WARREN_RETURN_IF_ERROR(ValidateEnv(request.env()));
  WARREN_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  WARREN_RETURN_IF_ERROR(CheckOnDisconnect(request.on_disconnect()));
  if (request.on_disconnect() == warren::v1::ON_DISCONNECT_UNSPECIFIED)
    request.set_on_disconnect(warren::v1::ON_DISCONNECT_CANCEL);
  WARREN_RETURN_IF_ERROR(
      CheckChoice("display_style", request.display_style(), &warren::v1::DisplayStyle_IsValid));
  WARREN_RETURN_IF_ERROR(CheckCode(request.code()));
  WARREN_RETURN_IF_ERROR(CheckExpressions(request.user_expressions()));
  WARREN_RETURN_IF_ERROR(CheckInputFiles(request));
  WARREN_RETURN_IF_ERROR(CheckOutputFiles(request));
  WARREN_RETURN_IF_ERROR(CheckOutputBytes(request.max_output_bytes()));
  if (!request.has_timeout()) *request.mutable_timeout() = ToProto(kTimeout.otherwise);
  if (!request.has_store_history()) request.set_store_history(!request.silent());
  return CheckDuration("timeout", request.timeout(), kTimeout);
}

absl::Status ValidateRunScript(RunScriptRequest& request) {
  WARREN_RETURN_IF_ERROR(CheckWorkingDirectory(*request.mutable_working_directory()));
  WARREN_RETURN_IF_ERROR(CheckScript(request));
  WARREN_RETURN_IF_ERROR(CheckArguments(request.arguments()));
  WARREN_RETURN_IF_ERROR(CheckSize("standard_input", request.standard_input()));
  WARREN_RETURN_IF_ERROR(ValidateEnv(request.env()));
  WARREN_RETURN_IF_ERROR(CheckLanguageName(request.language()));
  if (request.language().empty()) request.set_language(LanguageOfScript(request.path()));
  WARREN_RETURN_IF_ERROR(CheckUser(request.user()));
  WARREN_RETURN_IF_ERROR(CheckOutputBytes(request.max_output_bytes()));
  WARREN_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  WARREN_RETURN_IF_ERROR(CheckOnDisconnect(request.on_disconnect()));
  if (request.on_disconnect() == warren::v1::ON_DISCONNECT_UNSPECIFIED)
    request.set_on_disconnect(warren::v1::ON_DISCONNECT_CANCEL);
  if (!request.has_timeout()) *request.mutable_timeout() = ToProto(kTimeout.otherwise);
  return CheckDuration("timeout", request.timeout(), kTimeout);
}

absl::Status ValidateConnect(const warren::v1::ConnectExecutionRequest& request) {
  if (request.after_sequence() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("after_sequence is ", request.after_sequence(), "; it must not be negative"));
  }
  return CheckOnDisconnect(request.on_disconnect());
}

absl::Status ValidateCreateContext(warren::v1::CreateContextRequest& request) {
  if (request.language().empty()) request.set_language("python");
  WARREN_RETURN_IF_ERROR(CheckLanguageName(request.language()));
  // None is no wish.
  if (!request.working_directory().empty())
    WARREN_RETURN_IF_ERROR(CheckWorkingDirectory(*request.mutable_working_directory()));
  WARREN_RETURN_IF_ERROR(ValidateEnv(request.env()));
  return CheckRequestId(request.request_id());
}

absl::Status ValidateLifetime(warren::v1::SetSandboxLifetimeRequest& request) {
  if (!request.has_lifetime()) return absl::InvalidArgumentError("lifetime is missing");
  WARREN_RETURN_IF_ERROR(CheckDuration("lifetime", request.lifetime(), kLifetime));
  return CheckEnds(request.lifetime_from(), request.on_expiry());
}

absl::Status ValidateResume(const warren::v1::ResumeSandboxRequest& request) {
  if (!request.has_lifetime()) return absl::OkStatus();
  return CheckDuration("lifetime", request.lifetime(), kLifetime);
}

absl::Status ValidateSetNetwork(const warren::v1::SetSandboxNetworkRequest& request) {
  return ValidateNetworkPolicy(request.network(), "network");
}

absl::Status ValidatePort(uint32_t port) {
  constexpr uint32_t kMaxPort = 65535;
  if (port >= 1 && port <= kMaxPort) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("port is ", port, "; it must be from 1 to ", kMaxPort));
}

absl::Status ValidateList(warren::v1::ListSandboxesRequest& request) {
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    return absl::InvalidArgumentError(absl::StrCat("page_size is ", request.page_size(),
                                                   "; it must be from 1 to ", kMaxPageSize,
                                                   ", or 0 for ", kDefaultPageSize));
  }
  if (request.page_size() == 0) request.set_page_size(kDefaultPageSize);
  WARREN_RETURN_IF_ERROR(CheckMetadata(request.metadata()));
  if (request.states_size() > kMaxStates) {
    return absl::InvalidArgumentError(absl::StrCat(
        "states has ", request.states_size(), " entries; at most ", kMaxStates, " are allowed"));
  }
  for (int i = 0; i < request.states_size(); ++i) {
    const auto state = request.states(i);
    if (state != warren::v1::Sandbox::STATE_UNSPECIFIED &&
        warren::v1::Sandbox::State_IsValid(state))
      continue;
    return absl::InvalidArgumentError(absl::StrCat("states[", i, "] is ", static_cast<int>(state),
                                                   "; it must be RUNNING, PAUSED or DEAD"));
  }
  WARREN_RETURN_IF_ERROR(CheckTemplateId(request.template_id()));
  if (request.has_created_after()) return CheckTime("created_after", request.created_after());
  return absl::OkStatus();
}

}  // namespace warren
