"""Cutting: the fewest cores each population fits on, and of those the ones fewest axons reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

import numpy as np

from hwsim._mapping.cut import Cut, even_cuts, full_cuts
from hwsim._mapping.resources import (
    RESOURCES,
    Resources,
    Site,
    Store,
    bound,
    output_axons,
    used,
)

_WAYS_OUT = {
    "neurons": "give it fewer neurons",
    "synapse_bits": "use fewer inputs, or a smaller or pruned kernel",
    "input_axons": "use fewer inputs, or a convolution, whose channels share axons",
    "output_axons": "let it reach fewer populations, or split them over relays",
    "neuron_profiles": "use the same decays and period for more neurons",
    "threshold_profiles": "use the same threshold for more neurons",
    "synapse_formats": "join connections, or give them the same exponent",
}


def cut_all(
    sites: Mapping[str, Site], limits: Resources, store: Store, given: Mapping[str, int]
) -> tuple[dict[str, Cut], list[str]]:
    """Return a cut of every site, and what does not fit; ``given``: neurons a core, by name.

    Cuts only become finer: a core that has too few output axons for what it reaches is cut
    again, which may take output axons of those that reach it.
    """
    problems: list[str] = []
    cuts: dict[str, Cut] = {}
    finer: dict[str, Iterator[Cut]] = {}
    for name, site in sites.items():
        if name in given:
            cuts[name] = _best(site, full_cuts(site.grid, given[name]))
            continue
        finer[name] = _fitting(site, limits, store)
        cuts[name] = next(finer[name], Cut(site.grid, (1, 1, 1)))
    while too_many := set(_sending_too_much(sites, cuts, limits, store)) & finer.keys():
        for name in sorted(too_many):
            found = next(finer[name], None)
            if found is None:
                del finer[name]
            else:
                cuts[name] = found
    for name, site in sites.items():
        problems += _problems(site, cuts, limits, store, given.get(name))
    return cuts, problems


def _fitting(site: Site, limits: Resources, store: Store) -> Iterator[Cut]:
    """Yield the cuts that fit but for output axons, best first."""
    least, most = bound(site, store), limits.synapse_bits
    for same in even_cuts(site.grid, limits.neurons or prod(site.grid)):
        possible = [cut for cut in same if most is None or least(cut) <= most]
        for cut in sorted(possible, key=lambda cut: _inputs(site, cut)):
            if not any(_excess(r, amount, limits) for r, amount in used(site, cut, store)):
                yield cut


def _best(site: Site, cuts: list[Cut]) -> Cut:
    return min(cuts, key=lambda cut: _inputs(site, cut))


def _inputs(site: Site, cut: Cut) -> int:
    """Return how many (source neuron, box) pairs there are: messages if each fired once."""
    return sum(int(links.inputs(cut).sum()) for _, links in site.into)


def _excess(resource: str, amount: np.ndarray, limits: Resources) -> bool:
    limit = getattr(limits, resource)
    return limit is not None and int(amount.max()) > limit


def _sending_too_much(
    sites: Mapping[str, Site], cuts: Mapping[str, Cut], limits: Resources, store: Store
) -> Iterator[str]:
    for name, site in sites.items():
        if _excess("output_axons", output_axons(site, cuts[name], cuts, store), limits):
            yield name


def uses(site: Site, cuts: Mapping[str, Cut], store: Store) -> dict[str, np.ndarray]:
    """Return the use of every resource by each box of ``site``, (boxes,)."""
    cut = cuts[site.name]
    found = dict(used(site, cut, store))
    return {**found, "output_axons": output_axons(site, cut, cuts, store)}


def _fewer(resource: str, fitting: Cut) -> str:
    # what fits was found without the output axons, which depend on the targets' cuts
    amount = "fewer" if resource == "output_axons" else f"at most {prod(fitting.size)}"
    return f"put {amount} neurons on a core, or leave the number out"


def _problems(
    site: Site, cuts: Mapping[str, Cut], limits: Resources, store: Store, given: int | None
) -> Iterator[str]:
    found = uses(site, cuts, store)
    size = prod(cuts[site.name].size)
    who = "one neuron" if size == 1 else f"a core of {size} neurons"
    fitting = next(_fitting(site, limits, store), None) if given is not None else None
    for resource in RESOURCES:
        if not _excess(resource, found[resource], limits):
            continue
        way_out = _WAYS_OUT[resource]
        if fitting is not None and size > 1:
            way_out = _fewer(resource, fitting)
        yield (
            f"{site.name}: {who} needs {int(found[resource].max())} {resource.replace('_', ' ')}, "
            f"a core has {getattr(limits, resource)}; {way_out}"
        )
