// harness load SECONDS SEED | race SECONDS SEED | stops TIMES SEED | faults | fuzz COUNT SEED | vectors
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "modes.h"

int main(int count, char** arguments) {
  const char* mode = count > 1 ? arguments[1] : "";
  const double amount = count > 2 ? atof(arguments[2]) : 0;
  const uint64_t seed = count > 3 ? strtoull(arguments[3], nullptr, 10) : 1;
  if (strcmp(mode, "load") == 0) kith::RunLoad(amount, seed, false);
  else if (strcmp(mode, "race") == 0) kith::RunLoad(amount, seed, true);
  else if (strcmp(mode, "stops") == 0) kith::RunStops(static_cast<int>(amount), seed);
  else if (strcmp(mode, "faults") == 0) kith::RunFaults();
  else if (strcmp(mode, "fuzz") == 0) kith::RunFuzz(static_cast<int>(amount), seed);
  else if (strcmp(mode, "vectors") == 0) kith::RunVectors();
  else return 2;
  printf("fine\n");
  return 0;
}
