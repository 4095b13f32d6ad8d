// A thread at work on the columns of a batch.
#pragma once

#include <vector>

#include "column.h"

namespace spikeport {

// Columns of a batch in one thread, `team` at a time: they take turns at each word of rows, which
// then comes from far memory once for all of them.
class Worker {
 public:
  Worker(const Network& network, int team) : network_(network), columns_(size_t(team), Column(network)) {}
  // Runs columns of the batch for about so long; false if there are none left, or it is stopped.
  bool work(Batch& batch, double seconds);
  std::vector<Column>& columns() { return columns_; }

 private:
  void advance(const Batch& batch, int64_t first, int64_t steps);
  void run(int population, int64_t first, int64_t steps);

  const Network& network_;
  std::vector<Column> columns_;
  size_t working_ = 0;  // of the columns
  int64_t step_ = 1;
};

}  // namespace spikeport
