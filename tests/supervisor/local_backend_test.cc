// The backend that is this machine, as a door uses it, over a launcher that the test plays.
#include "supervisor/local/local_backend.h"

#include <optional>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/supervisor/local_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using internal::SandboxGone;
using ::testing::HasSubstr;
using warren::v1::CreateSandboxRequest;
using warren::v1::ExecutionEvent;
using warren::v1::ListSandboxesRequest;
using warren::v1::Termination;

TEST_F(LocalBackendTest, ASandboxIsMadeFoundAndDestroyed) {
  EXPECT_TRUE(backend->health().ok());
  CreateSandboxRequest request;
  (*request.mutable_metadata())["owner"] = "me";
  auto sandbox = Create(request);
  EXPECT_EQ(sandbox.template_id(), "base");
  EXPECT_EQ(sandbox.state(), warren::v1::Sandbox::RUNNING);
  EXPECT_GT(sandbox.stages_size(), 0);
  EXPECT_EQ(sandbox.metadata().at("owner"), "me");
  auto handle = Open(sandbox.sandbox_id());
  EXPECT_EQ(handle, Open(sandbox.sandbox_id())) << "one handle a lease";

  Answer<warren::v1::Sandbox> lifetime;
  warren::v1::SetSandboxLifetimeRequest longer;
  longer.mutable_lifetime()->set_seconds(7200);
  handle->SetLifetime(Call(), longer, lifetime.Take());
  EXPECT_GT(lifetime.Wait()->expires_at().seconds(), sandbox.expires_at().seconds());
  Answer<warren::v1::Sandbox> got;
  handle->Get(Call(), got.Take());
  EXPECT_EQ(got.Wait()->expires_at().seconds(), lifetime.Wait()->expires_at().seconds());
  EXPECT_EQ(got.Wait()->profile(), "user");

  Answer<warren::v1::ListContextsResponse> contexts;
  handle->ListContexts(Call(), contexts.Take());
  ASSERT_EQ(contexts.Wait()->contexts_size(), 1);
  EXPECT_EQ(contexts.Wait()->contexts(0).context_id(), "default");
  EXPECT_TRUE(contexts.Wait()->contexts(0).alive());

  Answer<warren::v1::DestroySandboxResponse> destroyed;
  handle->Destroy(Call(), destroyed.Take());
  EXPECT_TRUE(destroyed.Wait().ok());
  launcher.Expect(LauncherRequest::kDestroySandbox);
  // Whoever still holds the handle.
  Answer<warren::v1::Sandbox> gone;
  handle->Get(Call(), gone.Take());
  EXPECT_TRUE(absl::IsNotFound(gone.Wait().status()));
  auto sink = std::make_shared<FakeSink>();
  handle->Execute(Call(), Code("1"), sink);
  EXPECT_TRUE(absl::IsNotFound(sink->WaitForEnd()));
  EXPECT_TRUE(sink->well_formed());
  Answer<warren::v1::InterruptExecutionResponse> interrupted;
  handle->Interrupt(Call(), "", interrupted.Take());
  EXPECT_TRUE(absl::IsNotFound(interrupted.Wait().status()));
  Answer<std::shared_ptr<SandboxHandle>> opened;
  backend->Open(Call(), sandbox.sandbox_id(), opened.Take());
  EXPECT_TRUE(absl::IsNotFound(opened.Wait().status()));
}

TEST_F(LocalBackendTest, WhatCannotBeMadeIsRefused) {
  auto refusal = [this](const CreateSandboxRequest& request) {
    Answer<warren::v1::Sandbox> answer;
    EXPECT_NE(backend->Create(Call(), request, answer.Take()), nullptr);
    return answer.Wait().status();
  };
  CreateSandboxRequest request;
  request.set_template_id("none");
  EXPECT_TRUE(absl::IsNotFound(refusal(request)));
  request.set_template_id("broken");
  EXPECT_TRUE(absl::IsFailedPrecondition(refusal(request)));
  request.set_template_id("");
  request.mutable_limits()->set_memory_bytes(1);
  EXPECT_TRUE(absl::IsInvalidArgument(refusal(request)));
  request.clear_limits();
  request.mutable_lifetime()->set_seconds(1'000'000);
  EXPECT_TRUE(absl::IsInvalidArgument(refusal(request)));
}

TEST_F(LocalBackendTest, ACancelledCreateIsAnsweredAndNothingIsMade) {
  Create();
  CreateSandboxRequest request;
  request.mutable_limits()->set_pids(100);
  Answer<warren::v1::Sandbox> answer;
  auto operation = backend->Create(Call(), request, answer.Take());
  auto launch = launcher.Expect(LauncherRequest::kCreateSandbox);
  operation->Cancel();
  EXPECT_TRUE(absl::IsCancelled(answer.Wait().status()));
  auto worker = launcher.ReplyLaunched(launch);
  worker->SendReady();
  EXPECT_EQ(launcher.Expect(LauncherRequest::kDestroySandbox).destroy_sandbox().sandbox_id(),
            LaunchedId(launch));
  operation->Cancel();
  Settle();
  EXPECT_EQ(answer.count(), 1);
  EXPECT_EQ(List({})->sandboxes_size(), 1);
}

// ---- Tenants

class TenantsTest : public LocalBackendTest {
 protected:
  static Call Of(const std::string& tenant) {
    Call call;
    call.who.tenant = tenant;
    return call;
  }
  absl::StatusOr<std::shared_ptr<SandboxHandle>> OpenAs(const std::string& tenant,
                                                        const std::string& id) {
    Answer<std::shared_ptr<SandboxHandle>> answer;
    backend->Open(Of(tenant), id, answer.Take());
    return answer.Wait();
  }
  std::set<std::string> ListAs(const std::string& tenant, ListSandboxesRequest request = {}) {
    Answer<warren::v1::ListSandboxesResponse> answer;
    backend->List(Of(tenant), request, answer.Take());
    auto listed = answer.Wait();
    EXPECT_TRUE(listed.ok()) << listed.status();
    pools = listed->pools_size();
    next = listed->next_page_token();
    std::set<std::string> ids;
    for (const auto& sandbox : listed->sandboxes()) ids.insert(sandbox.sandbox_id());
    return ids;
  }

  // Of the last page.
  int pools = 0;
  std::string next;
};

TEST_F(TenantsTest, ASandboxIsItsCreatorsAndTheOperators) {
  const std::string acme = Create({}, Of("acme")).sandbox_id();
  const std::string operators = Create().sandbox_id();
  const absl::Status never = OpenAs("zeta", "sbnone").status();
  ASSERT_TRUE(absl::IsNotFound(never));
  EXPECT_EQ(OpenAs("zeta", acme).status(), never);
  EXPECT_EQ(OpenAs("zeta", operators).status(), never);
  EXPECT_EQ(OpenAs("acme", operators).status(), never);
  EXPECT_TRUE(OpenAs("acme", acme).ok());
  EXPECT_TRUE(OpenAs("", acme).ok());
  EXPECT_EQ(ListAs("acme"), std::set<std::string>{acme});
  EXPECT_EQ(pools, 0);
  EXPECT_EQ(ListAs("zeta"), std::set<std::string>{});
  EXPECT_EQ(ListAs(""), (std::set<std::string>{acme, operators}));
  EXPECT_GT(pools, 0);
}

TEST_F(TenantsTest, ItStaysSoForItsWholeLife) {
  const std::string id = Create({}, Of("acme")).sandbox_id();
  auto handle = OpenAs("acme", id);
  ASSERT_TRUE(handle.ok());
  // Another lease each.
  Answer<warren::v1::Sandbox> lifetime;
  warren::v1::SetSandboxLifetimeRequest longer;
  longer.mutable_lifetime()->set_seconds(7200);
  (*handle)->SetLifetime(Of("acme"), longer, lifetime.Take());
  ASSERT_TRUE(lifetime.Wait().ok());
  EXPECT_TRUE(absl::IsNotFound(OpenAs("zeta", id).status()));
  EXPECT_EQ(ListAs("acme"), std::set<std::string>{id});
  EXPECT_EQ(ListAs("zeta"), std::set<std::string>{});
}

TEST_F(TenantsTest, PagesHaveOnesOwnAlone) {
  std::set<std::string> made;
  for (int i = 0; i < 3; ++i) {
    Create({}, Of("zeta"));
    made.insert(Create({}, Of("acme")).sandbox_id());
  }
  std::set<std::string> listed;
  ListSandboxesRequest request;
  request.set_page_size(2);
  listed.merge(ListAs("acme", request));
  EXPECT_EQ(listed.size(), 2u);
  request.set_page_token(next);
  listed.merge(ListAs("acme", request));
  EXPECT_EQ(listed, made);
  EXPECT_EQ(next, "");
}

// ---- Pages

class PagesTest : public LocalBackendTest {};

TEST_F(PagesTest, EverySandboxIsOnOnePageOldestFirst) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Create().sandbox_id());
  ListSandboxesRequest request;
  request.set_page_size(2);
  std::vector<std::string> listed;
  int pages = 0;
  do {
    auto page = List(request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->sandboxes_size(), 2);
    EXPECT_EQ(page->pools_size() > 0, pages == 0) << "with the first page";
    for (const auto& sandbox : page->sandboxes()) listed.push_back(sandbox.sandbox_id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && ++pages < 10);
  EXPECT_EQ(listed, ids);
  EXPECT_EQ(pages, 2) << "the last page says that it is";
}

TEST_F(PagesTest, WhatComesAndGoesBetweenPagesIsOnNoneTwice) {
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(Create().sandbox_id());
  ListSandboxesRequest request;
  request.set_page_size(2);
  auto first = List(request);
  // The last one of the page goes, and a new one comes.
  Answer<warren::v1::DestroySandboxResponse> destroyed;
  Open(ids[1])->Destroy(Call(), destroyed.Take());
  launcher.Expect(LauncherRequest::kDestroySandbox);
  ids.push_back(Create().sandbox_id());
  request.set_page_token(first->next_page_token());
  request.set_page_size(10);
  auto rest = List(request);
  ASSERT_EQ(rest->sandboxes_size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(rest->sandboxes(i).sandbox_id(), ids[i + 2]);
  EXPECT_EQ(rest->next_page_token(), "");
}

TEST_F(PagesTest, APageEndsBeforeItIsTooLarge) {
  CreateSandboxRequest create;
  for (int i = 0; i < 60; ++i) {
    (*create.mutable_metadata())[absl::StrCat("key", i)] = std::string(1024, 'v');
  }
  constexpr int kSandboxes = 40;
  for (int i = 0; i < kSandboxes; ++i) Create(create);
  ListSandboxesRequest request;
  request.set_page_size(1000);
  std::set<std::string> listed;
  int pages = 0;
  do {
    auto page = List(request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->ByteSizeLong(), (size_t{2} << 20) + 4096);
    for (const auto& sandbox : page->sandboxes()) listed.insert(sandbox.sandbox_id());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty() && ++pages < 100);
  EXPECT_EQ(listed.size(), static_cast<size_t>(kSandboxes));
  EXPECT_GE(pages, 1);
}

TEST_F(PagesTest, MetadataSelects) {
  CreateSandboxRequest mine;
  (*mine.mutable_metadata())["owner"] = "me";
  auto sandbox = Create(mine);
  Create();
  ListSandboxesRequest request;
  (*request.mutable_metadata())["owner"] = "me";
  request.set_page_size(1);
  auto page = List(request);
  ASSERT_EQ(page->sandboxes_size(), 1);
  EXPECT_EQ(page->sandboxes(0).sandbox_id(), sandbox.sandbox_id());
  EXPECT_EQ(page->next_page_token(), "");
}

TEST_F(PagesTest, ATokenThatIsNoneIsRefused) {
  for (int i = 0; i < 2; ++i) Create();
  ListSandboxesRequest request;
  request.set_page_size(1);
  const std::string token = List(request)->next_page_token();
  ASSERT_NE(token, "");
  for (const std::string& wrong : {std::string("nonsense"), token + "x", "9" + token, "-" + token,
                                   token.substr(1), std::string(".")}) {
    request.set_page_token(wrong);
    EXPECT_TRUE(absl::IsInvalidArgument(List(request).status())) << wrong;
  }
  request.set_page_token("");
  request.set_page_size(1001);
  EXPECT_TRUE(absl::IsInvalidArgument(List(request).status()));
}

TEST_F(LocalBackendTest, Templates) {
  Answer<warren::v1::ListTemplatesResponse> templates;
  backend->ListTemplates(Call(), templates.Take());
  EXPECT_EQ(templates.Wait()->templates_size(), 2);
  EXPECT_EQ(templates.Wait()->default_template_id(), "base");
  EXPECT_EQ(templates.Wait()->templates(1).unavailable(), "not built");
}

// ---- Executions

class ExecuteTest : public LocalBackendTest {
 protected:
  using LocalBackendTest::LocalBackendTest;
  void SetUp() override {
    handle = Open(Create().sandbox_id());
    worker = workers.back().get();
  }
  // Starts a cell that its worker has read.
  std::unique_ptr<Operation> Start(const std::shared_ptr<FakeSink>& into) {
    auto operation = handle->Execute(Call(), Code("1"), into);
    worker->NextRequest();
    return operation;
  }
  std::shared_ptr<SandboxHandle> handle;
  FakeWorker* worker = nullptr;
  std::shared_ptr<FakeSink> sink = std::make_shared<FakeSink>();
};

warren::v1::ConnectExecutionRequest To(const std::string& execution_id, int64_t after_sequence) {
  warren::v1::ConnectExecutionRequest request;
  request.set_execution_id(execution_id);
  request.set_after_sequence(after_sequence);
  return request;
}

TEST_F(ExecuteTest, WhatIsRefusedEndsWithoutAnEvent) {
  auto request = Code("1");
  request.set_context_id("other");
  handle->Execute(Call(), request, sink);
  EXPECT_TRUE(absl::IsNotFound(sink->WaitForEnd()));
  EXPECT_TRUE(sink->events().empty());
  auto invalid = std::make_shared<FakeSink>();
  handle->Execute(Call(), Code(std::string("\0", 1)), invalid);
  EXPECT_TRUE(absl::IsInvalidArgument(invalid->WaitForEnd()));
}

TEST_F(ExecuteTest, CancelFromWithinAPushInterruptsTheCell) {
  std::unique_ptr<Operation> operation = Start(sink);
  sink->OnPush([&] { operation->Cancel(); });
  worker->SendOutput(1, "x");
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kSignalProcess));
  sink->OnPush(nullptr);
  worker->SendDone(1);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_EQ(sink->termination().kind(), Termination::CANCELLED);
}

TEST_F(ExecuteTest, InterruptIsTheContextsOwn) {
  auto operation = Start(sink);
  Answer<warren::v1::InterruptExecutionResponse> answer;
  handle->Interrupt(Call(), "default", answer.Take());
  EXPECT_TRUE(answer.Wait().ok());
  launcher.Expect(LauncherRequest::kSignalProcess);
  Answer<warren::v1::InterruptExecutionResponse> none;
  handle->Interrupt(Call(), "other", none.Take());
  EXPECT_TRUE(absl::IsNotFound(none.Wait().status()));
}

TEST_F(ExecuteTest, ADetachedExecutionGoesOnAndIsFoundAgain) {
  auto operation = Start(sink);
  worker->SendOutput(1, "seen ");
  ASSERT_TRUE(Eventually([&] { return sink->output() == "seen "; }));
  const std::string id = sink->execution_id();
  const int64_t seen = sink->events().back().sequence();

  auto early = std::make_shared<FakeSink>();
  handle->Connect(Call(), To(id, seen), early);
  EXPECT_TRUE(absl::IsFailedPrecondition(early->WaitForEnd())) << "it has its client";

  ASSERT_TRUE(operation->Detach().ok());
  operation.reset();
  worker->SendOutput(1, "missed ");
  Settle();
  EXPECT_EQ(sink->output(), "seen ") << "after Detach nothing comes";

  auto back = std::make_shared<FakeSink>();
  operation = handle->Connect(Call(), To(id, seen), back);
  EXPECT_EQ(back->output(), "missed ");
  auto second = std::make_shared<FakeSink>();
  handle->Connect(Call(), To(id, seen), second);
  EXPECT_TRUE(absl::IsFailedPrecondition(second->WaitForEnd()));
  worker->SendOutput(1, "live");
  worker->SendDone(1);
  EXPECT_TRUE(back->WaitForEnd().ok());
  EXPECT_EQ(back->output(), "missed live");
  EXPECT_EQ(back->termination().kind(), Termination::EXITED);
  int64_t last = seen;
  for (const auto& event : back->events()) EXPECT_EQ(event.sequence(), ++last);
  EXPECT_FALSE(sink->ended());
  auto late = std::make_shared<FakeSink>();
  handle->Connect(Call(), To(id, 0), late);
  EXPECT_TRUE(absl::IsNotFound(late->WaitForEnd())) << "its client saw its end";
}

TEST_F(ExecuteTest, OneThatEndsMeanwhileIsKept) {
  auto operation = Start(sink);
  const std::string id = sink->execution_id();
  ASSERT_TRUE(operation->Detach().ok());
  worker->SendOutput(1, "out");
  worker->SendDone(1);
  for (int times = 0; times < 2; ++times) {
    auto back = std::make_shared<FakeSink>();
    ASSERT_TRUE(Eventually([&] { return backend->running_cells() == 0; }));
    // It is over a moment before its end is kept.
    Settle();
    handle->Connect(Call(), To(id, 1), back);
    EXPECT_TRUE(back->WaitForEnd().ok());
    EXPECT_EQ(back->output(), "out");
    EXPECT_EQ(back->termination().kind(), Termination::EXITED);
    EXPECT_TRUE(back->well_formed());
  }
}

TEST_F(ExecuteTest, ADetachedExecutionIsOnlyFoundInItsSandbox) {
  auto operation = Start(sink);
  const std::string id = sink->execution_id();
  ASSERT_TRUE(operation->Detach().ok());
  auto other = Open(Create().sandbox_id());
  auto stranger = std::make_shared<FakeSink>();
  other->Connect(Call(), To(id, 0), stranger);
  EXPECT_TRUE(absl::IsNotFound(stranger->WaitForEnd()));
  auto negative = std::make_shared<FakeSink>();
  handle->Connect(Call(), To(id, -1), negative);
  EXPECT_TRUE(absl::IsInvalidArgument(negative->WaitForEnd()));
  // With its sandbox it is forgotten.
  EXPECT_EQ(backend->detached().size(), 1u);
  Answer<warren::v1::DestroySandboxResponse> destroyed;
  handle->Destroy(Call(), destroyed.Take());
  EXPECT_EQ(backend->detached().size(), 0u);
}

TEST_F(ExecuteTest, ASlowClientThatLeavesDoesNotHoldTheCellBack) {
  auto operation = Start(sink);
  sink->Answer(Flow::kPause);
  worker->SendOutput(1, "x");
  ASSERT_TRUE(Eventually([&] { return sink->output() == "x"; }));
  ASSERT_TRUE(operation->Detach().ok());
  // More than the pipe holds.
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(worker->SendOutput(1, std::string(32 << 10, 'y')));
  worker->SendDone(1);
  EXPECT_TRUE(Eventually([&] { return backend->running_cells() == 0; }));
}

// ---- Memory of all together

class BoundedTest : public ExecuteTest {
 protected:
  BoundedTest() : ExecuteTest({.buffer_memory = 8 << 20}) {}
};

TEST_F(BoundedTest, WaitingCodeOfAllSandboxesIsBounded) {
  const std::string code(1 << 20, '#');
  std::vector<std::shared_ptr<SandboxHandle>> handles = {handle};
  for (int i = 0; i < 3; ++i) handles.push_back(Open(Create().sandbox_id()));
  int refused = 0;
  std::vector<std::unique_ptr<Operation>> operations;
  for (int i = 0; i < 16; ++i) {
    auto each = std::make_shared<FakeSink>();
    operations.push_back(handles[i % handles.size()]->Execute(Call(), Code(code), each));
    if (!each->ended()) continue;
    EXPECT_TRUE(absl::IsResourceExhausted(each->WaitForEnd()));
    ++refused;
  }
  EXPECT_GE(refused, 8);
  EXPECT_LE(backend->memory().used(), int64_t{8} << 20);
}

TEST_F(BoundedTest, WhatIsKeptForClientsThatLeftIsAPartOfIt) {
  // A quarter of 8 MiB.
  for (int i = 1; i <= 6; ++i) {
    auto each = std::make_shared<FakeSink>();
    auto operation = handle->Execute(Call(), Code("1"), each);
    worker->NextRequest();
    ASSERT_TRUE(operation->Detach().ok());
    for (int k = 0; k < 32; ++k) worker->SendOutput(i, std::string(32 << 10, 'y'));
    worker->SendDone(i);
    ASSERT_TRUE(Eventually([&] { return backend->running_cells() == 0; }));
    // Finished events are kept whatever there is.
    EXPECT_LE(backend->memory().used(), (int64_t{2} << 20) + i * 4096);
  }
  EXPECT_EQ(backend->detached().size(), 6u);
}

// ---- The end

// ---- Contexts

TEST_F(LocalBackendTest, AContextIsMadeByAForkThatThePoolLends) {
  auto handle = Open(Create().sandbox_id());
  warren::v1::CreateContextRequest request;
  request.set_working_directory("sub");
  (*request.mutable_env())["A"] = "b";
  Answer<warren::v1::Context> made;
  handle->CreateContext(Call(), request, made.Take());
  if (made.count() > 0) ADD_FAILURE() << made.Wait().status();
  auto start = launcher.Expect(LauncherRequest::kStartProcess);
  EXPECT_EQ(start.start_process().zygote_id(), 1u);
  auto worker = launcher.ReplyStarted(start, 2);
  auto configure = worker->NextRequest();
  ASSERT_TRUE(configure && configure->has_configure());
  EXPECT_EQ(configure->configure().working_directory(), "/home/user/sub");
  worker->SendReady();
  internal::WorkerEvent event;
  event.set_execution_id(configure->execution_id());
  event.mutable_configured();
  worker->Send(event);
  auto context = made.Wait();
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(context->working_directory(), "/home/user/sub");
  EXPECT_EQ(context->language(), "python");
  EXPECT_TRUE(context->alive());
  Answer<warren::v1::ListContextsResponse> listed;
  handle->ListContexts(Call(), listed.Take());
  EXPECT_EQ(listed.Wait()->contexts_size(), 2);
  Answer<warren::v1::DeleteContextResponse> deleted;
  handle->DeleteContext(Call(), context->context_id(), deleted.Take());
  EXPECT_TRUE(deleted.Wait().ok());
  EXPECT_EQ(launcher.Expect(LauncherRequest::kSignalProcess).signal_process().process_id(), 2u);
}

TEST_F(LocalBackendTest, TheSameRequestMakesOneContext) {
  auto handle = Open(Create().sandbox_id());
  warren::v1::CreateContextRequest request;
  request.set_request_id("r1");
  Answer<warren::v1::Context> first, second, third, other;
  handle->CreateContext(Call(), request, first.Take());
  handle->CreateContext(Call(), request, second.Take());
  auto worker = launcher.ReplyStarted(launcher.Expect(LauncherRequest::kStartProcess), 2);
  worker->SendReady();
  ASSERT_TRUE(first.Wait().ok()) << first.Wait().status();
  ASSERT_TRUE(second.Wait().ok());
  EXPECT_EQ(first.Wait()->context_id(), second.Wait()->context_id());
  handle->CreateContext(Call(), request, third.Take());
  EXPECT_EQ(first.Wait()->context_id(), third.Wait()->context_id());
  (*request.mutable_env())["A"] = "b";
  handle->CreateContext(Call(), request, other.Take());
  EXPECT_TRUE(absl::IsInvalidArgument(other.Wait().status()));
  EXPECT_FALSE(launcher.Poll());
}

TEST_F(LocalBackendTest, ALanguageThatTheTemplateHasNotIsRefusedWithThoseThatItHas) {
  auto handle = Open(Create().sandbox_id());
  warren::v1::CreateContextRequest request;
  request.set_language("bash");
  Answer<warren::v1::Context> made;
  handle->CreateContext(Call(), request, made.Take());
  EXPECT_TRUE(absl::IsInvalidArgument(made.Wait().status()));
  EXPECT_THAT(std::string(made.Wait().status().message()), HasSubstr("python"));
}

TEST_F(LocalBackendTest, TheEnvironmentOfASandboxIsThereBeforeItsFirstCell) {
  CreateSandboxRequest request;
  (*request.mutable_env())["A"] = "b";
  Create(request);
  auto configure = workers.back()->NextRequest();
  ASSERT_TRUE(configure && configure->has_configure());
  ASSERT_EQ(configure->configure().environment_size(), 1);
  EXPECT_EQ(configure->configure().environment(0).name(), "A");
}

TEST_F(LocalBackendTest, IsNotHealthyOnceItStops) {
  auto sink = std::make_shared<FakeSink>();
  const std::string id = Create().sandbox_id();
  auto handle = Open(id);
  auto operation = handle->Execute(Call(), Code("1"), sink);
  OnLoop([&] { backend->BeginShutdown(); });
  EXPECT_TRUE(absl::IsUnavailable(backend->health()));
  Answer<warren::v1::Sandbox> refused;
  backend->Create(Call(), {}, refused.Take());
  EXPECT_TRUE(absl::IsUnavailable(refused.Wait().status()));
  Answer<std::shared_ptr<SandboxHandle>> closed;
  backend->Open(Call(), id, closed.Take());
  EXPECT_TRUE(absl::IsUnavailable(closed.Wait().status()));
  OnLoop([&] { backend->EndExecutions(); });
  launcher.SendGone(
      launcher.Expect(LauncherRequest::kDestroySandbox).destroy_sandbox().sandbox_id(),
      SandboxGone::DESTROYED);
  EXPECT_TRUE(sink->WaitForEnd().ok());
  EXPECT_THAT(sink->termination().message(), HasSubstr("supervisor was stopped"));
  OnLoop([&] { EXPECT_TRUE(backend->CloseLauncher(Patience())); });
}

TEST_F(LocalBackendTest, SaysThatItsLauncherIsGone) {
  auto handle = Open(Create().sandbox_id());
  launcher.Close();
  EXPECT_TRUE(Eventually([&] { return absl::IsUnavailable(backend->health()); }));
  EXPECT_THAT(std::string(backend->health().message()), HasSubstr("launcher"));
}

// ---- The state of a sandbox

TEST_F(LocalBackendTest, APausedSandboxIsToldAsSuchAndResumedWithAnotherLifetime) {
  CreateSandboxRequest request;
  (*request.mutable_env())["A"] = "b";
  auto sandbox = Create(request);
  EXPECT_EQ(sandbox.lifetime().seconds(), 3600);
  EXPECT_EQ(sandbox.on_expiry(), warren::v1::ON_EXPIRY_KILL);
  auto leased = backend->table().Find(sandbox.sandbox_id())->sandbox;
  EXPECT_EQ(leased->env()->at("A"), "b");
  auto handle = Open(sandbox.sandbox_id());
  Answer<warren::v1::Sandbox> paused;
  handle->Pause(Call(), paused.Take());
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kPauseSandbox));
  ASSERT_TRUE(paused.Wait().ok()) << paused.Wait().status();
  EXPECT_EQ(paused.Wait()->state(), warren::v1::Sandbox::PAUSED);
  ListSandboxesRequest list;
  list.add_states(warren::v1::Sandbox::RUNNING);
  EXPECT_EQ(List(list)->sandboxes_size(), 0);
  list.set_states(0, warren::v1::Sandbox::PAUSED);
  EXPECT_EQ(List(list)->sandboxes_size(), 1);
  auto sink = std::make_shared<FakeSink>();
  handle->Execute(Call(), Code("1"), sink);
  EXPECT_TRUE(absl::IsFailedPrecondition(sink->WaitForEnd()));
  Answer<warren::v1::Sandbox> resumed;
  warren::v1::ResumeSandboxRequest longer;
  longer.mutable_lifetime()->set_seconds(7200);
  handle->Unpause(Call(), longer, resumed.Take());
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kResumeSandbox));
  EXPECT_EQ(resumed.Wait()->state(), warren::v1::Sandbox::RUNNING);
  EXPECT_EQ(resumed.Wait()->lifetime().seconds(), 7200);
}

TEST_F(LocalBackendTest, ADeadSandboxIsNeitherPausedNorChanged) {
  auto sandbox = Create();
  auto handle = Open(sandbox.sandbox_id());
  launcher.SendGone(sandbox.sandbox_id(), SandboxGone::OUT_OF_MEMORY);
  EXPECT_TRUE(Eventually([&] {
    ListSandboxesRequest list;
    list.add_states(warren::v1::Sandbox::DEAD);
    return List(list)->sandboxes_size() == 1;
  }));
  Answer<warren::v1::Sandbox> paused, resumed, changed;
  handle->Pause(Call(), paused.Take());
  handle->Unpause(Call(), {}, resumed.Take());
  handle->ChangeLimits(Call(), {}, changed.Take());
  for (auto* answer : {&paused, &resumed, &changed}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(answer->Wait().status())) << answer->Wait().status();
    EXPECT_THAT(std::string(answer->Wait().status().message()), HasSubstr("is dead"));
  }
  Answer<warren::v1::SandboxMetrics> metrics;
  handle->GetMetrics(Call(), metrics.Take());
  EXPECT_TRUE(metrics.Wait().ok());
}

TEST_F(LocalBackendTest, AChangeOfLimitsIsCheckedHereAndByTheLauncher) {
  auto sandbox = Create();
  auto handle = Open(sandbox.sandbox_id());
  warren::v1::ChangeSandboxLimitsRequest request;
  request.mutable_limits()->set_disk_bytes(1 << 30);
  Answer<warren::v1::Sandbox> fixed;
  handle->ChangeLimits(Call(), request, fixed.Take());
  EXPECT_TRUE(absl::IsInvalidArgument(fixed.Wait().status()));
  request.clear_limits();
  request.mutable_limits()->set_pids(100);
  Answer<warren::v1::Sandbox> changed;
  handle->ChangeLimits(Call(), request, changed.Take());
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kSetLimits));
  EXPECT_EQ(changed.Wait()->limits().pids(), 100);
}

TEST_F(LocalBackendTest, ExpiryIsToldToWhoKeepsSomethingOfIt) {
  std::mutex mu;
  std::vector<std::string> forgotten;
  backend->OnForgotten([&](const std::string& id) {
    std::lock_guard lock(mu);
    forgotten.push_back(id);
  });
  auto sandbox = Create();
  Answer<warren::v1::DestroySandboxResponse> destroyed;
  Open(sandbox.sandbox_id())->Destroy(Call(), destroyed.Take());
  EXPECT_TRUE(destroyed.Wait().ok());
  std::lock_guard lock(mu);
  EXPECT_EQ(forgotten, std::vector<std::string>{sandbox.sandbox_id()});
}

}  // namespace
}  // namespace warren
