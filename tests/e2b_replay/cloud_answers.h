#ifndef WARREN_TESTS_E2B_REPLAY_CLOUD_ANSWERS_H_
#define WARREN_TESTS_E2B_REPLAY_CLOUD_ANSWERS_H_

// What E2B's cloud is documented to answer, as text. Of its control plane, its code interpreter and
// its envd.
namespace warren::testing {

inline constexpr char kReplayKey[] = "e2b_5ec2e75ec2e75ec2e75ec2e7";
inline constexpr char kReplayEnvdToken[] = "envd-5ec2e7-token";
inline constexpr char kReplayTrafficToken[] = "traffic-5ec2e7-token";
inline constexpr char kReplaySandbox[] = "i9yzrdjvshkvbqa8lc3lr";

// ---- Control plane
// Of POST /v2/sandboxes and POST /v2/sandboxes/{id}/connect.
inline constexpr char kMade[] = R"({
  "sandboxID": "i9yzrdjvshkvbqa8lc3lr",
  "templateID": "rki5dems9wqfm4r03t7g",
  "clientID": "6532622b",
  "alias": "code-interpreter-v1",
  "envdVersion": "0.6.4",
  "envdAccessToken": "envd-5ec2e7-token",
  "trafficAccessToken": "traffic-5ec2e7-token",
  "domain": null
})";
// Of GET /sandboxes/{id}.
inline constexpr char kRunning[] = R"({
  "sandboxID": "i9yzrdjvshkvbqa8lc3lr",
  "templateID": "rki5dems9wqfm4r03t7g",
  "clientID": "6532622b",
  "alias": "code-interpreter-v1",
  "startedAt": "2025-11-03T09:12:44.181Z",
  "endAt": "2025-11-03T09:17:44.181Z",
  "state": "running",
  "cpuCount": 2,
  "memoryMB": 1024,
  "diskSizeMB": 10240,
  "envdVersion": "0.6.4",
  "envdAccessToken": "envd-5ec2e7-token",
  "domain": null,
  "allowInternetAccess": false,
  "lifecycle": {"onTimeout": "kill", "autoResume": false},
  "metadata": {"warren-tenant": "", "warren-notes": "{\"from\":1,\"lifetime\":300,\"template\":\"base\"}"}
})";
inline constexpr char kWrongKey[] =
    R"({"code": 401, "message": "Invalid API key, please visit https://e2b.dev/docs/api-key"})";
inline constexpr char kForbidden[] =
    R"({"code": 403, "message": "team e2b_5ec2e75ec2e75ec2e75ec2e7 is blocked at 10.1.2.3"})";
inline constexpr char kNoTemplate[] =
    R"({"code": 404, "message": "template 'rki5dems9wqfm4r03t7g' not found"})";
inline constexpr char kTooMany[] =
    R"({"code": 429, "message": "you have reached the maximum number of concurrent sandboxes: 20"})";
inline constexpr char kInternalError[] = R"({"code": 500, "message": "Failed to create sandbox"})";
inline constexpr char kBusy[] =
    R"({"code": 503, "message": "No nodes with free capacity, please retry later"})";
// Of E2B's proxy, for a sandbox that is gone or paused.
inline constexpr char kGone[] =
    R"({"sandboxId": "i9yzrdjvshkvbqa8lc3lr", "message": "The sandbox was not found", "code": 502})";
inline constexpr char kNoSandbox[] =
    R"({"code": 404, "message": "sandbox \"i9yzrdjvshkvbqa8lc3lr\" doesn't exist"})";

// ---- Code interpreter: each a line of a stream
inline constexpr char kCount[] = "{\"type\":\"number_of_executions\",\"execution_count\":1}\n";
inline constexpr char kHello[] =
    "{\"type\":\"stdout\",\"text\":\"hello\\n\",\"timestamp\":1762161164181000000}\n";
inline constexpr char kKeepalive[] = "{\"type\":\"keepalive\"}\n";
inline constexpr char kEndOfCell[] = "{\"type\":\"end_of_execution\"}\n";
inline constexpr char kContexts[] = R"([
  {"id": "6d2b1a5c-09b7-4d0f-a8a7-5f1f1f0a7d4e", "language": "python", "cwd": "/home/user"},
  {"id": "8c1d5a2e-3a64-4bb7-9d2c-0e7f9b0f2c11", "language": "javascript", "cwd": "/home/user"}
])";
inline constexpr char kContext[] =
    R"({"id": "f3a1c2d4-77aa-4e50-9a41-2f6a4f6f9b10", "language": "python", "cwd": "/home/user"})";

// ---- envd: each a message of a stream, and its end
inline constexpr char kStartEvent[] = R"({"event":{"start":{"pid":417}}})";
// "hello\n".
inline constexpr char kDataEvent[] = R"({"event":{"data":{"stdout":"aGVsbG8K"}}})";
inline constexpr char kKeepaliveEvent[] = R"({"event":{"keepalive":{}}})";
inline constexpr char kExitEvent[] =
    R"({"event":{"end":{"exitCode":0,"exited":true,"status":"exit status 0"}}})";
inline constexpr char kEndOfStream[] = "{}";
inline constexpr char kFileStat[] =
    R"({"entry":{"name":"a.txt","type":"FILE_TYPE_FILE","path":"/home/user/a.txt","size":"6",
    "mode":420,"permissions":"-rw-r--r--","owner":"user","group":"user",
    "modifiedTime":"2025-11-03T09:12:44Z"}})";
inline constexpr char kFileWritten[] =
    R"([{"name":"a.txt","type":"file","path":"/home/user/a.txt"}])";

}  // namespace warren::testing

#endif  // WARREN_TESTS_E2B_REPLAY_CLOUD_ANSWERS_H_
