#include "cook/forecast.h"

#include <gmock/gmock.h>
#include <sched.h>

#include <atomic>
#include <thread>

#include "cook/small_model.h"

namespace {

using testing::HasSubstr;

cook::Plan plan_for(const std::filesystem::path& input, const std::filesystem::path& output,
                    const calibrate::Importance* importance = nullptr,
                    std::string_view recipe = "Q4_K_M") {
  cook::Request r;
  r.recipe.recipe = recipe::recipe_by_symbol(recipe::Policy::ik, recipe);
  r.output = output;
  r.importance = importance;
  return cook::make_plan(*cook::open_gguf_source(input), r);
}

TEST(Forecast, RoomNamesBothNumbersWhenItIsTooSmall) {
  const test::TempDir dir;
  cook::Plan plan = plan_for(test::small_model().write(dir / "in.gguf"), dir / "a" / "b.gguf");
  EXPECT_EQ(cook::room_for(plan).folder, dir.path());
  EXPECT_EQ(cook::room_for(plan).needed, plan.file_bytes);
  EXPECT_NO_THROW(cook::check_room(plan));
  plan.file_bytes = std::size_t{1} << 62;
  try {
    cook::check_room(plan);
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::io);
    EXPECT_THAT(e.what(), HasSubstr("4611686018427387904 bytes"));
    EXPECT_THAT(e.what(), HasSubstr("bytes free"));
  }
}

TEST(Forecast, RoomIsThatOfTheDiskBehindALink) {
  const test::TempDir dir;
  std::filesystem::create_directory(dir / "disk");
  std::filesystem::create_symlink("disk/b.gguf", dir / "link.gguf");
  const auto input = test::small_model().write(dir / "in.gguf");
  EXPECT_EQ(cook::room_for(plan_for(input, dir / "link.gguf")).folder, dir / "disk");
}

TEST(Forecast, ImportanceVectorsAreCounted) {
  const test::TempDir dir;
  calibrate::Importance importance;
  calibrate::Entry& e = importance.entries["blk.0.ffn_up_exps.weight"];
  e.n_cols = 256;
  e.n_vectors = 4;
  e.sums.assign(1024, 1.0);
  e.counts.assign(4, 1);
  const cook::Plan plan =
      plan_for(test::small_model().write(dir / "in.gguf"), dir / "o.gguf", &importance);
  for (const cook::Job& job : plan.jobs) {
    const cook::RowWeights weights = cook::row_weights(job.importance, job.shape);
    EXPECT_GE(cook::row_weights_bytes(job.importance, job.shape),
              weights.values.size() * sizeof(float) +
                  weights.runs.size() * sizeof(cook::RowWeights::Run));
  }
  EXPECT_GT(cook::working_memory(plan, 1),
            cook::working_memory(plan_for(dir / "in.gguf", dir / "o.gguf"), 1));
}

TEST(Forecast, ThreadsAreAsManyAsTheMemoryAllows) {
  const test::TempDir dir;
  const cook::Plan plan = plan_for(test::small_model().write(dir / "in.gguf"), dir / "o.gguf");
  const std::size_t held = 1000;
  for (const std::size_t n : {1, 2, 5}) {
    const std::size_t need = cook::working_memory(plan, n);
    EXPECT_EQ(cook::threads_within(plan, 8, held + need, held), n);
    EXPECT_EQ(cook::threads_within(plan, n, held + need, held), n);
  }
  try {
    cook::threads_within(plan, 8, held + cook::working_memory(plan, 1) - 1, held);
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_EQ(e.fault(), base::Fault::bad_input);
    EXPECT_THAT(e.what(), HasSubstr(std::to_string(cook::working_memory(plan, 1) + held)));
    EXPECT_THAT(e.what(), HasSubstr("tensor: "));
  }
  EXPECT_THROW(cook::threads_within(plan, 8, std::size_t{1} << 40, SIZE_MAX), base::Error);
}

TEST(Forecast, TimeIsThatOfTheEncodersSharedByThreads) {
  const test::TempDir dir;
  const cook::Plan plan = plan_for(test::small_model().write(dir / "in.gguf"), dir / "o.gguf");
  const double one = cook::encode_seconds(plan, 1);
  EXPECT_GT(one, 0.0);
  EXPECT_LT(one, 60.0);
  cook::Plan copies = plan;
  for (cook::Job& job : copies.jobs) job.action = recipe::Action::copy;
  EXPECT_EQ(cook::encode_seconds(copies, 1), 0.0);
}

TEST(Forecast, TimeLeavesOutTablesThatAreMadeOnce) {
  const test::TempDir dir;
  const auto input = test::small_model().write(dir / "in.gguf");
  const cook::Plan plan = plan_for(input, dir / "o.gguf", nullptr, "IQ3_S");
  const double first = cook::encode_seconds(plan, 1);
  EXPECT_LT(first, 10 * cook::encode_seconds(plan, 1));
}

/// Threads that compute on the processor of this one, which it does not leave.
class Company {
 public:
  explicit Company(std::size_t n) {
    ::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &one);
    ::sched_setaffinity(0, sizeof one, &one);
    for (std::size_t i = 0; i < n; ++i) {
      threads_.emplace_back([this] {
        while (!stop_) {
        }
      });
    }
  }
  ~Company() {
    stop_ = true;
    for (std::thread& t : threads_) t.join();
    ::sched_setaffinity(0, sizeof before_, &before_);
  }
  Company(const Company&) = delete;
  Company& operator=(const Company&) = delete;

 private:
  cpu_set_t before_{};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

TEST(Forecast, OtherWorkOnTheProcessorDoesNotCount) {
  const test::TempDir dir;
  const cook::Plan plan = plan_for(test::small_model().write(dir / "in.gguf"), dir / "o.gguf");
  const auto least = [&] {
    return std::min({cook::encode_seconds(plan, 1), cook::encode_seconds(plan, 1),
                     cook::encode_seconds(plan, 1)});
  };
  const double alone = least();
  const Company company(7);
  EXPECT_LT(least(), 3 * alone);
}

}  // namespace
