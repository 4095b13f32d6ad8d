// The Python face of the engine: hwsim/engines/native/engine.py is its only caller.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <stdexcept>

#include "worker.h"

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
  const bool bits = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
  const bool v4 = __builtin_cpu_supports("x86-64-v4");
  found.push_back({"icelake", &kernels_icelake, v4 && bits && __builtin_cpu_supports("avx512vnni")});
  found.push_back({"v4", &kernels_v4, v4});
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
  void kinds(int source, const Integers& kind, int kinds) {
    network.sources[source].kind = keep(kind).data();
    network.sources[source].kinds = kinds;
  }
  int population(int source, const std::string& neuron, int states, bool wide, bool forgets,
                 const std::vector<Integers>& registers) {
    Population p;
    p.source = source;
    p.states = states;
    p.wide = wide;
    p.forgets = forgets;
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
  void bound(int population, int64_t keep, int64_t bias, int64_t taken, int64_t sum,
             const std::vector<int64_t>& message) {
    network.populations[population].bound = {keep, bias, taken, sum, message};
  }
  void path(int population, Path path) { network.populations[population].path = path; }
  void add(const Route& route, Part part, const Array& weight) {
    part.width = width_of(weight.dtype());
    if (part.width == UNSIGNED_BYTE) throw std::invalid_argument("weights are signed");
    part.route = route;
    remember(route.source, route.delay);
    network.populations[route.target].parts.push_back(part);
  }
  void remember(int source, int delay) {
    Source& of = network.sources[source];
    of.history = std::max(of.history, delay + 1);
  }
  void dense(const Route& route, const Array& weight) {
    Part part;
    part.kind = Part::DENSE;
    part.dense = {keep(weight).data(), int64_t(weight.shape(1))};
    add(route, part, weight);
  }
  // Of the largest part in rows.
  int64_t rows_bytes() const {
    int64_t most = 0;
    for (const Population& p : network.populations)
      for (const Part& part : p.parts)
        if (part.kind == Part::ROWS)
          most = std::max(most, words_of(network.sources[p.source].size) * WORD_NEURONS * part.rows.sources);
    return most;
  }
  // packed (words, sources + 1, 64); numbers: as Rows declares them, from group on; ears: source,
  // delay and first row of each.
  void rows(int target, const Typed<uint8_t>& packed, const std::vector<int32_t>& numbers,
            const std::vector<std::vector<int>>& ears) {
    Part part;
    part.kind = Part::ROWS;
    part.route.target = target;
    part.rows = {keep(packed).data(), int64_t(packed.shape(1)) - 1, numbers.at(0), numbers.at(1),
                 numbers.at(2), numbers.at(3)};
    for (const std::vector<int>& ear : ears) {
      part.ears.push_back({ear.at(0), ear.at(1), ear.at(2)});
      remember(ear.at(0), ear.at(1));
    }
    network.populations[target].parts.push_back(part);
  }
  void sparse(const Route& route, const Array& weight, const Typed<int64_t>& start,
              const Integers& target) {
    Part part;
    part.kind = Part::SPARSE;
    part.sparse = {keep(weight).data(), keep(start).data(), keep(target).data()};
    add(route, part, weight);
  }
  // start, landings: rows of Landing; numbers: as Conv declares them, from channels on;
  // places: where a target that is not kept channels last wants each output.
  void conv(const Route& route, const Array& weight, const Integers& start, const Integers& landings,
            const std::vector<int64_t>& numbers, const Integers& places) {
    static_assert(sizeof(Landing) == 2 * sizeof(int32_t), "landings are read from arrays");
    Part part;
    part.kind = Part::CONV;
    part.places = order(places);
    part.conv = {keep(weight).data(), keep(start).data(),
                 reinterpret_cast<const Landing*>(keep(landings).data()),
                 uint32_t(numbers.at(0)), uint32_t(numbers.at(1)), uint32_t(numbers.at(2)),
                 uint32_t(numbers.at(3)), uint32_t(numbers.at(4)), uint32_t(numbers.at(5))};
    add(route, part, weight);
  }
  // The last part of a population, a convolution, in rows: see conv_rows in rows.h.
  void conv_rows(int population, const Typed<uint8_t>& packed, const std::vector<int32_t>& numbers) {
    Part& part = network.populations.at(population).parts.back();
    part.kind = Part::CONV_ROWS;
    part.rows = {keep(packed).data(), int64_t(packed.shape(1)) - 1, numbers.at(0), numbers.at(1),
                 numbers.at(2), numbers.at(3)};
  }
  // Synapses met for each multiplication, from which on a product is faster than events.
  double crossover(bool graded) const {
    const Crossover& from = network.kernels->crossover;
    return graded ? from.graded : from.conv;
  }
  // The last part of a population as a product. Arrays and numbers as Product declares them; least:
  // messages a step from which on it is faster.
  void product(int population, double least, const Typed<int8_t>& weight, const Integers& start,
               const Integers& byte, const Integers& taken, const std::vector<int32_t>& n) {
    Part& part = network.populations.at(population).parts.back();
    part.product_from = least;
    part.product = {keep(weight).data(), keep(start).data(), keep(byte).data(), order(taken),
                    n.at(0), n.at(1), n.at(2), n.at(3), n.at(4), n.at(5), n.at(6), n.at(7)};
  }
  void component(const std::vector<int>& populations, bool cyclic) {
    network.components.push_back({populations, cyclic});
  }
  void output(int output, int voltage) {
    network.output = output;
    network.voltage = voltage;
  }
};

using Outputs = nb::ndarray<int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// Columns to run over, and the arrays they read and write.
struct Job {
  Batch batch;
  std::vector<nb::object> kept;
  nb::object layout;

  Job(nb::object of, int64_t steps, int64_t block, Outputs outputs) : layout(of) {
    const Network& network = nb::cast<Layout&>(of).network;
    batch.steps = steps;
    batch.block = block;
    batch.columns = int64_t(outputs.shape(0));
    batch.outputs = outputs.data();
    for (const Population& p : network.populations) batch.records.emplace_back(2 + p.states);
    kept.push_back(nb::cast(outputs));
  }
  // frames (T, B, n), the last axis contiguous; `first` is sent in step 1.
  void frames(nb::ndarray<nb::ro, nb::ndim<3>, nb::device::cpu> array, int64_t first) {
    const Width width = width_of(array.dtype());
    const char* data = static_cast<const char*>(array.data());
    const int64_t bytes = int64_t(array.itemsize());
    const int64_t step = array.stride(0) * bytes, column = array.stride(1) * bytes;
    kept.push_back(nb::cast(array));
    batch.frames = int64_t(array.shape(0));
    batch.first_frame = first;
    batch.input = [=](int64_t b, int64_t frame, int64_t, std::vector<char>&) {
      return Frames{data + b * column + frame * step, step, width};
    };
  }
  // fetch(column, frame, count) returns those frames (count, n).
  void fetched(nb::callable fetch, int64_t frames, int64_t first) {
    batch.frames = frames;
    batch.first_frame = first;
    kept.push_back(fetch);
    batch.input = [fetch = fetch.ptr()](int64_t b, int64_t frame, int64_t count, std::vector<char>& room) {
      const nb::gil_scoped_acquire acquire;
      const auto rows = nb::cast<nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu>>(
          nb::handle(fetch)(b, frame, count));
      const char* data = static_cast<const char*>(rows.data());
      room.assign(data, data + rows.nbytes());
      return Frames{room.data(), int64_t(rows.nbytes()) / count, width_of(rows.dtype())};
    };
  }
  void blanks(const Typed<uint8_t>& lines) {
    kept.push_back(nb::cast(lines));
    batch.blanks = lines.data();
  }
  // rows (steps, B, n), the last axis contiguous, all 0.
  void record(int population, int kind, nb::ndarray<nb::ndim<3>, nb::device::cpu> rows) {
    const int bytes = int(rows.itemsize());
    kept.push_back(nb::cast(rows));
    batch.records.at(population).at(kind) = {static_cast<char*>(rows.data()), rows.stride(0) * bytes,
                                             rows.stride(1) * bytes, bytes};
  }
};

// Worker, as Python calls it; the Layout must outlive it (keep_alive below).
struct PythonWorker {
  Worker worker;
  PythonWorker(const Layout& layout, int team) : worker(layout.network, team) {}
  bool work(Job& job, double seconds) {
    const nb::gil_scoped_release release;
    return worker.work(job.batch, seconds);
  }
  // fired: [neuron], added to.
  std::vector<int64_t> tally(int population, nb::ndarray<int64_t, nb::c_contig, nb::device::cpu> fired) {
    int64_t updates = 0;
    Sums sums{};
    for (Column& column : worker.columns()) {
      const Tally& t = column.tally(population);
      updates += t.updates;
      spikeport::add(sums, t.sums);
      for (size_t i = 0; i < t.fired.size(); ++i) fired.data()[column.place(population, i)] += t.fired[i];
    }
    return {updates, sums.driven, sums.wraps, sums.saturations, sums.zero};
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
  nb::enum_<Path>(m, "Path")
      .value("SUMS", Path::SUMS)
      .value("SHORT_SUMS", Path::SHORT_SUMS)
      .value("ROWS", Path::ROWS);
  nb::class_<Layout>(m, "Layout")
      .def(nb::init<const std::string&>())
      .def_prop_ro("rows_bytes", &Layout::rows_bytes)
      .def_prop_ro("lanes", [](const Layout& l) { return l.network.kernels->lanes; })
      .def("source", &Layout::source)
      .def("kinds", &Layout::kinds)
      .def("population", &Layout::population)
      .def("timing", &Layout::timing)
      .def("bound", &Layout::bound)
      .def("path", &Layout::path)
      .def("dense", &Layout::dense)
      .def("rows", &Layout::rows)
      .def("sparse", &Layout::sparse)
      .def("conv", &Layout::conv)
      .def("conv_rows", &Layout::conv_rows)
      .def("crossover", &Layout::crossover)
      .def("product", &Layout::product)
      .def("component", &Layout::component)
      .def("output", &Layout::output);
  nb::class_<Job>(m, "Job")
      .def(nb::init<nb::object, int64_t, int64_t, Outputs>())
      .def("frames", &Job::frames)
      .def("fetched", &Job::fetched)
      .def("blanks", &Job::blanks)
      .def("record", &Job::record)
      .def("stop", [](Job& job) { job.batch.stop = true; })
      .def_prop_ro("done", [](const Job& job) { return job.batch.done.load(); });
  nb::class_<PythonWorker>(m, "Worker")
      .def(nb::init<const Layout&, int>(), nb::keep_alive<1, 2>())
      .def("work", &PythonWorker::work)
      .def("tally", &PythonWorker::tally);
}
