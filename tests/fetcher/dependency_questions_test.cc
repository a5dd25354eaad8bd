#include "runtime/fetcher/dependency_questions.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/io.h"

namespace warren {
namespace {

std::string Digest(int number) {
  std::string digest(64, 'a');
  digest[0] = static_cast<char>('a' + number % 26);
  digest[1] = static_cast<char>('a' + number / 26);
  return digest;
}

// The test is the supervisor.
class DependencyQuestionsTest : public ::testing::Test {
 protected:
  DependencyQuestionsTest() : sockets_(*MakeSeqpacketPair()), questions_(sockets_.first.get(), 1) {}

  internal::DependenciesWanted Read() {
    auto message = ReceiveMessage(sockets_.second.get(), 16 << 10);
    internal::FetcherEvent event;
    EXPECT_TRUE(message.ok() && event.ParseFromString(message->data));
    return event.dependencies_wanted();
  }
  std::future<bool> Ask(const std::string& sandbox_id) {
    return std::async(std::launch::async,
                      [this, sandbox_id] { return questions_.Ask(sandbox_id, stays_); });
  }

  const std::function<bool()> stays_ = [] { return false; };

  SocketPair sockets_;
  DependencyQuestions questions_;
};

TEST_F(DependencyQuestionsTest, WhoHasFetchedNothingIsAskedNothing) {
  questions_.NoteFetched("other", "/files/a/b/x.whl", Digest(0));
  EXPECT_FALSE(questions_.Ask("one", stays_));
}

TEST_F(DependencyQuestionsTest, AFileIsAskedForOnce) {
  questions_.NoteFetched("one", "/files/a/b/x.whl", Digest(0));
  questions_.NoteFetched("one", "/files/a/b/x.whl", Digest(0));
  auto asked = Ask("one");
  const internal::DependenciesWanted wanted = Read();
  EXPECT_EQ(wanted.sandbox_id(), "one");
  ASSERT_EQ(wanted.files_size(), 1);
  EXPECT_EQ(wanted.files(0).path(), "/files/a/b/x.whl");
  questions_.OnAnswered(wanted.id());
  EXPECT_TRUE(asked.get());
  EXPECT_FALSE(questions_.Ask("one", stays_));
  questions_.NoteFetched("two", "/files/a/b/x.whl", Digest(0));
  EXPECT_FALSE(questions_.Ask("two", stays_));
}

TEST_F(DependencyQuestionsTest, WhoeverFetchesTheSameWaitsForTheSameAnswer) {
  questions_.NoteFetched("one", "/files/a/b/x.whl", Digest(0));
  auto first = Ask("one");
  const internal::DependenciesWanted wanted = Read();
  questions_.NoteFetched("two", "/files/c/d/x.whl", Digest(0));
  auto second = Ask("two");
  questions_.OnAnswered(wanted.id());
  EXPECT_TRUE(first.get());
  // Where it came too late there was nothing to wait for.
  second.get();
  EXPECT_FALSE(questions_.Ask("two", stays_));
}

TEST_F(DependencyQuestionsTest, ManyFilesAreManyQuestions) {
  for (int i = 0; i < 6; ++i) questions_.NoteFetched("one", "/files/a/b/x.whl", Digest(i));
  for (const int files : {4, 2}) {
    auto asked = Ask("one");
    const internal::DependenciesWanted wanted = Read();
    EXPECT_EQ(wanted.files_size(), files);
    questions_.OnAnswered(wanted.id());
    EXPECT_TRUE(asked.get());
  }
  EXPECT_FALSE(questions_.Ask("one", stays_));
}

TEST_F(DependencyQuestionsTest, OldFilesAndSandboxesAreForgotten) {
  for (size_t i = 0; i <= DependencyQuestions::kMaxSandboxes; ++i)
    questions_.NoteFetched("s" + std::to_string(i), "/files/a/b/x.whl", Digest(0));
  EXPECT_FALSE(questions_.Ask("s0", stays_));
  auto asked = Ask("s1");
  questions_.OnAnswered(Read().id());
  EXPECT_TRUE(asked.get());
}

TEST_F(DependencyQuestionsTest, OfASandboxOneQuestionIsUnderWay) {
  questions_.NoteFetched("one", "/files/a/b/x.whl", Digest(0));
  auto first = Ask("one");
  const internal::DependenciesWanted wanted = Read();
  questions_.NoteFetched("one", "/files/a/b/y.whl", Digest(1));
  std::promise<void> waits;
  auto second = std::async(std::launch::async, [&] {
    bool told = false;
    return questions_.Ask("one", [&] {
      if (!std::exchange(told, true)) waits.set_value();
      return false;
    });
  });
  waits.get_future().wait();
  ASSERT_TRUE(SetNonBlocking(sockets_.second.get()).ok());
  EXPECT_FALSE(ReceiveMessage(sockets_.second.get(), 16 << 10).ok());
  questions_.OnAnswered(wanted.id());
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(second.get());
}

TEST_F(DependencyQuestionsTest, WhatCannotBeAskedNowIsAskedLater) {
  while (SendMessage(sockets_.first.get(), "x", {}, WhenFull::kFail).ok()) {
  }
  questions_.NoteFetched("one", "/files/a/b/x.whl", Digest(0));
  EXPECT_FALSE(questions_.Ask("one", stays_));
  ASSERT_TRUE(SetNonBlocking(sockets_.second.get()).ok());
  while (ReceiveMessage(sockets_.second.get(), 16 << 10).ok()) {
  }
  // Whoever asks has gone, and the question is under way.
  EXPECT_FALSE(questions_.Ask("one", [] { return true; }));
  const internal::DependenciesWanted wanted = Read();
  EXPECT_EQ(wanted.files_size(), 1);
}

TEST_F(DependencyQuestionsTest, WhoHasGoneIsNotWaitedFor) {
  questions_.NoteFetched("one", "/files/a/b/x.whl", Digest(0));
  EXPECT_FALSE(questions_.Ask("one", [] { return true; }));
  // Another waits for the same answer.
  const uint64_t question = Read().id();
  auto asked = Ask("one");
  questions_.OnAnswered(question);
  asked.get();
}

TEST_F(DependencyQuestionsTest, NumbersAreOfOneFetcher) {
  DependencyQuestions others(sockets_.first.get(), 1);
  std::vector<uint64_t> numbers;
  for (DependencyQuestions* questions : {&questions_, &others}) {
    questions->NoteFetched("one", "/files/a/b/x.whl", Digest(0));
    questions->Ask("one", [] { return true; });
    numbers.push_back(Read().id());
  }
  EXPECT_NE(numbers[0], 0u);
  EXPECT_NE(numbers[0], numbers[1]);
}

TEST_F(DependencyQuestionsTest, AtTheEndNobodyWaits) {
  questions_.NoteFetched("one", "/files/a/b/x.whl", Digest(0));
  auto asked = Ask("one");
  Read();
  questions_.Stop();
  asked.get();
  EXPECT_FALSE(questions_.Ask("one", stays_));
}

}  // namespace
}  // namespace warren
