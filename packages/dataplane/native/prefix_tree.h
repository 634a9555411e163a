// Allowed prefixes of all peers of one address family: longest prefix match over a path-compressed binary tree.
#pragma once

#include <cstdint>
#include <memory>

namespace kith {

struct Peer;

class PrefixTree {
 public:
  // `width` is 32 or 128 bits.
  explicit PrefixTree(unsigned width);
  ~PrefixTree();

  // A prefix belongs to the peer it was set for last. Host bits of `bits` are zero.
  void Set(const uint8_t* bits, unsigned length, Peer* peer);
  // Removes the prefix if it belongs to `peer`.
  void Delete(const uint8_t* bits, unsigned length, const Peer* peer);
  // The peer of the longest prefix that holds the address, or null.
  Peer* Find(const uint8_t* address) const;

 private:
  struct Node;
  using Link = std::unique_ptr<Node>;

  Link Leaf(const uint8_t* bits, unsigned length, Peer* peer) const;
  void Insert(Link* link, const uint8_t* bits, unsigned length, Peer* peer);
  void Remove(Link* link, const uint8_t* bits, unsigned length, const Peer* peer);

  const unsigned width_;
  Link root_;
};

}  // namespace kith
