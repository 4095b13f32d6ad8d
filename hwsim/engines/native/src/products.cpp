// Parts that a column adds as matrix products, in steps with so many messages that this is faster.
#include <algorithm>
#include <cstring>

#include "column.h"

namespace spikeport {

namespace {

// Sums, or bytes of messages, that a product holds at a time.
constexpr int64_t CELLS = 1 << 17;

int64_t sent_over(const EventList& list, int64_t first, int64_t steps) {
  int64_t found = 0;
  for (int64_t t = first; t < first + steps; ++t) found += list.sent(t).count;
  return found;
}

// The messages of a step, a byte each; see Product.
void write_bytes(uint8_t* bytes, const Part& part, Events events) {
  const Product& product = part.product;
  std::memset(bytes, product.silence, product.step_bytes);
  for (int64_t k = 0; k < events.count; ++k)
    bytes[product.byte[events.index[k]]] = uint8_t(product.silence + (part.route.graded ? events.payload[k] : 1));
}

// Copies what each tap of each place hears into the rows of a step.
void unfold(uint8_t* rows, const Product& product, const uint8_t* bytes) {
  const int64_t bytes_each = product.position_bytes, count = int64_t(product.places) * product.taps;
  for (int64_t i = 0; i < count; ++i, rows += bytes_each)
    for (int64_t k = 0; k < bytes_each; k += 4) std::memcpy(rows + k, bytes + product.taken[i] + k, 4);
}

}  // namespace

// Says whether some parts are faster as products in these steps, and sets which.
bool Column::choose_products(const Population& p, int64_t first, int64_t steps) {
  multiplied_.assign(p.parts.size(), false);
  for (size_t i = 0; i < p.parts.size(); ++i) {
    const Part& part = p.parts[i];
    const Route& route = part.route;
    if (!part.product.weight) continue;
    const int64_t rows = steps * part.product.places, tile = network_.kernels->tile;
    const int64_t made = (rows + tile - 1) / tile * tile;
    const int64_t messages = sent_over(events_[route.source], first - 1 - route.delay, steps);
    multiplied_[i] = double(messages) * rows > part.product_from * made * steps;
  }
  return std::find(multiplied_.begin(), multiplied_.end(), true) != multiplied_.end();
}

// The steps whose products are made at once.
int64_t Column::product_steps(const Population& p) const {
  int64_t cells = network_.sources[p.source].size;
  for (const Part& part : p.parts)
    cells = std::max(cells, int64_t(part.product.places) * part.product.row_bytes);
  return std::max<int64_t>(1, CELLS / cells);
}

void Column::multiply(const Population& p, int64_t first, int64_t steps) {
  const int64_t n = network_.sources[p.source].size;
  products_from_ = first;
  products_.assign(steps * n + WORD_NEURONS, 0);
  for (size_t i = 0; i < p.parts.size(); ++i) {
    if (!multiplied_[i]) continue;
    const Part& part = p.parts[i];
    const Product& product = part.product;
    const int64_t rows_bytes = int64_t(product.places) * product.row_bytes;
    unfolded_.resize(steps * rows_bytes);
    bytes_.resize(product.step_bytes);
    for (int64_t t = 0; t < steps; ++t) {
      const Events events = events_[part.route.source].sent(first + t - 1 - part.route.delay);
      uint8_t* const rows = unfolded_.data() + t * rows_bytes;
      write_bytes(product.taken ? bytes_.data() : rows, part, events);
      if (product.taken) unfold(rows, product, bytes_.data());
    }
    network_.kernels->gemm(products_.data(), product, unfolded_.data(), steps * product.places);
  }
}

}  // namespace spikeport
