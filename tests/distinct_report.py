"""A small report of two layers in which every value has a number that no other has."""

from hwsim._report.report import Report
from hwsim._report.values import (
    AtSteps,
    Baseline,
    BaselineTerm,
    Bracket,
    BreakEven,
    Context,
    CoreUse,
    Energy,
    Latency,
    Layer,
    LayerEnergy,
    MappingUse,
    PerInference,
    StaticPower,
    Table,
    Term,
)


def layer(name, spikes=40.0, synops=900.0, cost=0.5):
    return Layer(
        name=name, neurons=64, spikes=spikes, synops=synops, neuron_updates=384.0, driven=301.0,
        rate=0.104, wraps=17, saturations=19, silent=3, always_firing=5, idle=71.0, zero=12.0,
        bias_adds=23.0, nonzero_synops=synops - 11, weight_fetches=synops + 13,
        index_fetches=27.0, synops_by_kind={"spike": synops - 31, "bias": 31.0}, cores=2,
        messages=53.0, hops=59.0,
        energy=(LayerEnergy("p1", "adds", cost, cost), LayerEnergy("p2", "adds", cost, 2 * cost)),
    )  # fmt: skip


ENERGY = Energy(
    tables=("p1", "p2"),
    terms=(
        Term("p1", "adds", 1800.0, 1800.0, 23.6, 1.0, 1.0, "k", "s", ""),
        Term("p2", "adds", 1801.0, 3602.0, 24.7, 1.1, 2.2, "k", "s", ""),
    ),
    missing=("static power: an input",),
    covers="neuromorphic cores and transport",
    notes=("a note of the chip",),
    by_table=(
        Table("p1", "d", "k", "v", "n", "s", "", Bracket(1.0, 1.0), Bracket(100.0, 110.0), ""),
        Table("p2", "d", "k", "v", "n", "s", "", Bracket(1.1, 2.2), Bracket(100.0, 120.0), ""),
    ),
)
LATENCY = Latency(
    "p1", 4, 100.0, 110.0, Bracket(81.0, 82.0), Bracket(9.1, 9.2), 7.7,
    {"conv1": 0.75, "fc": 0.25}, Bracket(15.1, 15.2),
)  # fmt: skip
MAPPING = MappingUse(
    1, 16, 8, 4, {"neurons": 1024, "output_axons": None},
    (
        CoreUse(0, 1, 2, 3, "conv1", {"neurons": 66, "output_axons": 7}),
        CoreUse(0, 1, 0, 3, "fc", {"neurons": 10, "output_axons": 0}),
    ),
    0.0, 141.0,
)  # fmt: skip
BASELINE = Baseline(
    "cmos45", 8, 6, 280000.0, 47000.0, 0.832, 14,
    (BaselineTerm("ann", "int8 multiplications", 47001.0, 0.2, 0.0094),),
    0.0111, 0.0333, 3.01, ("a note of the baseline",),
)  # fmt: skip
TEST = BreakEven(
    "Davidson 2021", "spikes per neuron", 0.62, Bracket(1.72, 1.73), "pays", "it is below",
    "10.3389/x",
)  # fmt: skip


def distinct_report():
    means = PerInference(
        steps=6, spikes=80.0, synops=1800.0, neuron_updates=768.0, energy_uj=Bracket(1.0, 2.2),
        latency_us=Bracket(100.0, 120.0), machine_steps=8, input_messages=33.0,
        spikes_per_synapse=0.61, edp_uj_us=Bracket(101.0, 264.0), messages=106.0, hops=118.0,
    )  # fmt: skip
    return Report(
        "loihi1",
        20,
        means,
        (layer("conv1"), layer("fc")),
        ENERGY,
        Context("net", "ab" * 32, "digits", "test", 0.985, 0.975),
        latency=(LATENCY,),
        mapping=MAPPING,
        static=(StaticPower(Bracket(29.0, 178.0), Bracket(2.9, 21.4), "boards"),),
        baseline=BASELINE,
        break_even=(TEST,),
        over_steps=(AtSteps(2, 20, 0.412, 600.0, 26.0), AtSteps(6, 20, None, 1802.0, 82.0)),
    )
