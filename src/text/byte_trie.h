#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace text {

/// Byte strings with a number each, walked byte by byte. Node 0 is the empty string.
class ByteTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kNoNode = 0xFFFFFFFF;
  static constexpr std::uint32_t kNoValue = 0xFFFFFFFF;

  ByteTrie() : values_{kNoValue}, edges_(kFirstSlots) {}

  /// A text added twice keeps the later value.
  void add(std::string_view text, std::uint32_t value) {
    Node node = 0;
    for (const char c : text) {
      Node next = child(node, c);
      if (next == kNoNode) {
        next = static_cast<Node>(values_.size());
        values_.push_back(kNoValue);
        if (2 * values_.size() > edges_.size()) grow();
        put({key_of(node, c), next});
      }
      node = next;
    }
    values_[node] = value;
  }

  /// kNoNode if no text goes on with this byte.
  Node child(Node node, char byte) const noexcept {
    const std::uint64_t key = key_of(node, byte);
    for (std::size_t slot = slot_of(key);; slot = (slot + 1) & (edges_.size() - 1)) {
      if (edges_[slot].key == key) return edges_[slot].child;
      if (edges_[slot].child == 0) return kNoNode;
    }
  }
  /// Nodes, the root included.
  std::size_t size() const noexcept { return values_.size(); }
  /// The number of the text that ends here, or kNoValue.
  std::uint32_t value(Node node) const noexcept { return values_[node]; }

 private:
  struct Edge {
    std::uint64_t key = 0xFFFFFFFFFFFFFFFF;
    Node child = 0;  // the root is nobody's child: free
  };
  static constexpr std::size_t kFirstSlots = 64;

  static std::uint64_t key_of(Node node, char byte) noexcept {
    return std::uint64_t{node} << 8 | static_cast<std::uint8_t>(byte);
  }
  std::size_t slot_of(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> 24) & (edges_.size() - 1);
  }
  void put(const Edge& edge) noexcept {
    std::size_t slot = slot_of(edge.key);
    while (edges_[slot].child != 0) slot = (slot + 1) & (edges_.size() - 1);
    edges_[slot] = edge;
  }
  void grow() {
    std::vector<Edge> old(edges_.size() * 2);
    old.swap(edges_);
    for (const Edge& edge : old) {
      if (edge.child != 0) put(edge);
    }
  }

  std::vector<std::uint32_t> values_;
  std::vector<Edge> edges_;
};

}  // namespace text
