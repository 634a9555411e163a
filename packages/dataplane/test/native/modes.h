// What the harness can do. Each ends the process where something is wrong.
#pragma once

#include <cstdint>

namespace kith {

// Traffic both ways while sessions, paths, peers and relays change, for so long. `race` puts a defect in.
void RunLoad(double seconds, uint64_t seed, bool race);
// Planes stopped in the midst of traffic, so many times.
void RunStops(int times, uint64_t seed);
// System calls that fail.
void RunFaults();
// Malformed bytes from every side, so many of each kind.
void RunFuzz(int count, uint64_t seed);
// The cipher of little code against the vectors of its specification.
void RunVectors();

}  // namespace kith
