#include "prefix_tree.h"

#include <algorithm>
#include <cstring>

namespace kith {
namespace {

int BitAt(const uint8_t* bytes, unsigned index) { return bytes[index >> 3] >> (7 - (index & 7)) & 1; }

// How many leading bits agree, at most `limit`.
unsigned CommonBits(const uint8_t* a, const uint8_t* b, unsigned limit) {
  for (unsigned i = 0; 8 * i < limit; i++) {
    const unsigned difference = a[i] ^ b[i];
    if (difference != 0) return std::min(limit, 8 * i + static_cast<unsigned>(__builtin_clz(difference)) - 24);
  }
  return limit;
}

}  // namespace

struct PrefixTree::Node {
  uint8_t bits[16] = {};
  unsigned length = 0;
  Peer* peer = nullptr;
  Link child[2];
};

PrefixTree::PrefixTree(unsigned width) : width_(width) {}
PrefixTree::~PrefixTree() = default;

PrefixTree::Link PrefixTree::Leaf(const uint8_t* bits, unsigned length, Peer* peer) const {
  Link node = std::make_unique<Node>();
  memcpy(node->bits, bits, width_ / 8);
  node->length = length;
  node->peer = peer;
  return node;
}

void PrefixTree::Set(const uint8_t* bits, unsigned length, Peer* peer) { Insert(&root_, bits, length, peer); }

void PrefixTree::Delete(const uint8_t* bits, unsigned length, const Peer* peer) { Remove(&root_, bits, length, peer); }

void PrefixTree::Insert(Link* link, const uint8_t* bits, unsigned length, Peer* peer) {
  if (*link == nullptr) {
    *link = Leaf(bits, length, peer);
    return;
  }
  Node& node = **link;
  const unsigned common = CommonBits(node.bits, bits, std::min(node.length, length));
  if (common == node.length) {
    if (length == node.length) node.peer = peer;
    else Insert(&node.child[BitAt(bits, node.length)], bits, length, peer);
    return;
  }
  Link parent = Leaf(bits, common, common == length ? peer : nullptr);
  const int side = BitAt(node.bits, common);
  parent->child[side] = std::move(*link);
  if (common < length) parent->child[1 - side] = Leaf(bits, length, peer);
  *link = std::move(parent);
}

void PrefixTree::Remove(Link* link, const uint8_t* bits, unsigned length, const Peer* peer) {
  if (*link == nullptr) return;
  Node& node = **link;
  if (node.length > length || CommonBits(node.bits, bits, node.length) < node.length) return;
  if (node.length == length) {
    if (node.peer == peer) node.peer = nullptr;
  } else {
    Remove(&node.child[BitAt(bits, node.length)], bits, length, peer);
  }
  if (node.peer != nullptr || (node.child[0] != nullptr && node.child[1] != nullptr)) return;
  Link rest = std::move(node.child[node.child[0] != nullptr ? 0 : 1]);
  *link = std::move(rest);
}

Peer* PrefixTree::Find(const uint8_t* address) const {
  Peer* best = nullptr;
  const Node* node = root_.get();
  while (node != nullptr && CommonBits(node->bits, address, node->length) == node->length) {
    if (node->peer != nullptr) best = node->peer;
    if (node->length == width_) break;
    node = node->child[BitAt(address, node->length)].get();
  }
  return best;
}

}  // namespace kith
