// The inner loops, compiled once a variant: weights into sums, sums into neurons, neurons into events.
#include "kernels.h"

#include "events.h"
#include "gemm.h"
#include "rows.h"
#include "steps.h"
#include "sums.h"

namespace {

// Bounded: the form for steps IN_BOUNDS.
template <class N, class Bounded, bool Rows = true> constexpr Form form() {
  Form found{{step_sums<N, int32_t, false>, step_sums<N, int32_t, true>}, {}, {}};
  if constexpr (N::SPIKES) {
    found.short_sums[0] = step_sums<N, int16_t, false>;
    found.short_sums[1] = step_sums<N, int16_t, true>;
  }
  if constexpr (N::SPIKES && Rows) {
    found.rows[0] = step_rows<N, Bounded, false>;
    found.rows[1] = step_rows<N, Bounded, true>;
  }
  return found;
}

#define NEURON(name, General, Forgetting, Bounded)                           \
  {name,                                                                     \
   General::SPIKES,                                                          \
   {step_wide<General, false>, step_wide<General, true>},                    \
   {form<General, General>(), form<Forgetting, Bounded>(), form<Bounded, Bounded, false>()}},
constexpr NeuronKernel NEURONS[] = {SPIKEPORT_NEURONS(NEURON)};
#undef NEURON

}  // namespace

namespace spikeport {

extern const Kernels SPIKEPORT_KERNELS;
const Kernels SPIKEPORT_KERNELS = {
    LANES,
    TILE,
    CROSSOVER,
    {dense<int8_t>, dense<int16_t>, dense<int32_t>, nullptr},
    sum_rows,
    gemm,
    {sparse<int8_t>, sparse<int16_t>, sparse<int32_t>, nullptr},
    {conv<int8_t>, conv<int16_t>, conv<int32_t>, nullptr},
    conv_rows,
    short_conv,
    add_shifted,
    add_wrapped,
    {find<int8_t, int8_t>, nullptr, find<int32_t, int32_t>, find<uint8_t, int8_t>},
    find_bits,
    gather_kinds,
    count_bits,
    NEURONS,
    sizeof(NEURONS) / sizeof(NEURONS[0]),
};

}  // namespace spikeport
