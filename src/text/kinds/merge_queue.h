#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace text {

/// Merges that wait for their turn: least rank first, leftmost of equal ones. A long text waits in
/// one list per rank: places are found from left to right, so a list is in order as it grows and
/// each step takes the same time whatever the length. A heap holds what does not fit in so (out of
/// order, or a text too short for lists to pay).
class MergeQueue {
 public:
  struct Candidate {
    std::uint32_t rank = 0;
    std::uint32_t place = 0;
  };

  explicit MergeQueue(std::size_t n_ranks) : n_ranks_(n_ranks) {}

  /// Before the first push for a text. The queue is empty.
  void start(std::size_t n_places) {
    constexpr std::size_t kLongText = 2048;
    use_lists_ = n_places >= kLongText;
    if (use_lists_ && lists_.empty()) lists_.resize(n_ranks_);
    items_.clear();
  }

  /// rank < n_ranks.
  void push(std::uint32_t rank, std::uint32_t place) {
    if (use_lists_ && append(rank, place)) return;
    heap_.push_back(std::uint64_t{rank} << 32 | place);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  std::optional<Candidate> pop() {
    if (ranks_.empty() && heap_.empty()) return std::nullopt;
    if (!ranks_.empty()) {
      List& list = lists_[ranks_.front()];
      const Candidate first{ranks_.front(), items_[list.first].place};
      if (heap_.empty() || (std::uint64_t{first.rank} << 32 | first.place) < heap_.front()) {
        list.first = items_[list.first].next;
        if (list.first == kEnd) drop_first_rank();
        return first;
      }
    }
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const std::uint64_t best = heap_.back();
    heap_.pop_back();
    return Candidate{static_cast<std::uint32_t>(best >> 32), static_cast<std::uint32_t>(best)};
  }

 private:
  static constexpr std::uint32_t kEnd = 0xFFFFFFFF;
  struct Item {
    std::uint32_t place, next;
  };
  /// Of items, by index; places do not fall.
  struct List {
    std::uint32_t first = kEnd, last = kEnd;
  };

  bool append(std::uint32_t rank, std::uint32_t place) {
    List& list = lists_[rank];
    const auto item = static_cast<std::uint32_t>(items_.size());
    if (item == kEnd) return false;
    if (list.first == kEnd) {
      list.first = item;
      ranks_.push_back(rank);
      std::push_heap(ranks_.begin(), ranks_.end(), std::greater<>());
    } else if (items_[list.last].place <= place) {
      items_[list.last].next = item;
    } else {
      return false;
    }
    list.last = item;
    items_.push_back({place, kEnd});
    return true;
  }

  void drop_first_rank() {
    std::pop_heap(ranks_.begin(), ranks_.end(), std::greater<>());
    ranks_.pop_back();
  }

  std::size_t n_ranks_;
  bool use_lists_ = false;
  std::vector<List> lists_;           // [n_ranks]
  std::vector<Item> items_;           // of all lists, as they came
  std::vector<std::uint32_t> ranks_;  // whose lists are not empty, a heap
  std::vector<std::uint64_t> heap_;   // rank and place in one number
};

}  // namespace text
