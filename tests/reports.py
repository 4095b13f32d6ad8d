"""Reports built by hand for the tests of the page: full, minimal, large, and with hostile names."""

from dataclasses import replace

import numpy as np

from hwsim._report.report import Report
from hwsim._report.values import (
    UNKNOWN,
    Agreement,
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
    Raster,
    RasterLayer,
    StaticPower,
    Table,
    Term,
)

FITTED, DESIGNED = "loihi1-fitted", "loihi1-2018"
LIMITS = {
    "neurons": 1024, "synapse_bits": 1_048_576, "input_axons": 4096, "output_axons": 4096,
    "neuron_profiles": 32, "threshold_profiles": None, "synapse_formats": 15,
}  # fmt: skip
TERMS = {
    DESIGNED: {
        "spike synaptic operations": 23.6,
        "graded-input synaptic operations, as 1 to k spikes": 23.6,
        "neuron updates, active": 81.0,
        "neuron updates, inactive": 52.0,
        "hop between tiles, east or west": 3.0,
        "hop between tiles, north or south": 4.0,
    },
    FITTED: {
        "spike synaptic operations, dense": 35.5,
        "spike synaptic operations, convolution": 24.0,
        "graded-input synaptic operations, as 1 to k spikes": 24.0,
        "soma access": 51.2,
        "soma update": 21.6,
        "soma spike": 69.3,
        "axon-out message": 111.0,
        "hop between tiles": 3.0,
    },
}
HOSTILE = (
    r"$\frac{", "<script>document.title='owned'</script>", "a\"b' onload=alert(1) x='", "&amp;&lt;",
    "line\nbreak\ttab", "\u202egnp.exe\u202c", "nul\x00bell\x07esc\x1b[31m", "half \ud800 pair",
    "x" * 500, "]]></svg><img src=x onerror=alert(1)>", "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)", "-->", "</style><style>*{display:none}", "\N{HEBREW LETTER ALEF}bc", " ",
    "\\",
)  # fmt: skip


def names(count):
    return [f"features.{n}.conv" for n in range(count - 1)] + ["classifier"]


def layer(name, rng, scale=1.0):
    neurons = int(rng.integers(10, 4000))
    synops = scale * float(rng.integers(2_000, 900_000))
    energy = []
    for table, terms in TERMS.items():
        for term, price in terms.items():
            low = synops * price * float(rng.uniform(0.02, 0.5)) / 1e6
            high = low * (1.4 if "graded" in term else 1)
            energy.append(LayerEnergy(table, term, low, high))
    return Layer(
        name=name, neurons=neurons, spikes=synops / 180, synops=synops,
        neuron_updates=32.0 * neurons, driven=21.5 * neurons, rate=synops / 180 / 32 / neurons,
        wraps=0, saturations=int(rng.integers(0, 3)), silent=int(rng.integers(0, 40)),
        always_firing=0, energy=tuple(energy),
    )  # fmt: skip


def energy_of(layers):
    terms, tables = [], []
    for table, prices in TERMS.items():
        for term, price in prices.items():
            parts = [e for x in layers for e in x.energy if (e.table, e.term) == (table, term)]
            low = sum(e.energy_uj for e in parts)
            high = sum(e.energy_high_uj for e in parts)
            count = (low * 1e6 / price, high * 1e6 / price)
            kind = "pre-silicon simulation" if table == DESIGNED else "fitted to silicon"
            note = "the paper gives a minimum" if price == 23.6 else ""
            terms.append(
                Term(table, term, *count, price, low, high, kind, "Davies 2018, table 2", note)
            )
        own = [t for t in terms if t.table == table]
        total = Bracket(sum(t.energy_uj for t in own), sum(t.energy_high_uj for t in own))
        tables.append(
            Table(
                table, "The designers' figures", "pre-silicon simulation", "0.75 V", "14 nm",
                "Davies et al. 2018, IEEE Micro 38(1), table 2 [secondary]", "", total,
                Bracket(812.5, 2400.0), "1 to 32 tiles",
            )
        )  # fmt: skip
    return Energy(
        tables=tuple(TERMS),
        terms=tuple(terms),
        missing=(
            "barrier synchronisation energy: not published",
            "static power: 29 to 178 mW per chip by board, so it is an input, not a constant",
        ),
        covers=f"neuromorphic cores and mesh: synaptic operations, neuron updates, hops ({FITTED})",
        notes=("Graded input is not native on loihi1.", "Active updates are those with input."),
        by_table=tuple(tables),
    )


def mapping_of(populations, rng, cores, columns=8, rows=4, cores_per_router=4):
    per_chip = columns * rows * cores_per_router
    used = []
    for position in range(cores):
        chip, within = divmod(position, per_chip)
        router, number = divmod(within, cores_per_router)
        y, x = divmod(router, columns)
        name = populations[position * len(populations) // cores]
        most = {n: int(rng.uniform(0.02, 1) * limit) for n, limit in LIMITS.items() if limit}
        used.append(CoreUse(chip, x, y, number, name, {**most, "threshold_profiles": 1}))
    chips = -(-cores // per_chip)
    return MappingUse(
        chips, columns, rows, cores_per_router, LIMITS, tuple(used), 12.25 * (chips > 1), 91_234.5
    )


def latency_of(table, populations):
    shares = {name: 2.0**-n for n, name in enumerate(populations, 1)}
    return Latency(
        table, 16, 812.5, 2400.75, Bracket(640.0, 1800.0), Bracket(172.5, 450.25), 150.5, shares,
        Bracket(31.2, 88.0),
    )  # fmt: skip


def raster_of(layers, rng, steps=36, rows=24):
    shown, rates = [], {}
    for position, x in enumerate(layers):
        rate = min(x.rate, 0.4) * np.clip((np.arange(steps) - position) / 6, 0, 1)
        fired = rng.random((steps, min(rows, x.neurons))) < rate[:, None]
        events = tuple((int(t) + 1, int(row)) for t, row in np.argwhere(fired))
        shown.append(RasterLayer(x.name, x.neurons, tuple(range(fired.shape[1])), events))
        rates[x.name] = tuple(float(r) for r in rate)
    return Raster(3, steps, tuple(shown), rates)


def baseline_of(table="cmos45"):
    terms = [
        ("ann", "multiply-accumulates, 8 x 6 bit", 1.2e6, 0.23),
        ("ann", "weight reads", 1.2e6, 1.25),
        ("ann", "activation reads and writes", 3.1e5, 1.25),
        ("snn", "accumulates, 8 bit", 2.1e6, 0.03),
        ("snn", "weight reads", 2.1e6, 1.25),
        ("snn", "state reads and writes", 4.8e5, 2.5),
    ]
    values = tuple(BaselineTerm(n, t, count, p, count * p / 1e6) for n, t, count, p in terms)
    ann, snn = (sum(t.energy_uj for t in values if t.network == n) for n in ("ann", "snn"))
    return Baseline(
        table, 8, 6, 1.9e6, 1.2e6, 0.37, 360, values, ann, snn, snn / ann,
        ("Both networks read each weight once for each use.",),
    )  # fmt: skip


def break_even():
    return (
        BreakEven(
            "Dampfhoffer 2023", "spikes per synapse and inference", 0.41, Bracket(0.15, 1.38),
            "depends", "The published limits differ by hardware, and this run is between them.",
            "Dampfhoffer et al. 2023, IEEE TETCI 7(3):731",
        ),
        BreakEven(
            "Yan 2024", "mean spikes per neuron and step", 0.034, Bracket(0.057, 0.064), "pays",
            "The mean rate is below the limit for 5 to 10 steps.", "arXiv 2409.08290v4",
        ),
        BreakEven("Yan, T = 32", "rate", 0.034, UNKNOWN, "no figure", "Not said.", "a source"),
        BreakEven("Third", "spikes", 3.1, Bracket(1, 1), "does not pay", "Too many.", "a source"),
    )  # fmt: skip


def full(count=6, cores=74, scale=1.0, populations=None, seed=1):
    """A report with every part, of ``count`` layers on ``cores`` cores."""
    rng = np.random.default_rng(seed)
    populations = populations or names(count)
    layers = tuple(layer(name, rng, scale) for name in populations)
    energy = energy_of(layers)
    ends = [t.energy_uj for t in energy.by_table]
    total = Bracket(min(e.low for e in ends), max(e.high for e in ends))
    synops = sum(x.synops for x in layers)
    return Report(
        chip="loihi1",
        samples=360,
        per_inference=PerInference(
            32, synops / 180, synops, sum(x.neuron_updates for x in layers), total,
            Bracket(812.5, 2400.75), 36, 1034.5, 0.41,
            Bracket(total.low * 812.5, total.high * 2400.75), 8123.5, 40_213.25,
        ),
        layers=layers,
        energy=energy,
        context=Context(
            "digits-conv", "ab" * 32, "digits", "test", 0.9833, 0.975,
            {"lava": Agreement(360, 1_234_567, 0), "onnxruntime": Agreement(360, 1_234_567, 0)},
        ),
        latency=tuple(latency_of(table, populations) for table in TERMS),
        mapping=mapping_of(populations, rng, cores),
        static=(StaticPower(Bracket(29, 178), Bracket(0.0235, 0.427), "logs of four boards"),),
        baseline=baseline_of(),
        break_even=break_even(),
        over_steps=tuple(
            AtSteps(2**n, 360, accuracy, synops * 2**n / 32, synops * 2**n / 5760)
            for n, accuracy in enumerate((0.31, 0.62, 0.84, 0.942, 0.97, 0.975))
        ),
        raster=raster_of(layers, rng),
    )  # fmt: skip


def bare():
    """A report of a run that nothing else is known of: no prices, no mapping, one layer."""
    rng = np.random.default_rng(2)
    one = replace(layer("fc", rng), energy=())
    energy = Energy((), (), ("everything: chip loihi2 has no price table",), "nothing", (), ())
    means = PerInference(4, 0.0, 0.0, 40.0, UNKNOWN, UNKNOWN, 5, 0.0, None)
    return Report("loihi2", 1, means, (one,), energy)


def unpriced():
    """A report whose price table has a figure for one term only, on a chip without limits."""
    report = full(3, 5)
    terms = tuple(
        replace(t, price_pj=None, energy_uj=None, energy_high_uj=None) if "spike" in t.term else t
        for t in report.energy.terms
    )
    tables = tuple(
        replace(t, energy_uj=UNKNOWN, latency_us=UNKNOWN) for t in report.energy.by_table
    )
    layers = tuple(
        replace(x, energy=tuple(e for e in x.energy if "spike" not in e.term))
        for x in report.layers
    )
    return replace(
        report,
        layers=layers,
        energy=replace(report.energy, terms=terms, by_table=tables),
        per_inference=replace(
            report.per_inference, energy_uj=UNKNOWN, latency_us=UNKNOWN, edp_uj_us=UNKNOWN
        ),
        mapping=replace(report.mapping, limits=dict.fromkeys(LIMITS)),
        latency=(),
        static=(StaticPower(Bracket(29, 178), UNKNOWN, "power logs"),),
        over_steps=tuple(replace(o, accuracy=None) for o in report.over_steps),
    )


def large():
    """A report of 60 layers on 2,000 cores, and as many spikes as a raster holds."""
    report = full(60, 2000, scale=1e4)
    raster = raster_of(report.layers, np.random.default_rng(4), steps=200, rows=16)
    assert sum(len(x.events) for x in raster.layers) > 20_000
    return replace(report, raster=raster)


def hostile():
    """A report in which every name that can come from a file is hostile."""
    report = full(populations=list(HOSTILE), cores=len(HOSTILE))
    table, program = HOSTILE[1], HOSTILE[2] + HOSTILE[5]
    terms = tuple(replace(t, table=table, term=HOSTILE[0]) for t in report.energy.terms)
    layers = tuple(
        replace(x, energy=tuple(replace(e, table=table, term=HOSTILE[9]) for e in x.energy))
        for x in report.layers
    )
    return replace(
        report,
        chip=HOSTILE[13],
        layers=layers,
        context=Context(program, None, HOSTILE[6], HOSTILE[7], None, None,
                        {HOSTILE[1]: Agreement(1, 2, 3)}),
        energy=replace(
            report.energy,
            tables=(table,),
            terms=terms,
            missing=HOSTILE,
            covers=HOSTILE[9],
            notes=HOSTILE,
            by_table=tuple(
                replace(t, name=name)
                for name, t in zip(HOSTILE[:2], report.energy.by_table, strict=True)
            ),
        ),
        latency=tuple(replace(x, table=table) for x in report.latency),
        baseline=replace(report.baseline, table=table, notes=HOSTILE),
        break_even=tuple(replace(x, name=HOSTILE[1], source=HOSTILE[9]) for x in report.break_even),
    )  # fmt: skip
