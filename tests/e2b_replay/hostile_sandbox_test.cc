// What a sandbox in the cloud says is its code's word, and how it says it too.

#include "absl/strings/str_cat.h"
#include "supervisor/base/text.h"
#include "tests/e2b_replay/replay_testing.h"

namespace warren::testing {
namespace {

constexpr size_t kMaxPart = 1 << 20;

std::string OutputLine(absl::string_view text) {
  return absl::StrCat(R"({"type":"stdout","text":")", text, "\"}\n");
}

class HostileSandboxTest : public ReplayTest {
 protected:
  std::shared_ptr<CollectingSink> RunWithin(int64_t max_output_bytes) {
    v1::ExecuteCodeRequest request;
    request.set_code("x");
    request.set_max_output_bytes(max_output_bytes);
    auto sink = std::make_shared<CollectingSink>();
    const auto sandbox = NewSandbox();
    const auto operation = sandbox->Execute({}, std::move(request), sink);
    EXPECT_TRUE(sink->WaitForEnd());
    return sink;
  }
};

// As many calls into sandboxes as there are connections, and none is answered.
TEST_F(HostileSandboxTest, WhatDoesNotAnswerHoldsUpNoCreate) {
  const auto sandbox = NewSandbox();
  Gate gate;
  server().On("GET", "/contexts", [&gate](ScriptedExchange& exchange) {
    if (exchange.WaitFor(gate)) exchange.Answer({200, kContexts});
  });
  std::vector<std::future<absl::StatusOr<v1::ListContextsResponse>>> lists;
  for (int i = 0; i < 20; ++i) {
    auto told = std::make_shared<std::promise<absl::StatusOr<v1::ListContextsResponse>>>();
    lists.push_back(told->get_future());
    sandbox->ListContexts({}, [told](auto listed) { told->set_value(std::move(listed)); });
  }
  EXPECT_TRUE(Eventually([&] { return cloud_.Asked("GET", "/contexts") == 10; }));
  EXPECT_TRUE(Create().ok());
  Pass();
  EXPECT_EQ(cloud_.Asked("GET", "/contexts"), 10u);
  gate.Open();
  for (auto& list : lists) EXPECT_TRUE(list.get().ok());
}

TEST_F(HostileSandboxTest, OutputComesInPartsOfWholeCharacters) {
  // Of three bytes each, which a part does not hold a whole number of.
  std::string text = "a";
  while (text.size() < 3 * kMaxPart) text += "\xe2\x82\xac";
  cloud_.OnCell({OutputLine(text), kEndOfCell});
  const auto sink = Run(*NewSandbox());
  EXPECT_TRUE(sink->status().ok()) << sink->status();
  EXPECT_EQ(sink->out(), text);
  size_t parts = 0;
  for (const v1::ExecutionEvent& event : sink->events()) {
    if (!event.has_output()) continue;
    ++parts;
    EXPECT_LE(event.output().data().size(), kMaxPart);
    EXPECT_TRUE(IsValidUtf8(event.output().data()));
  }
  EXPECT_GE(parts, 4u);
}

TEST_F(HostileSandboxTest, OutputIsCutAtItsBound) {
  cloud_.OnCell({OutputLine(std::string(2 * kMaxPart + 10, 'x')), kHello, kEndOfCell});
  const auto sink = RunWithin(kMaxPart + 7);
  EXPECT_EQ(sink->out().size(), kMaxPart + 7);
  EXPECT_EQ(sink->kind(), v1::Termination::OUTPUT_LIMIT);
}

TEST_F(HostileSandboxTest, ErrorsWithoutEndAreCut) {
  const std::string error = absl::StrCat(R"({"type":"error","name":"E","value":"","traceback":")",
                                         std::string(1000, 't'), "\"}\n");
  std::vector<std::string> pieces(100, error);
  pieces.emplace_back(kEndOfCell);
  cloud_.OnCell(pieces);
  const auto sink = RunWithin(5000);
  EXPECT_TRUE(sink->status().ok()) << sink->status();
  EXPECT_EQ(sink->kind(), v1::Termination::OUTPUT_LIMIT);
  // The first one is free: a cell has one.
  EXPECT_EQ(sink->events().size(), 1u + 5 + 1);
}

TEST_F(HostileSandboxTest, HalvesOfCharactersAreReplaced) {
  cloud_.OnCell({OutputLine("a\\ud800b"), kEndOfCell});
  const auto sink = Run(*NewSandbox());
  EXPECT_TRUE(sink->status().ok()) << sink->status();
  EXPECT_EQ(sink->out(),
            "a\xEF\xBF\xBD"
            "b");
}

// What was known of the default context goes with it, by whichever name it is deleted.
TEST_F(HostileSandboxTest, DefaultContextIsDeletedByEitherName) {
  const std::string own_id = "6d2b1a5c-09b7-4d0f-a8a7-5f1f1f0a7d4e";
  server().Answer("DELETE", absl::StrCat("/contexts/", own_id), {.status = 204});
  const auto sandbox = NewSandbox();
  const auto count = [&] {
    auto listed = Ask<v1::ListContextsResponse>(
        [&](auto reply) { sandbox->ListContexts({}, std::move(reply)); });
    EXPECT_TRUE(listed.ok()) << listed.status();
    return listed.ok() ? listed->contexts(0).execution_count() : -1;
  };
  for (const std::string& name : {std::string(), std::string("default"), own_id}) {
    EXPECT_TRUE(Run(*sandbox)->status().ok());
    EXPECT_EQ(count(), 1) << name;
    EXPECT_TRUE(Ask<v1::DeleteContextResponse>([&](auto reply) {
                  sandbox->DeleteContext({}, name, std::move(reply));
                }).ok())
        << name;
    EXPECT_EQ(count(), 0) << name;
  }
}

}  // namespace
}  // namespace warren::testing
