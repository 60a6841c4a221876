#include "cook/run.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>

#include "base/error.h"
#include "base/output_set.h"
#include "cook/encode_rows.h"
#include "cook/look_up.h"
#include "cook/units.h"
#include "cook/zeros.h"
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
    const std::size_t n = plan_.jobs.size();
    if (plan_.line_width > 0) {
      progress_.log(short_tensor_line(plan_.jobs[index], index, n, plan_.line_width));
      return;
    }
    for (const std::string& line : tensor_lines(plan_.jobs[index], index, n)) {
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
  std::once_flag begun;
  RowWeights weights;
  std::unique_ptr<CacheEntry> entry;
  std::atomic<bool> entry_failed{false};
  std::atomic<std::size_t> units_left{0};
};

/// The file of one output, with room on the disk, still empty.
gguf::Writer writer_for(const Plan& plan, const OutputPlan& output) {
  std::vector<gguf::TensorPlan> tensors;
  for (const std::size_t index : output.jobs) {
    const Job& job = plan.jobs[index];
    tensors.push_back({.name = job.name, .codec = job.to_codec, .shape = job.shape});
  }
  return {output.path, output.metadata, tensors};
}

class FileCook {
 public:
  FileCook(const TensorSource& source, const Plan& plan, const OutputPlan& output,
           gguf::Writer& writer, runtime::Runtime& runtime, const TensorCache* cache,
           std::vector<CacheState> cached, ZeroWatch& zeros)
      : runtime_(runtime),
        zeros_(zeros),
        source_(source),
        plan_(plan),
        output_(output),
        cache_(cache),
        cached_(std::move(cached)),
        units_(plan, output, found()),
        writer_(writer),
        states_(output.jobs.size()),
        scratch_(runtime.team.size()) {
    for (std::size_t p = 0; p < states_.size(); ++p) states_[p].units_left = units_.units_of(p);
  }

  void run(Reporter& reporter) {
    runtime_.team.run(units_.size(), [&](std::size_t index, std::size_t thread) {
      runtime_.stop.check();
      read_ahead(index + 2 * scratch_.size());
      cook(units_[index], scratch_[thread], reporter);
    });
    runtime_.stop.check();
    writer_.whole();
  }
  std::size_t bytes() const noexcept { return writer_.size(); }
  std::size_t n_not_kept() const noexcept { return n_not_kept_; }
  const std::string& cache_error() const noexcept { return cache_error_; }
  std::set<std::string> keys() const {
    std::set<std::string> out;
    for (const CacheState& state : cached_) {
      if (!state.key.empty()) out.insert(state.key);
    }
    return out;
  }
  std::size_t n_found() const noexcept {
    return static_cast<std::size_t>(std::count_if(cached_.begin(), cached_.end(),
                                                  [](const CacheState& c) { return !!c.found; }));
  }
  std::size_t n_damaged() const noexcept {
    return static_cast<std::size_t>(std::count_if(cached_.begin(), cached_.end(),
                                                  [](const CacheState& c) { return c.damaged; }));
  }

 private:
  std::vector<bool> found() const {
    std::vector<bool> out;
    for (const CacheState& state : cached_) out.push_back(state.found != nullptr);
    return out;
  }

  const Job& job_at(std::size_t place) const noexcept { return plan_.jobs[output_.jobs[place]]; }

  void read_ahead(std::size_t index) const noexcept {
    if (index >= units_.size()) return;
    const Unit unit = units_[index];
    const Job& job = job_at(unit.place);
    if (cached_[unit.place].found) return;
    const SourceRange range = source_range(job, unit);
    source_.will_need(job.source, range.offset, range.size);
  }

  /// Once a tensor, before its first rows.
  void begin(const Job& job, std::size_t place, TensorState& state) {
    state.weights = row_weights(job.importance, job.shape);
    const std::string& key = cached_[place].key;
    if (cache_ == nullptr || key.empty()) return;
    keep(state, [&] { state.entry = cache_->create(key, job.bytes); });
  }

  /// A cache that cannot be written to costs time in later runs, not this run.
  template <class Write>
  void keep(TensorState& state, const Write& write) {
    if (state.entry_failed) return;
    try {
      write();
    } catch (const base::Error& e) {
      if (e.fault() != base::Fault::io) throw;
      if (state.entry_failed.exchange(true)) return;
      const std::lock_guard hold(cache_lock_);
      if (n_not_kept_++ == 0) cache_error_ = e.what();
    }
  }

  void copy(const Job& job, const Unit& unit, Scratch& scratch) {
    scratch.source.resize(unit.count);
    if (const auto& file = cached_[unit.place].found; file != nullptr) {
      file->read(TensorCache::kHeaderBytes + unit.first, scratch.source);
    } else {
      source_.read(job.source, unit.first, scratch.source);
      zeros_.look(output_.jobs[unit.place], unit.first, scratch.source);
      if (plan_.check_copies) check_copied(job, unit, scratch.source);
    }
    writer_.write(unit.place, unit.first, scratch.source);
  }

  void encode(const Job& job, const Unit& unit, TensorState& state, Scratch& scratch) {
    std::call_once(state.begun, [&] { begin(job, unit.place, state); });
    const std::size_t at = unit.first * job.to_codec->row_bytes(job.shape.cols());
    const auto bytes = encode_rows(source_, job, unit, state.weights,
                                   {.effort = plan_.effort, .kernels = runtime_.kernels}, scratch);
    if (!cached_[unit.place].source_seen) {
      zeros_.look(output_.jobs[unit.place], source_range(job, unit).offset, scratch.source);
    }
    writer_.write(unit.place, at, bytes);
    if (state.entry) keep(state, [&] { state.entry->write(at, bytes); });
  }

  void cook(const Unit& unit, Scratch& scratch, Reporter& reporter) {
    const Job& job = job_at(unit.place);
    TensorState& state = states_[unit.place];
    try {
      if (unit.copy) {
        copy(job, unit, scratch);
      } else {
        encode(job, unit, state, scratch);
      }
    } catch (base::Error& e) {
      if (e.fault() == base::Fault::bad_input) source_.locate(job.source, e);
      throw;
    }
    const bool last = state.units_left.fetch_sub(1) == 1;
    if (last) {
      // Nothing of two states of the source gets a name, be it in the cache.
      source_.require_unchanged();
      // Nobody uses them any more.
      if (state.entry) keep(state, [&] { state.entry->commit(); });
      state.entry.reset();
      state.weights = {};
    }
    const bool cached = cached_[unit.place].found != nullptr;
    const std::size_t source_bytes =
        cached ? (last ? job.source_bytes : 0) : source_range(job, unit).size;
    reporter.add(output_.jobs[unit.place], source_bytes, last);
  }

  std::mutex cache_lock_;
  std::size_t n_not_kept_ = 0;
  std::string cache_error_;
  runtime::Runtime& runtime_;
  ZeroWatch& zeros_;
  const TensorSource& source_;
  const Plan& plan_;
  const OutputPlan& output_;
  const TensorCache* cache_;
  std::vector<CacheState> cached_;
  UnitList units_;
  gguf::Writer& writer_;
  std::deque<TensorState> states_;
  std::vector<Scratch> scratch_;  // one a thread
};

}  // namespace

RunResult run_plan(const TensorSource& source, const Plan& plan, runtime::Runtime& runtime,
                   const TensorCache* cache) {
  std::uint64_t total = 0;
  for (const OutputPlan& output : plan.outputs) {
    for (const std::size_t job : output.jobs) {
      total += output.skipped ? 0 : plan.jobs[job].source_bytes;
    }
  }
  Reporter reporter(plan, runtime.progress, total);
  ZeroWatch zeros(source, plan);
  RunResult result;
  // Room for all of them is taken before the work.
  std::vector<gguf::Writer> writers;
  writers.reserve(plan.outputs.size());
  for (const OutputPlan& output : plan.outputs) {
    if (!output.skipped) writers.push_back(writer_for(plan, output));
  }
  std::vector<base::OutputFile*> files;
  for (const OutputPlan& output : plan.outputs) {
    if (output.skipped) {
      for (const std::size_t job : output.jobs) reporter.skip(job);
      continue;
    }
    runtime.stop.check();
    gguf::Writer& writer = writers[result.files_written];
    FileCook file(source, plan, output, writer, runtime, cache,
                  look_up(source, plan, output, cache, runtime, zeros), zeros);
    file.run(reporter);
    result.bytes_written += file.bytes();
    ++result.files_written;
    result.from_cache += file.n_found();
    result.n_damaged += file.n_damaged();
    result.not_kept += file.n_not_kept();
    result.cache_keys.merge(file.keys());
    if (result.cache_error.empty()) result.cache_error = file.cache_error();
    if (plan.partial) {
      writer.finish();
    } else {
      files.push_back(&writer.whole());
    }
  }
  if (!files.empty()) {
    base::commit_together(plan.outputs.front().path, std::move(files), plan.job);
  }
  result.findings = zeros.findings();
  return result;
}

}  // namespace cook
