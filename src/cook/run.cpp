#include "cook/run.h"

#include <atomic>
#include <deque>
#include <mutex>

#include "base/error.h"
#include "cook/encode_rows.h"
#include "cook/units.h"
#include "gguf/writer.h"

namespace cook {
namespace {

/// Reports in file order, from whatever thread finishes a piece.
class Reporter {
 public:
  Reporter(const Plan& plan, base::Progress& progress, std::uint64_t total)
      : plan_(plan), progress_(progress), total_(total), finished_(plan.jobs.size()) {}

  void add(std::size_t job, std::size_t source_bytes, bool finished) {
    const std::lock_guard hold(lock_);
    done_ += source_bytes;
    if (finished) finished_[job] = true;
    for (; next_ < finished_.size() && finished_[next_]; ++next_) log(next_);
    progress_.update("quantize", done_, total_, "bytes", plan_.jobs[job].name);
  }
  /// Tensors of files that are left as they are.
  void skip(std::size_t job) {
    const std::lock_guard hold(lock_);
    finished_[job] = true;
  }

 private:
  void log(std::size_t index) {
    for (const std::string& line : tensor_lines(plan_.jobs[index], index, plan_.jobs.size())) {
      progress_.log(line);
    }
  }

  const Plan& plan_;
  base::Progress& progress_;
  std::uint64_t total_, done_ = 0;
  std::vector<bool> finished_;
  std::size_t next_ = 0;
  std::mutex lock_;
};

/// What the threads share about one tensor of the file in work.
struct TensorState {
  std::once_flag weights_made;
  RowWeights weights;
  std::atomic<std::size_t> units_left{0};
};

class FileCook {
 public:
  FileCook(const TensorSource& source, const Plan& plan, const OutputPlan& output,
           std::size_t n_threads)
      : source_(source),
        plan_(plan),
        output_(output),
        units_(plan, output),
        writer_(output.path, output.metadata, tensor_plans()),
        states_(output.jobs.size()),
        scratch_(n_threads) {
    for (std::size_t p = 0; p < states_.size(); ++p) states_[p].units_left = units_.units_of(p);
  }

  void run(runtime::Team& team, Reporter& reporter, const base::StopFlag& stop) {
    team.run(units_.size(), [&](std::size_t index, std::size_t thread) {
      stop.check();
      read_ahead(index + 2 * scratch_.size());
      cook(units_[index], scratch_[thread], reporter);
    });
    stop.check();
    writer_.finish();
  }
  std::size_t bytes() const noexcept { return writer_.size(); }

 private:
  std::vector<gguf::TensorPlan> tensor_plans() const {
    std::vector<gguf::TensorPlan> plans;
    for (const std::size_t index : output_.jobs) {
      const Job& job = plan_.jobs[index];
      plans.push_back({.name = job.name, .codec = job.to_codec, .shape = job.shape});
    }
    return plans;
  }

  const Job& job_at(std::size_t place) const noexcept { return plan_.jobs[output_.jobs[place]]; }

  void read_ahead(std::size_t index) const noexcept {
    if (index >= units_.size()) return;
    const Unit unit = units_[index];
    const Job& job = job_at(unit.place);
    const SourceRange range = source_range(job, unit);
    source_.will_need(job.source, range.offset, range.size);
  }

  void cook(const Unit& unit, Scratch& scratch, Reporter& reporter) {
    const Job& job = job_at(unit.place);
    TensorState& state = states_[unit.place];
    const SourceRange range = source_range(job, unit);
    if (job.action == recipe::Action::copy) {
      scratch.source.resize(range.size);
      source_.read(job.source, range.offset, scratch.source);
      writer_.write(unit.place, range.offset, scratch.source);
    } else {
      std::call_once(state.weights_made,
                     [&] { state.weights = row_weights(job.importance, job.shape); });
      const std::size_t row_bytes = job.to_codec->row_bytes(job.shape.cols());
      writer_.write(unit.place, unit.first * row_bytes,
                    encode_rows(source_, job, unit, state.weights, plan_.effort, scratch));
    }
    const bool last = state.units_left.fetch_sub(1) == 1;
    if (last) state.weights = {};  // nobody reads it any more
    reporter.add(output_.jobs[unit.place], range.size, last);
  }

  const TensorSource& source_;
  const Plan& plan_;
  const OutputPlan& output_;
  UnitList units_;
  gguf::Writer writer_;
  std::deque<TensorState> states_;
  std::vector<Scratch> scratch_;  // one a thread
};

}  // namespace

RunResult run_plan(const TensorSource& source, const Plan& plan, runtime::Team& team,
                   base::Progress& progress, const base::StopFlag& stop) {
  std::uint64_t total = 0;
  for (const OutputPlan& output : plan.outputs) {
    for (const std::size_t job : output.jobs) {
      total += output.skipped ? 0 : plan.jobs[job].source_bytes;
    }
  }
  Reporter reporter(plan, progress, total);
  RunResult result;
  for (const OutputPlan& output : plan.outputs) {
    if (output.skipped) {
      for (const std::size_t job : output.jobs) reporter.skip(job);
      continue;
    }
    stop.check();
    if (const auto folder = output.path.parent_path(); !folder.empty()) {
      std::error_code ignored;  // the writer reports what is wrong
      std::filesystem::create_directories(folder, ignored);
    }
    FileCook file(source, plan, output, team.size());
    file.run(team, reporter, stop);
    result.bytes_written += file.bytes();
    ++result.files_written;
  }
  return result;
}

}  // namespace cook
