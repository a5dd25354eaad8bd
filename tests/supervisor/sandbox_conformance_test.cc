#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "supervisor/base/proto_time.h"
#include "tests/supervisor/conformance.h"

// Sandboxes, contexts, templates: what answers once.
namespace warren {
namespace {

using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST_P(BackendTest, ASandboxIsAsItWasAskedFor) {
  if (Lacks("limits")) return;
  v1::CreateSandboxRequest request;
  (*request.mutable_metadata())["who"] = "me";
  request.mutable_limits()->set_pids(17);
  auto made = Create(request);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->template_id(), "base");
  auto sandbox = Open(made->sandbox_id());
  ASSERT_TRUE(sandbox.ok());
  EXPECT_EQ((*sandbox)->id(), made->sandbox_id());
  auto got = Get(**sandbox);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->metadata().at("who"), "me");
  EXPECT_EQ(got->limits().pids(), 17);
  EXPECT_EQ(got->SerializeAsString(), made->SerializeAsString());
}

TEST_P(BackendTest, ADestroyedSandboxIsGone) {
  auto sandbox = NewSandbox();
  auto destroyed = Destroy(*sandbox);
  ASSERT_TRUE(destroyed.ok()) << destroyed.status();
  EXPECT_TRUE(destroyed->has_usage());
  EXPECT_EQ(fake().sandboxes(), 0u);
  EXPECT_TRUE(absl::IsNotFound(Get(*sandbox).status()));
  EXPECT_TRUE(absl::IsNotFound(Destroy(*sandbox).status()));
}

TEST_P(BackendTest, AnUnknownSandboxIsNotFound) {
  auto sandbox = Open("sbnone");
  absl::Status status = sandbox.status();
  if (sandbox.ok()) {
    status = Get(**sandbox).status();
    EXPECT_TRUE(absl::IsNotFound(Run(**sandbox, "print hello")->status()));
  }
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("no such sandbox"));
}

TEST_P(BackendTest, RefusesWhatTheContractRefuses) {
  v1::CreateSandboxRequest request;
  request.set_template_id("none");
  absl::Status status = Create(request).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(Message(status), HasSubstr("there are: base"));
  request.set_template_id("broken");
  EXPECT_TRUE(absl::IsFailedPrecondition(Create(request).status()));
  request.clear_template_id();
  request.mutable_lifetime()->set_seconds(86401);
  status = Create(request).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(Message(status), HasSubstr("lifetime is 24h1s"));
  request.clear_lifetime();
  (*request.mutable_env())["A-B"] = "c";
  status = Create(request).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(Message(status), HasSubstr("env has the name"));
  EXPECT_EQ(fake().sandboxes(), 0u);
}

TEST_P(BackendTest, ACreateThatWaitsEndsByAndBy) {
  v1::CreateSandboxRequest request;
  request.set_template_id("slow");
  std::unique_ptr<Operation> operation;
  auto made = Ask<v1::Sandbox>([&](auto reply) {
    operation = backend().Create({}, request, std::move(reply));
    EXPECT_TRUE(Eventually([&] { return fake().waiting_creates() == 1; }));
    fake().FinishCreates();
  });
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->template_id(), "slow");
  // Too late to change anything.
  operation->Cancel();
  EXPECT_TRUE(Get(**Open(made->sandbox_id())).ok());
}

TEST_P(BackendTest, ACancelledCreateMakesNothing) {
  if (Unseen("cancelled creates")) return;
  v1::CreateSandboxRequest request;
  request.set_template_id("slow");
  std::unique_ptr<Operation> operation;
  auto made = Ask<v1::Sandbox>([&](auto reply) {
    operation = backend().Create({}, request, std::move(reply));
    EXPECT_TRUE(Eventually([&] { return fake().waiting_creates() == 1; }));
    operation->Cancel();
  });
  EXPECT_TRUE(absl::IsCancelled(made.status())) << made.status();
  EXPECT_TRUE(Eventually([&] { return fake().waiting_creates() == 0; }));
  fake().FinishCreates();
  EXPECT_EQ(fake().sandboxes(), 0u);
}

TEST_P(BackendTest, TheLifetimeCanBeSetAnew) {
  auto sandbox = NewSandbox();
  v1::SetSandboxLifetimeRequest request;
  auto set = [&] {
    return Ask<v1::Sandbox>(
        [&](auto reply) { sandbox->SetLifetime({}, request, std::move(reply)); });
  };
  EXPECT_TRUE(absl::IsInvalidArgument(set().status()));
  request.mutable_lifetime()->set_seconds(7200);
  auto changed = set();
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_GT(changed->expires_at().seconds() - changed->created_at().seconds(), 7000);
}

TEST_P(BackendTest, ALifetimeIsToldAsItWasAskedFor) {
  if (Unseen("changes of on_expiry")) return;
  auto made = Create();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->lifetime().seconds(), 3600);
  EXPECT_EQ(made->lifetime_from(), v1::LIFETIME_FROM_LAST_USE);
  EXPECT_EQ(made->on_expiry(), v1::ON_EXPIRY_KILL);
  v1::SetSandboxLifetimeRequest request;
  request.mutable_lifetime()->set_seconds(60);
  request.set_lifetime_from(v1::LIFETIME_FROM_CREATION);
  request.set_on_expiry(v1::ON_EXPIRY_PAUSE);
  auto sandbox = *Open(made->sandbox_id());
  auto changed =
      Ask<v1::Sandbox>([&](auto reply) { sandbox->SetLifetime({}, request, std::move(reply)); });
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->lifetime().seconds(), 60);
  EXPECT_EQ(changed->lifetime_from(), v1::LIFETIME_FROM_CREATION);
  EXPECT_EQ(changed->on_expiry(), v1::ON_EXPIRY_PAUSE);
  request.set_on_expiry(static_cast<v1::OnExpiry>(5));
  EXPECT_TRUE(absl::IsInvalidArgument(Ask<v1::Sandbox>([&](auto reply) {
                                        sandbox->SetLifetime({}, request, std::move(reply));
                                      }).status()));
}

TEST_P(BackendTest, APausedSandboxTakesNothingUntilItIsResumed) {
  if (Unseen("how long a pause is kept")) return;
  auto sandbox = NewSandbox();
  EXPECT_EQ(Unpause(*sandbox)->state(), v1::Sandbox::RUNNING) << "it runs";
  auto paused = Pause(*sandbox);
  ASSERT_TRUE(paused.ok()) << paused.status();
  EXPECT_EQ(paused->state(), v1::Sandbox::PAUSED);
  // When it is removed.
  EXPECT_GT(paused->expires_at().seconds() - paused->created_at().seconds(), 23 * 3600);
  EXPECT_EQ(Pause(*sandbox)->state(), v1::Sandbox::PAUSED);
  EXPECT_EQ(Get(*sandbox)->state(), v1::Sandbox::PAUSED);
  for (const absl::Status& refused :
       {Run(*sandbox, "print hello")->status(), Interrupt(*sandbox).status()}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(Message(refused), HasSubstr("the sandbox is paused; resume it first"));
  }
  v1::ResumeSandboxRequest request;
  request.mutable_lifetime()->set_seconds(1'000'000);
  EXPECT_TRUE(absl::IsInvalidArgument(Unpause(*sandbox, request).status()));
  request.mutable_lifetime()->set_seconds(7200);
  auto resumed = Unpause(*sandbox, request);
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->state(), v1::Sandbox::RUNNING);
  EXPECT_EQ(resumed->lifetime().seconds(), 7200);
  EXPECT_EQ(Run(*sandbox, "print hello")->out(), "hello\n");
  ASSERT_TRUE(Pause(*sandbox).ok());
  EXPECT_TRUE(Destroy(*sandbox).ok());
  EXPECT_TRUE(absl::IsNotFound(Pause(*sandbox).status()));
  EXPECT_TRUE(absl::IsNotFound(Unpause(*sandbox).status()));
}

TEST_P(BackendTest, SomeLimitsCanBeChanged) {
  if (Lacks("limits.change")) return;
  auto sandbox = NewSandbox();
  v1::ChangeSandboxLimitsRequest request;
  auto change = [&] {
    return Ask<v1::Sandbox>(
        [&](auto reply) { sandbox->ChangeLimits({}, request, std::move(reply)); });
  };
  request.mutable_limits()->set_memory_bytes(300 << 20);
  request.mutable_limits()->set_pids(99);
  auto changed = change();
  ASSERT_TRUE(changed.ok()) << changed.status();
  EXPECT_EQ(changed->limits().memory_bytes(), 300 << 20);
  EXPECT_EQ(changed->limits().pids(), 99);
  request.mutable_limits()->set_pids(100);
  request.mutable_limits()->set_open_files(100);
  absl::Status refused = change().status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(Message(refused), HasSubstr("open_files"));
  EXPECT_EQ(Get(*sandbox)->limits().pids(), 99);
  auto metrics =
      Ask<v1::SandboxMetrics>([&](auto reply) { sandbox->GetMetrics({}, std::move(reply)); });
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_EQ(metrics->memory_limit_bytes(), 300 << 20);
  EXPECT_EQ(metrics->pids_limit(), 99);
  EXPECT_GT(metrics->memory_bytes(), 0);
  EXPECT_GT(metrics->read_at().seconds(), 0);
  EXPECT_FALSE(metrics->has_disk_bytes());
}

TEST_P(BackendTest, AListKeepsToItsFiltersInBothOrders) {
  if (Unseen("the dead")) return;
  std::vector<v1::Sandbox> made;
  for (int i = 0; i < 6; ++i) made.push_back(*Create());
  for (int i : {1, 2, 4})
    ASSERT_TRUE(Pause(**Open(made[static_cast<size_t>(i)].sandbox_id())).ok());
  // Every page of one sandbox.
  auto all = [&](v1::ListSandboxesRequest request) {
    std::vector<std::string> ids;
    request.set_page_size(1);
    do {
      auto page = List(request);
      EXPECT_TRUE(page.ok()) << page.status();
      if (!page.ok()) break;
      for (const auto& sandbox : page->sandboxes()) ids.push_back(sandbox.sandbox_id());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return ids;
  };
  auto ids = [&](std::vector<size_t> indices) {
    std::vector<std::string> result;
    for (size_t i : indices) result.push_back(made[i].sandbox_id());
    return result;
  };
  v1::ListSandboxesRequest request;
  request.set_newest_first(true);
  EXPECT_EQ(all(request), ids({5, 4, 3, 2, 1, 0}));
  request.add_states(v1::Sandbox::PAUSED);
  EXPECT_EQ(all(request), ids({4, 2, 1}));
  *request.mutable_created_after() = made[2].created_at();
  EXPECT_EQ(all(request), ids({4, 2}));
  request.set_newest_first(false);
  request.add_states(v1::Sandbox::RUNNING);
  EXPECT_EQ(all(request), ids({2, 3, 4, 5}));
  request.set_template_id("base");
  EXPECT_EQ(all(request), ids({2, 3, 4, 5}));
  request.set_template_id("slow");
  EXPECT_TRUE(all(request).empty());
  request.add_states(v1::Sandbox::STATE_UNSPECIFIED);
  EXPECT_TRUE(absl::IsInvalidArgument(List(request).status()));
}

TEST_P(BackendTest, ListsInPagesOldestFirst) {
  if (Unseen("pools")) return;
  std::vector<std::string> made;
  v1::CreateSandboxRequest create;
  for (int i = 0; i < 25; ++i) {
    (*create.mutable_metadata())["odd"] = absl::StrCat(i % 2);
    made.push_back(Create(create)->sandbox_id());
  }
  auto list = [&](const v1::ListSandboxesRequest& request) {
    return Ask<v1::ListSandboxesResponse>(
        [&](auto reply) { backend().List({}, request, std::move(reply)); });
  };
  v1::ListSandboxesRequest request;
  request.set_page_size(10);
  std::vector<std::string> listed;
  int pages = 0;
  do {
    auto page = list(request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& sandbox : page->sandboxes()) listed.push_back(sandbox.sandbox_id());
    EXPECT_EQ(page->pools_size(), pages == 0 ? 1 : 0);
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(listed, made);

  v1::ListSandboxesRequest odd;
  (*odd.mutable_metadata())["odd"] = absl::StrCat(1);
  EXPECT_EQ(list(odd)->sandboxes_size(), 12);
  odd.set_page_token("no token");
  EXPECT_TRUE(absl::IsInvalidArgument(list(odd).status()));
  odd.clear_page_token();
  odd.set_page_size(1001);
  EXPECT_TRUE(absl::IsInvalidArgument(list(odd).status()));
}

TEST_P(BackendTest, APageIsAtMostTwoMebibytes) {
  if (Unseen("large metadata")) return;
  v1::CreateSandboxRequest create;
  for (int i = 0; i < 64; ++i) {
    (*create.mutable_metadata())[absl::StrCat(i)] = std::string(1024, 'v');
  }
  for (int i = 0; i < 70; ++i) ASSERT_TRUE(Create(create).ok());
  v1::ListSandboxesRequest request;
  int listed = 0;
  do {
    auto page = Ask<v1::ListSandboxesResponse>(
        [&](auto reply) { backend().List({}, request, std::move(reply)); });
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->ByteSizeLong(), (2u << 20) + 1024);
    listed += page->sandboxes_size();
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(listed, 70);
}

TEST_P(BackendTest, TemplatesAndEnvironments) {
  if (Unseen("what environments hold")) return;
  auto templates = Ask<v1::ListTemplatesResponse>(
      [&](auto reply) { backend().ListTemplates({}, std::move(reply)); });
  ASSERT_TRUE(templates.ok()) << templates.status();
  EXPECT_EQ(templates->default_template_id(), "base");
  EXPECT_EQ(templates->templates_size(), 3);
  auto environment = [&](const std::string& id) {
    return Ask<v1::Environment>(
        [&](auto reply) { backend().GetEnvironment({}, id, std::move(reply)); });
  };
  EXPECT_EQ(environment("slow")->template_id(), "slow");
  EXPECT_TRUE(absl::IsNotFound(environment("none").status()));
  auto sandbox = NewSandbox();
  auto of_sandbox =
      Ask<v1::Environment>([&](auto reply) { sandbox->GetEnvironment({}, std::move(reply)); });
  EXPECT_EQ(of_sandbox->template_id(), "base");
  EXPECT_FALSE(environment("base")->has_limits());
  EXPECT_TRUE(of_sandbox->has_limits());
  EXPECT_TRUE(of_sandbox->use().has_disk_bytes());
  EXPECT_EQ(of_sandbox->profile(), "user");
  EXPECT_GT(of_sandbox->python_packages_size(), 0);
  EXPECT_GT(of_sandbox->mounts_size(), 0);
  EXPECT_GT(of_sandbox->features_size(), 0);
}

TEST_P(BackendTest, ContextsComeAndGo) {
  auto sandbox = NewSandbox();
  auto context = Ask<v1::Context>([&](auto reply) {
    sandbox->CreateContext({}, v1::CreateContextRequest(), std::move(reply));
  });
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->sandbox_id(), sandbox->id());
  auto list = [&] {
    return Ask<v1::ListContextsResponse>(
        [&](auto reply) { sandbox->ListContexts({}, std::move(reply)); });
  };
  EXPECT_EQ(list()->contexts_size(), 2);

  v1::ExecuteCodeRequest request;
  request.set_context_id(context->context_id());
  request.set_code("print hello");
  EXPECT_EQ(Run(*sandbox, request)->out(), "hello\n");
  auto restarted = Ask<v1::Context>(
      [&](auto reply) { sandbox->RestartContext({}, context->context_id(), std::move(reply)); });
  ASSERT_TRUE(restarted.ok()) << restarted.status();
  EXPECT_EQ(restarted->context_id(), context->context_id());
  EXPECT_EQ(restarted->execution_count(), 0);

  auto remove = [&] {
    return Ask<v1::DeleteContextResponse>(
        [&](auto reply) { sandbox->DeleteContext({}, context->context_id(), std::move(reply)); });
  };
  EXPECT_TRUE(remove().ok());
  EXPECT_TRUE(absl::IsNotFound(remove().status()));
  EXPECT_TRUE(absl::IsNotFound(Run(*sandbox, request)->status()));
  EXPECT_EQ(list()->contexts_size(), 1);
}

TEST_P(BackendTest, WhatNoBackendHasYetIsUnimplemented) {
  if (Unseen("scripts")) return;
  auto sandbox = NewSandbox();
  auto stat = Ask<v1::FileEntry>(
      [&](auto reply) { sandbox->StatFile({}, v1::StatFileRequest(), std::move(reply)); });
  EXPECT_TRUE(absl::IsUnimplemented(stat.status()));
  EXPECT_THAT(Message(stat.status()), HasSubstr("part of the contract"));
}

TEST_P(BackendTest, IsHealthy) { EXPECT_TRUE(backend().health().ok()); }

}  // namespace
}  // namespace warren
