"""A recipe: everything that decides a training run, as a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any

from torch import nn

from hwsim.errors import FileError, raise_all
from hwsim.files import read_bytes, toml_table
from snntrain.data import SOURCES, encoders_of
from snntrain.hardware import HardwareSettings
from snntrain.losses import LossName
from snntrain.nets import NETS
from snntrain.rules import RULES, Rule
from snntrain.settings import read, setting

SECTIONS = ("data", "net", "train", "rule", "hardware")
LONGEST = 1 << 14
"""Characters of a recipe: none of a few lines names a network that takes long to build."""
HINT = "models/digits-conv/recipe.toml is a working example"


@dataclass(frozen=True)
class DataSettings:
    """Which dataset: its ``train`` split is learned, its ``validation`` split selects.

    ``samples`` learns only the first so many training samples; 0 learns all. ``encoder`` makes
    sequences of them, by default the first of ``snntrain.data.encoders_of``.
    """

    name: str
    samples: int = setting(0, 2**31 - 1, default=0)
    encoder: str = ""

    def problems(self) -> list[str]:
        """List what does not fit."""
        if self.name not in SOURCES:
            return [f"name = {self.name!r} is not known (known: {', '.join(SOURCES)})"]
        known = encoders_of(self.name)
        if self.encoder in ("", *known):
            return []
        return [f"encoder = {self.encoder!r} is not of {self.name} (known: {', '.join(known)})"]


class Optimizer(Enum):
    """Adam with decoupled weight decay, without, or stochastic gradient descent, momentum 0.9."""

    ADAMW = "adamw"
    ADAM = "adam"
    SGD = "sgd"


class Schedule(Enum):
    """How the learning rate moves over the updates: up and down, down along a cosine, not."""

    ONE_CYCLE = "one-cycle"
    COSINE = "cosine"
    CONSTANT = "constant"


class Device(Enum):
    """Where to compute: on a CUDA device if there is one, on the processor, on a CUDA device."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Precision(Enum):
    """What synapses are computed in while training; neurons always are in float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True)
class TrainSettings:
    """How to train. ``steps`` is T; ``learning_rate`` the peak of the schedule.

    ``shift`` moves each training sample by up to so many pixels a side, ``flip`` mirrors every
    second one left to right, and ``erase`` blanks a square of so many pixels a side
    (``snntrain.augment``); of sound, pixels are steps and channels. ``rate_penalty`` is
    added to the loss times the spikes per neuron and step, averaged over layers;
    ``synops_penalty`` times the synaptic operations per inference beyond ``synops_budget``, as a
    fraction of those if all neurons fired always: it needs ``[hardware]``, whose chip counts them.
    ``prune`` is the share of each layer's weights that become 0 for good. ``clip_norm``
    is the largest norm of all gradients together, 0 for any. ``checkpointing`` computes every
    block again in the backward pass instead of keeping its state: less memory, more time.
    ``channels_last`` keeps the channels of a pixel side by side, which convolutions on the
    processor are faster with.
    ``save_every`` batches, and after every epoch, the state of the run is saved; 0 saves it after
    epochs only.
    """

    steps: int = setting(1, 1024)
    epochs: int = setting(1, 100_000)
    batch_size: int = setting(2, 65536)
    learning_rate: float = setting(1e-8, 10.0)
    weight_decay: float = setting(0.0, 10.0, default=0.0)
    seed: int = setting(0, 2**31 - 1, default=0)
    shift: int = setting(0, 64, default=0)
    flip: bool = False
    erase: int = setting(0, 4096, default=0)
    rate_penalty: float = setting(0.0, 1000.0, default=0.0)
    synops_penalty: float = setting(0.0, 1e6, default=0.0)
    synops_budget: float = setting(0.0, 1e15, default=0.0)
    prune: float = setting(0.0, 0.999, default=0.0)
    loss: LossName = LossName.RATE
    optimizer: Optimizer = Optimizer.ADAMW
    schedule: Schedule = Schedule.ONE_CYCLE
    clip_norm: float = setting(0.0, 1e9, default=0.0)
    device: Device = Device.AUTO
    precision: Precision = Precision.FLOAT32
    checkpointing: bool = False
    channels_last: bool = False
    save_every: int = setting(0, 2**31 - 1, default=0)

    def problems(self) -> list[str]:
        """List what contradicts itself."""
        unused = self.synops_budget and not self.synops_penalty
        return ["synops_budget is set, but synops_penalty is 0"] if unused else []


@dataclass(frozen=True)
class Recipe:
    """One training run. ``net`` holds the settings of the network class ``NETS[kind]``.

    ``rule`` is how gradients are found; the optional table ``[rule]`` names it and its settings.
    ``hardware`` is where the network is going, by the optional table ``[hardware]``.

    Two recipes are equal when their settings are, whatever their text looks like.
    """

    data: DataSettings
    kind: str
    net: Any
    train: TrainSettings
    rule: Rule
    text: str = field(compare=False, repr=False)
    hardware: HardwareSettings | None = None

    @classmethod
    def load(cls, path: Path) -> Recipe:
        """Read a TOML file; FileError when missing or not TOML, else as :meth:`from_text`."""
        return cls.from_text(read_text(path, "a recipe, a .toml file", HINT), str(path))

    @classmethod
    def from_text(cls, text: str, where: str) -> Recipe:
        """Read TOML; ``where`` names it in errors.

        Raises FileError for invalid TOML, and one CheckError that lists every unknown or
        missing key, wrong type and value out of range.
        """
        if len(text) > LONGEST:
            raise FileError(f"{where}: has {len(text)} characters, over {LONGEST}", hint=HINT)
        table = toml_table(text, where, hint=HINT)
        known = ", ".join(SECTIONS)
        found = [f"[{key}] is not known (known: {known})" for key in table if key not in SECTIONS]
        data, data_problems = read(DataSettings, table.get("data", {}), "data")
        kind, net, net_problems = _read_named("net", "kind", table.get("net", {}), _NET_SETTINGS)
        of_rule = table.get("rule", {"name": "surrogate"})
        _, rule, rule_problems = _read_named("rule", "name", of_rule, RULES)
        train, train_problems = read(TrainSettings, table.get("train", {}), "train")
        chip, chip_problems = None, []
        if "hardware" in table:
            chip, chip_problems = read(HardwareSettings, table["hardware"], "hardware")
        problems = found + data_problems + net_problems + train_problems + rule_problems
        problems += chip_problems + _not_lowered(rule, train)
        problems += _not_integers(rule, chip) + _not_encoded(rule, data)
        raise_all(where, problems, hint=HINT)
        assert data is not None
        assert train is not None
        assert rule is not None
        return cls(data, kind, net, train, rule, text, chip)

    @property
    def trains_integers(self) -> bool:
        """Say whether what it trains are a chip's integers."""
        return self.hardware is not None and self.hardware.trains_integers

    def to_text(self) -> str:
        """Return the TOML text this recipe was read from."""
        return self.text

    def build(self) -> nn.Module:
        """Return the untrained network; its weights come from torch's global generator."""
        return NETS[self.kind](self.net)


def read_text(path: Path, kind: str, hint: str) -> str:
    """Return the text in ``path``; FileError, which says what ``kind`` was expected, if none."""
    try:
        return read_bytes(path, kind).decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{path}: is not a text file: {error}", hint=hint) from None


def _not_lowered(rule: Rule | None, train: TrainSettings | None) -> list[str]:
    """List what ``train`` asks to lower, of a rule that has an error of its own."""
    if rule is None or train is None or rule.LOSS:
        return []
    own = f"which {type(rule).__name__} does not lower: it has an error of its own"
    asked = [f for f in fields(train) if f.name == "loss" or f.name.endswith("_penalty")]
    return [f"train.{f.name} is set, {own}" for f in asked if getattr(train, f.name) != f.default]


def _not_integers(rule: Rule | None, chip: HardwareSettings | None) -> list[str]:
    """List what ``chip`` asks of a rule that does not learn through its integers."""
    if rule is None or chip is None or rule.INTEGERS or not chip.trains_integers:
        return []
    kept = f'{type(rule).__name__} does not learn through; use train = "float", or no [hardware]'
    return [f"hardware.train is {chip.train.value!r}, which {kept}"]


def _not_encoded(rule: Rule | None, data: DataSettings | None) -> list[str]:
    """List why sequences of ``data`` are none that a rule learns from."""
    if rule is None or data is None or not rule.ENCODERS:
        return []
    encoder = data.encoder or encoders_of(data.name)[0]
    if encoder in rule.ENCODERS:
        return []
    learned = f"{type(rule).__name__} learns from {', '.join(rule.ENCODERS)} alone"
    return [f"data.encoder is {encoder!r}, and {learned}"]


_NET_SETTINGS = {kind: net.Settings for kind, net in NETS.items()}


def _read_named(
    section: str, key: str, table: Any, known: Mapping[str, type]
) -> tuple[str, Any, list[str]]:
    """Return which of ``known`` a table names under ``key``, its settings and all problems."""
    if not isinstance(table, dict):
        return "", None, [f"{section} = {table!r} is not a table"]
    name = table.get(key)
    if name not in list(known):  # it may be of any type
        problem = f"{section}.{key} = {name!r} is not known (known: {', '.join(known)})"
        return "", None, [problem]
    arguments = {field: value for field, value in table.items() if field != key}
    return name, *read(known[name], arguments, section)
