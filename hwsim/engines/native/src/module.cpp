// The Python face of the engine: hwsim/engines/native/engine.py is its only caller.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <stdexcept>

#include "network.h"

namespace nb = nanobind;
using namespace spikeport;

namespace {

using Array = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
template <class T> using Typed = nb::ndarray<const T, nb::c_contig, nb::device::cpu>;
using Integers = Typed<int32_t>;

struct Variant {
  const char* name;
  const Kernels* kernels;
  bool runs;
};

// Best first; the processor and the operating system must both know the instructions.
std::vector<Variant> variants() {
  std::vector<Variant> found;
#ifdef SPIKEPORT_X86
  __builtin_cpu_init();
  found.push_back({"v4", &kernels_v4, bool(__builtin_cpu_supports("x86-64-v4"))});
  found.push_back({"v3", &kernels_v3, bool(__builtin_cpu_supports("x86-64-v3"))});
#endif
  found.push_back({"baseline", &kernels_baseline, true});
  return found;
}

std::vector<std::string> variant_names() {
  std::vector<std::string> names;
  for (const Variant& v : variants())
    if (v.runs) names.emplace_back(v.name);
  return names;
}

std::vector<std::string> neuron_names() {
  std::vector<std::string> names;
  for (int i = 0; i < kernels_baseline.neuron_count; ++i)
    names.emplace_back(kernels_baseline.neurons[i].name);
  return names;
}

Width width_of(nb::dlpack::dtype type) {
  if (type == nb::dtype<int8_t>()) return BYTE;
  if (type == nb::dtype<int16_t>()) return SHORT;
  if (type == nb::dtype<int32_t>()) return WORD;
  if (type == nb::dtype<uint8_t>()) return UNSIGNED_BYTE;
  throw std::invalid_argument("an array of another type than the kernels read");
}

// A Network and the arrays it points into.
struct Layout {
  Network network;
  std::vector<nb::object> kept;

  explicit Layout(const std::string& variant) {
    for (const Variant& v : variants())
      if (v.runs && variant == v.name) network.kernels = v.kernels;
    if (!network.kernels) throw std::invalid_argument("no such variant: " + variant);
  }
  template <class A> const A& keep(const A& array) {
    kept.push_back(nb::cast(array));
    return array;
  }
  const int32_t* order(const Integers& array) {
    return array.size() ? keep(array).data() : nullptr;
  }
  int source(int64_t size, bool payload, const Integers& places) {
    Source s;
    s.size = size;
    s.payload = payload;
    s.order = order(places);
    network.sources.push_back(s);
    return int(network.sources.size()) - 1;
  }
  int population(int source, const std::string& neuron, bool wide, int states,
                 const std::vector<Integers>& registers) {
    Population p;
    p.source = source;
    p.wide = wide;
    p.states = states;
    const Kernels& k = *network.kernels;
    for (p.neuron = 0; p.neuron < k.neuron_count && neuron != k.neurons[p.neuron].name;) ++p.neuron;
    if (p.neuron == k.neuron_count) throw std::invalid_argument("no such neuron: " + neuron);
    for (const Integers& r : registers) {
      p.single = p.single && r.size() == 1;
      p.registers.push_back(keep(r).data());
    }
    network.populations.push_back(p);
    return int(network.populations.size()) - 1;
  }
  void timing(int population, int64_t latency, int64_t period, int64_t phase) {
    Population& p = network.populations[population];
    p.latency = latency;
    p.period = period;
    p.phase = phase;
  }
  void add(const Route& route, Part part, const Array& weight) {
    part.route = route;
    part.width = width_of(weight.dtype());
    if (part.width == UNSIGNED_BYTE) throw std::invalid_argument("weights are signed");
    Source& source = network.sources[route.source];
    source.history = std::max(source.history, route.delay + 1);
    network.populations[route.target].parts.push_back(part);
  }
  void dense(const Route& route, const Array& weight) {
    Part part;
    part.kind = Part::DENSE;
    part.dense = {keep(weight).data(), int64_t(weight.shape(1))};
    add(route, part, weight);
  }
  void sparse(const Route& route, const Array& weight, const Typed<int64_t>& start,
              const Integers& target) {
    Part part;
    part.kind = Part::SPARSE;
    part.sparse = {keep(weight).data(), keep(start).data(), keep(target).data()};
    add(route, part, weight);
  }
  // sizes: as Conv declares them, kernel_width last; places: where a
  // target that is not kept channels last wants each output; landings: rows of (tap, out, length).
  void conv(const Route& route, const Array& weight, const std::vector<int32_t>& sizes,
            const std::vector<Integers>& y, const std::vector<Integers>& x, const Integers& places) {
    static_assert(sizeof(Landing) == 3 * sizeof(int32_t), "landings are read from arrays");
    Part part;
    part.kind = Part::CONV;
    const auto landings = [&](const Integers& a) {
      return reinterpret_cast<const Landing*>(keep(a).data());
    };
    part.places = order(places);
    part.conv = {keep(weight).data(), sizes.at(0), sizes.at(1), sizes.at(2), sizes.at(3),
                 sizes.at(4), sizes.at(5), sizes.at(6), sizes.at(7),
                 keep(y.at(0)).data(), landings(y.at(1)), keep(x.at(0)).data(), landings(x.at(1))};
    add(route, part, weight);
  }
  void schedule(const std::vector<std::vector<int>>& components, int output, int voltage) {
    network.components = components;
    network.output = output;
    network.voltage = voltage;
  }
};

struct Stop {
  std::atomic<bool> flag{false};
  void set() { flag = true; }
};

// One thread's column; the Layout and the Stop must outlive it (keep_alive below).
struct Worker {
  Column column;
  Worker(const Layout& layout, Stop& stop) : column(layout.network, stop.flag) {}
  void record(int population, int kind, nb::ndarray<nb::ndim<2>, nb::device::cpu> rows) {
    const int bytes = int(rows.itemsize());
    column.record(population, kind,
                  {static_cast<char*>(rows.data()), rows.stride(0) * bytes, bytes});
  }
  void advance(int64_t first, int64_t steps, const std::vector<Array>& lines) {
    std::vector<Frames> frames;
    for (const Array& line : lines)
      frames.push_back({line.data(), int64_t(line.shape(0)), width_of(line.dtype())});
    nb::gil_scoped_release release;
    column.advance(first, steps, frames);
  }
  void read(nb::ndarray<int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu> out) const {
    std::copy(column.read().begin(), column.read().end(), out.data());
  }
  std::vector<int64_t> tally(int population,
                             nb::ndarray<int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu> fired) {
    const Tally& t = column.tally(population);
    for (size_t i = 0; i < t.fired.size(); ++i) fired.data()[i] += t.fired[i];
    return {t.updates, t.driven, t.wraps, t.saturations, t.zero};
  }
};

}  // namespace

NB_MODULE(_native, m) {
  m.def("variants", variant_names);
  m.def("neurons", neuron_names);
  nb::class_<Route>(m, "Route")
      .def("__init__",
           [](Route* r, int target, int source, int delay, bool graded, bool wraps, int shift) {
             new (r) Route{target, source, delay, graded, wraps, shift};
           },
           nb::arg("target"), nb::arg("source"), nb::kw_only(), nb::arg("delay"),
           nb::arg("graded"), nb::arg("wraps") = false, nb::arg("shift") = 0);
  nb::class_<Layout>(m, "Layout")
      .def(nb::init<const std::string&>())
      .def("source", &Layout::source)
      .def("population", &Layout::population)
      .def("timing", &Layout::timing)
      .def("dense", &Layout::dense)
      .def("sparse", &Layout::sparse)
      .def("conv", &Layout::conv)
      .def("schedule", &Layout::schedule);
  nb::class_<Stop>(m, "Stop").def(nb::init<>()).def("set", &Stop::set);
  nb::class_<Worker>(m, "Worker")
      .def(nb::init<const Layout&, Stop&>(), nb::keep_alive<1, 2>(), nb::keep_alive<1, 3>())
      .def("begin", [](Worker& w, int64_t frames) { w.column.begin(frames); })
      .def("record", &Worker::record)
      .def("advance", &Worker::advance)
      .def("read", &Worker::read)
      .def("tally", &Worker::tally);
}
