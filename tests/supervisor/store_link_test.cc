#include "supervisor/packages/store_link.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/io.h"
#include "supervisor/packages/fetcher_link.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

const std::string kSetDigest(64, 'a');

// The test is the store.
class StoreLinkTest : public LoopTest {
 protected:
  StoreLinkTest() : link(std::make_unique<StoreLink>(*loop, 1000)) { StartStore(); }
  ~StoreLinkTest() override { StopLoop(); }

  void StartStore() {
    auto pair = MakeSeqpacketPair();
    store = std::move(pair->second);
    OnLoop([this, &pair] { link->Start(std::move(pair->first)); });
  }
  internal::StoreRequest Read() {
    auto message = ReceiveMessage(store.get(), 128 << 10);
    internal::StoreRequest request;
    EXPECT_TRUE(message.ok() && request.ParseFromString(message->data));
    return request;
  }
  // Nothing is there to be read.
  bool IsSilent() {
    Settle();
    EXPECT_TRUE(SetNonBlocking(store.get()).ok());
    return absl::IsUnavailable(ReceiveMessage(store.get(), 128 << 10).status());
  }
  void Reply(uint64_t id, absl::StatusCode code = absl::StatusCode::kOk) {
    internal::StoreReply reply;
    reply.set_id(id);
    reply.set_code(static_cast<int32_t>(code));
    Send(reply.SerializeAsString());
  }
  void Send(const std::string& message) {
    EXPECT_TRUE(SendMessage(store.get(), message, {}).ok());
    Settle();
  }
  void Use() {
    OnLoop([this] {
      link->Use(kSetDigest, [this](const auto& reply) { replies.push_back(reply.status()); });
    });
  }
  void Release() {
    OnLoop([this] { link->Release(kSetDigest); });
  }
  void List() {
    OnLoop([this] {
      internal::StoreRequest request;
      request.mutable_list();
      link->Call(std::move(request), [this](absl::StatusOr<internal::StoreReply> reply) {
        replies.push_back(reply.status());
        if (reply.ok()) contents = reply->contents();
      });
    });
  }

  UniqueFd store;
  std::unique_ptr<StoreLink> link;
  std::vector<absl::Status> replies;
  internal::StoreContents contents;
};

TEST_F(StoreLinkTest, ASetOfManyIsAskedForOnce) {
  Use();
  Reply(Read().id());
  Use();
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_TRUE(replies[1].ok());
  Release();
  EXPECT_TRUE(IsSilent());
  OnLoop([this] { EXPECT_EQ(link->uses(kSetDigest), 1); });
}

TEST_F(StoreLinkTest, TheLastOneReleasesIt) {
  Use();
  Reply(Read().id());
  Release();
  EXPECT_EQ(Read().release_set().digest(), kSetDigest);
  Release();
  EXPECT_TRUE(IsSilent());
}

TEST_F(StoreLinkTest, TwoWhoAskAtOnceAreReleasedTwice) {
  Use();
  Use();
  Reply(Read().id());
  Reply(Read().id());
  Release();
  Release();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Read().has_release_set());
}

TEST_F(StoreLinkTest, WhatItRefusesIsInUseByNobody) {
  Use();
  Reply(Read().id(), absl::StatusCode::kNotFound);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_TRUE(absl::IsNotFound(replies[0]));
  Release();
  EXPECT_TRUE(IsSilent());
}

TEST_F(StoreLinkTest, TheNextStoreIsToldWhatIsInUse) {
  Use();
  Reply(Read().id());
  Use();
  List();
  Read();
  store.reset();
  Settle();
  // Who waited is told.
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_TRUE(absl::IsUnavailable(replies[2]));
  StartStore();
  EXPECT_EQ(Read().use_set().digest(), kSetDigest);
  EXPECT_TRUE(IsSilent());
}

TEST_F(StoreLinkTest, PagesAreOneAnswer) {
  List();
  internal::StoreReply reply;
  reply.set_id(Read().id());
  reply.mutable_contents()->add_packages()->set_name("hopper");
  reply.mutable_contents()->set_more(true);
  Send(reply.SerializeAsString());
  EXPECT_TRUE(replies.empty());
  reply.mutable_contents()->set_more(false);
  Send(reply.SerializeAsString());
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(contents.packages_size(), 2);
}

TEST_F(StoreLinkTest, OneThatSaysWhatItWasNotAskedIsLeft) {
  List();
  Reply(Read().id() + 1);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(replies[0]));
  List();
  EXPECT_TRUE(absl::IsUnavailable(replies[1]));
}

TEST_F(StoreLinkTest, AtTheEndWhoWaitsIsTold) {
  List();
  OnLoop([this] { link->Close(); });
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(replies[0]));
}

// The test is the fetcher.
class FetcherLinkTest : public LoopTest {
 protected:
  FetcherLinkTest()
      : link(std::make_unique<FetcherLink>(
            *loop, [this](const auto& question) { wanted.push_back(question); })) {
    StartFetcher();
  }
  ~FetcherLinkTest() override { StopLoop(); }

  void StartFetcher() {
    auto pair = MakeSeqpacketPair();
    fetcher = std::move(pair->second);
    OnLoop([this, &pair] { link->Start(std::move(pair->first)); });
  }
  internal::FetcherRequest Read() {
    auto message = ReceiveMessage(fetcher.get(), 128 << 10);
    internal::FetcherRequest request;
    EXPECT_TRUE(message.ok() && request.ParseFromString(message->data));
    return request;
  }
  // Whether it still listens.
  bool Takes(const internal::FetcherEvent& event) {
    EXPECT_TRUE(SendMessage(fetcher.get(), event.SerializeAsString(), {}).ok());
    Settle();
    EXPECT_TRUE(SetNonBlocking(fetcher.get()).ok());
    return absl::IsUnavailable(ReceiveMessage(fetcher.get(), 1024).status());
  }
  static internal::FetcherEvent Question(const std::string& path, const std::string& digest) {
    internal::FetcherEvent event;
    internal::DependenciesWanted& question = *event.mutable_dependencies_wanted();
    question.set_id(7);
    question.set_sandbox_id("sb1");
    internal::FetchedFile& file = *question.add_files();
    file.set_path(path);
    file.set_sha256(digest);
    return event;
  }

  UniqueFd fetcher;
  std::unique_ptr<FetcherLink> link;
  std::vector<internal::DependenciesWanted> wanted;
};

TEST_F(FetcherLinkTest, EachFetcherIsToldAllThatWasLearned) {
  OnLoop([this] { link->Learn({"hopper", "grace", "Not Normal"}); });
  EXPECT_EQ(Read().learn_dependencies().names_size(), 2);
  OnLoop([this] { link->Learn({"hopper", "lovelace"}); });
  EXPECT_EQ(Read().learn_dependencies().names_size(), 1);
  StartFetcher();
  EXPECT_EQ(Read().learn_dependencies().names_size(), 3);
}

TEST_F(FetcherLinkTest, AQuestionIsAnsweredOnce) {
  EXPECT_TRUE(Takes(Question("/files/a/b/hopper-1.0-py3-none-any.whl", kSetDigest)));
  ASSERT_EQ(wanted.size(), 1u);
  OnLoop([this] {
    link->Answer(7);
    link->Answer(7);
  });
  EXPECT_EQ(Read().dependencies_answered().id(), 7u);
  EXPECT_TRUE(absl::IsUnavailable(ReceiveMessage(fetcher.get(), 1024).status()));
}

TEST_F(FetcherLinkTest, OneThatAsksForNoFileIsLeft) {
  EXPECT_FALSE(Takes(Question("/etc/passwd", kSetDigest)));
  EXPECT_TRUE(wanted.empty());
}

TEST_F(FetcherLinkTest, OneThatKnowsNoDigestIsLeft) {
  EXPECT_FALSE(Takes(Question("/files/a/b/hopper-1.0-py3-none-any.whl", "")));
}

TEST_F(FetcherLinkTest, ARefusalIsALineOfTheLog) {
  internal::FetcherEvent event;
  event.mutable_package_refused()->set_package("turing");
  event.mutable_package_refused()->set_reason("\"not\nallowed\"");
  EXPECT_TRUE(Takes(event));
  event.mutable_package_refused()->set_reason(std::string(600, 'x'));
  EXPECT_FALSE(Takes(event));
}

}  // namespace
}  // namespace warren
