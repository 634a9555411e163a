// A segment of a packet, sealed into a datagram. The one piece of code that does so, stepped or on a thread.
#pragma once

#include "core.h"

namespace kith {

inline size_t SealedLength(const Ticket& ticket, const Segments& packet, size_t i) {
  return ticket.way.header_length + kKeepAliveLength + Padded(packet.Length(i));
}

// Writes segment `i` into `datagram`, which has room for SealedLength and kHeadroom before it.
inline void SealSegment(const Ticket& ticket, const Segments& packet, size_t i, uint8_t* datagram) {
  const size_t length = packet.Length(i);
  const size_t padded = Padded(length);
  uint8_t* const message = datagram + ticket.way.header_length;
  memcpy(datagram, ticket.way.header, ticket.way.header_length);
  WriteLE32(message, TypeOf(ticket.cipher));
  WriteLE32(message + 4, ticket.session->remote_index);
  WriteLE64(message + 8, ticket.counter + i);
  packet.Write(i, message + kTransportHeader);
  memset(message + kTransportHeader + length, 0, padded - length);
  ticket.session->seal_out.Seal(ticket.cipher, ticket.counter + i, message + kTransportHeader, padded, ticket.lone);
}

}  // namespace kith
