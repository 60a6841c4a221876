#include "cook/look_up.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>

#include "base/error.h"

namespace cook {
namespace {

/// A part of one of several data.
struct Part {
  std::size_t place = 0, number = 0;  ///< of the data, of the part in them
  std::size_t offset = 0, size = 0;   ///< bytes of the data
};

/// The parts of several data of these sizes, one after the other, computed when asked for.
class PartList {
 public:
  explicit PartList(std::vector<std::size_t> sizes) : sizes_(std::move(sizes)) {
    std::size_t end = 0;
    for (const std::size_t size : sizes_) {
      ends_.push_back(end += TensorCache::n_parts(size));
      bytes_ += size;
    }
  }
  std::size_t size() const noexcept { return ends_.empty() ? 0 : ends_.back(); }
  std::uint64_t bytes() const noexcept { return bytes_; }
  Part operator[](std::size_t index) const noexcept {
    const auto after = std::upper_bound(ends_.begin(), ends_.end(), index);
    const auto place = static_cast<std::size_t>(after - ends_.begin());
    const std::size_t number = index - (place == 0 ? 0 : ends_[place - 1]);
    const std::size_t offset = number * TensorCache::kPartBytes;
    return {.place = place,
            .number = number,
            .offset = offset,
            .size = std::min(TensorCache::kPartBytes, sizes_[place] - offset)};
  }

 private:
  std::vector<std::size_t> sizes_, ends_;  // ends_: running number of parts behind each of the data
  std::uint64_t bytes_ = 0;
};

class LookUp {
 public:
  LookUp(const TensorSource& source, const Plan& plan, const OutputPlan& output,
         const TensorCache& cache, runtime::Runtime& runtime, ZeroWatch& zeros)
      : source_(source),
        plan_(plan),
        output_(output),
        cache_(cache),
        runtime_(runtime),
        zeros_(zeros),
        states_(output.jobs.size()),
        hashes_(output.jobs.size()),
        checksums_(output.jobs.size()) {}

  std::vector<CacheState> run() {
    hash_sources();
    open_entries();
    check_entries();
    // Tensors of equal content share an entry; one of them writes it.
    std::set<std::string_view> seen;
    for (CacheState& state : states_) {
      if (!state.key.empty() && !seen.insert(state.key).second) state.key.clear();
    }
    return std::move(states_);
  }

 private:
  const Job& job_at(std::size_t place) const noexcept { return plan_.jobs[output_.jobs[place]]; }
  bool is_kept(std::size_t place) const noexcept {
    return job_at(place).action == recipe::Action::encode;
  }

  /// Hashes data of which places without have size 0. `read_ahead(part)` comes two rounds of the
  /// team before its part is read.
  template <class ReadAhead, class Hash>
  void hash_all(const char* what, const PartList& parts, const ReadAhead& read_ahead,
                const Hash& hash) {
    for (std::size_t p = 0; p < hashes_.size(); ++p) hashes_[p].clear();
    for (std::size_t i = 0; i < parts.size(); ++i) hashes_[parts[i].place].emplace_back();
    const std::size_t ahead = 2 * runtime_.team.size();
    std::uint64_t done = 0;
    std::mutex lock;
    runtime_.team.run(parts.size(), [&](std::size_t index, std::size_t) {
      if (index + ahead < parts.size()) read_ahead(parts[index + ahead]);
      const Part part = parts[index];
      hashes_[part.place][part.number] = hash(part);
      const std::lock_guard hold(lock);
      done += part.size;
      runtime_.progress.update(what, done, parts.bytes(), "bytes", job_at(part.place).name);
    });
  }

  void hash_sources() {
    std::vector<std::size_t> sizes;
    for (std::size_t p = 0; p < states_.size(); ++p) {
      sizes.push_back(is_kept(p) ? job_at(p).source_bytes : 0);
    }
    hash_all(
        "look up", PartList(std::move(sizes)),
        [&](const Part& part) {
          source_.will_need(job_at(part.place).source, part.offset, part.size);
        },
        [&](const Part& part) {
          return TensorCache::part_hash(part.size, [&](std::size_t at, std::span<std::byte> out) {
            runtime_.stop.check();
            source_.read(job_at(part.place).source, part.offset + at, out);
            zeros_.look(output_.jobs[part.place], part.offset + at, out);
          });
        });
  }

  void open_entries() {
    runtime_.team.run(states_.size(), [&](std::size_t place, std::size_t) {
      runtime_.stop.check();
      if (!is_kept(place)) return;
      CacheState& state = states_[place];
      state.key = cache_.key(job_at(place), plan_.effort, hashes_[place]);
      state.source_seen = true;
      std::optional<StoredEntry> entry = cache_.open(state.key, job_at(place).bytes);
      if (!entry) return;
      state.damaged = entry->file == nullptr;
      state.found = std::move(entry->file);
      checksums_[place] = entry->checksum;
    });
  }

  void check_entries() {
    std::vector<std::size_t> sizes;
    for (std::size_t p = 0; p < states_.size(); ++p) {
      sizes.push_back(states_[p].found ? job_at(p).bytes : 0);
    }
    std::vector<std::atomic<bool>> unreadable(states_.size());
    hash_all(
        "check", PartList(std::move(sizes)),
        [&](const Part& part) {
          states_[part.place].found->will_need(TensorCache::kHeaderBytes + part.offset, part.size);
        },
        [&](const Part& part) {
          try {
            return TensorCache::part_hash(part.size, [&](std::size_t at, std::span<std::byte> out) {
              runtime_.stop.check();
              states_[part.place].found->read(TensorCache::kHeaderBytes + part.offset + at, out);
            });
          } catch (const base::Error& e) {
            if (e.fault() != base::Fault::io) throw;
            unreadable[part.place] = true;  // shortened or a bad disk: encode again
            return HashValue{};
          }
        });
    for (std::size_t p = 0; p < states_.size(); ++p) {
      if (!states_[p].found) continue;
      if (!unreadable[p] && TensorCache::whole_hash(hashes_[p]) == checksums_[p]) {
        cache_.touch(states_[p].key);
        continue;
      }
      states_[p].found.reset();
      states_[p].damaged = true;
      cache_.remove(states_[p].key);
    }
  }

  const TensorSource& source_;
  const Plan& plan_;
  const OutputPlan& output_;
  const TensorCache& cache_;
  runtime::Runtime& runtime_;
  ZeroWatch& zeros_;
  std::vector<CacheState> states_;
  std::vector<std::vector<HashValue>> hashes_;  // by place, by part
  std::vector<HashValue> checksums_;            // of the entries that were found
};

}  // namespace

std::vector<CacheState> look_up(const TensorSource& source, const Plan& plan,
                                const OutputPlan& output, const TensorCache* cache,
                                runtime::Runtime& runtime, ZeroWatch& zeros) {
  if (cache == nullptr) return std::vector<CacheState>(output.jobs.size());
  return LookUp(source, plan, output, *cache, runtime, zeros).run();
}

}  // namespace cook
