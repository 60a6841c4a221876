// A model that becomes shorter while it is read: an error with its place, whatever reads it, and no
// output.
#include "cli/lost_page.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "cli/interrupt.h"
#include "gguf/file.h"
#include "support/support.h"
#include "surgery/mla_edit.h"
#include "surgery/publish.h"
#include "tensor/buffer.h"

namespace {

using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kModel = test::source_path("data/tiny-mla-bf16.gguf").string();
constexpr std::uintmax_t kCut = std::uintmax_t{1} << 20;  // behind the header

/// Exit code of a child that does this; 255 for what it throws, -1 if a signal ended it.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      ::_exit(work());
    } catch (...) {
      ::_exit(255);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(LostPage, ReadsAsZerosAndTellsItsPlace) {
  const test::TempDir dir;
  const std::string path = (dir / "file with blanks").string();
  test::write_bytes(path, std::vector<std::byte>(10 * 4096, std::byte{7}));
  EXPECT_EQ(in_child([&] {
              cli::guard_mapped_files();
              const tensor::Mapping mapping(path);
              if (cli::page_was_lost()) return 1;
              fs::resize_file(path, 4096);
              // The first page that is touched is the one that is told.
              if (mapping.bytes()[5 * 4096 + 17] != std::byte{0}) return 2;
              if (mapping.bytes()[3 * 4096] != std::byte{0}) return 3;
              if (mapping.bytes()[4095] != std::byte{7}) return 4;
              if (!cli::page_was_lost() || !cli::interrupt_flag().requested()) return 5;
              const std::string told = cli::lost_page_error().what();
              if (told.find("file: " + path) == std::string::npos) return 6;
              if (told.find("offset: " + std::to_string(5 * 4096)) == std::string::npos) return 7;
              return 0;
            }),
            0);
}

TEST(LostPage, AlsoTheFirstOfAFile) {
  const test::TempDir dir;
  const std::string path = (dir / "f").string();
  test::write_bytes(path, std::vector<std::byte>(3 * 4096, std::byte{7}));
  EXPECT_EQ(in_child([&] {
              cli::guard_mapped_files();
              const tensor::Mapping mapping(path);
              fs::resize_file(path, 0);
              if (mapping.bytes()[0] != std::byte{0}) return 1;
              const std::string told = cli::lost_page_error().what();
              return told.find("file: " + path) == std::string::npos ||
                             told.find("offset: 0") == std::string::npos
                         ? 2
                         : 0;
            }),
            0);
}

/// Cuts a file off when the work has come so far.
class Cutter final : public base::Progress {
 public:
  Cutter(fs::path path, int at) : path_(std::move(path)), at_(at) {}
  void update(std::string_view, std::uint64_t, std::uint64_t, std::string_view,
              std::string_view) override {
    if (n_++ == at_) fs::resize_file(path_, kCut);
  }
  void log(std::string_view) override {}

 private:
  fs::path path_;
  int at_, n_ = 0;
};

TEST(LostPage, OfAnEditThatComputesGivesNoFile) {
  const test::TempDir dir;
  const fs::path model = dir / "m.gguf", out = dir / "o.gguf";
  for (const int at : {0, 30, 60}) {
    fs::copy_file(kModel, model, fs::copy_options::overwrite_existing);
    EXPECT_EQ(in_child([&] {
                cli::guard_mapped_files();
                const gguf::FileSet files = gguf::FileSet::open(model);
                surgery::Draft draft(files);
                surgery::convert_mla(draft, surgery::MlaForm::split, {});
                runtime::Team team(2);
                Cutter progress(model, at);
                const surgery::PublishOptions options{.output = out};
                try {
                  surgery::publish(draft, surgery::plan_publish(draft, options), options, team,
                                   progress, cli::interrupt_flag());
                } catch (const base::Error&) {
                  return 0;
                }
                return 1;
              }),
              0)
        << at;
    EXPECT_EQ(std::distance(fs::directory_iterator(dir.path()), {}), 1) << at;
  }
}

struct Ran {
  int exit_code = -1;
  std::string out, err;
};

/// Runs the program and cuts the model off when `ready`, which gets its output, says so.
Ran run_and_cut(std::vector<std::string> words, const fs::path& model,
                const std::function<bool(int pipe)>& ready) {
  const test::TempDir dir;
  const std::string errors = (dir / "err").string();
  int ends[2];
  if (::pipe(ends) != 0) return {};
  ::fcntl(ends[0], F_SETPIPE_SZ, 4096);  // little goes through unread
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    if (std::freopen(errors.c_str(), "w", stderr) == nullptr) ::_exit(126);
    std::vector<char*> argv{const_cast<char*>(test::program_path())};
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    ::execv(test::program_path(), argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  while (!ready(ends[0])) ::usleep(2000);
  fs::resize_file(model, kCut);
  Ran ran;
  char buffer[4096];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    ran.out.append(buffer, static_cast<std::size_t>(n));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  ran.err = test::read_text(errors);
  return ran;
}

int unread(int pipe) {
  int n = 0;
  ::ioctl(pipe, FIONREAD, &n);
  return n;
}

TEST(LostPage, OfHashIsTold) {
  const test::TempDir dir;
  const fs::path model = dir / "m.gguf";
  fs::copy_file(kModel, model);
  // Its lines fill the pipe before the last tensor is hashed.
  const Ran r = run_and_cut({"hash", "--all", model.string()}, model,
                            [](int pipe) { return unread(pipe) >= 4096; });
  EXPECT_EQ(r.exit_code, 1) << r.err;
  EXPECT_THAT(r.err, AllOf(HasSubstr("the file has become shorter"), HasSubstr(model.string()),
                           HasSubstr("offset: ")));
  EXPECT_THAT(r.out, testing::Not(HasSubstr("  " + model.string() + "\n"))) << "no line of all";
}

TEST(LostPage, OfAModelThatRunsIsTold) {
  const test::TempDir dir;
  const std::string text = test::source_path("data/calibration.txt").string();
  const fs::path model = dir / "m.gguf", out = dir / "out.gguf";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"perplexity", "-m", model.string(), "-f", text, "-t", "1"},
        {"imatrix", "-m", model.string(), "-f", text, "-t", "1", "-ofreq", "1", "-o",
         out.string()}}) {
    fs::copy_file(kModel, model, fs::copy_options::overwrite_existing);
    const Ran r = run_and_cut(words, model, [](int pipe) { return unread(pipe) > 0; });
    EXPECT_EQ(r.exit_code, 1) << r.err;
    EXPECT_THAT(r.err, AllOf(HasSubstr("the file has become shorter"), HasSubstr(model.string())));
    EXPECT_THAT(r.out, testing::Not(HasSubstr("Final estimate")));
    EXPECT_FALSE(fs::exists(out)) << words[0];
  }
}

}  // namespace
