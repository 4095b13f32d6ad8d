"""The processes that train one network together, started by ``torchrun``; or the only one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from hwsim.errors import SpikeportError, UnsupportedError
from snntrain.norms import CurrentNorm
from snntrain.recipe import Device


@dataclass(frozen=True)
class Ranks:
    """The processes that train together, as the one of number ``rank`` of ``size`` sees them.

    Each reads the whole of every batch and learns from its :meth:`share`; gradients are averaged
    after the rule has found them, so that any rule is trained by many as by one.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Say whether this is the process that writes files and speaks."""
        return self.rank == 0

    def share(self, samples: int) -> slice:
        """Return this process's part of ``samples``; parts differ in length by at most one."""
        return slice(
            self.rank * samples // self.size,
            (self.rank + 1) * samples // self.size,
        )

    def mean(self, tensor: Tensor) -> Tensor:
        """Return the mean over processes, through which gradients pass."""
        return _Mean.apply(tensor, self.size) if self.size > 1 else tensor

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum over processes, without gradients."""
        if self.size == 1:
            return tensor
        result = tensor.to(self.device, copy=True)
        distributed.all_reduce(result)
        return result.to(tensor.device)

    def joined(self, rows: Tensor, samples: int) -> Tensor:
        """Return the rows (samples, ...) of all shares, given those of one's own."""
        if self.size == 1:
            return rows
        whole = rows.new_zeros((samples, *rows.shape[1:]))
        whole[self.share(samples)] = rows
        return self.total(whole)

    def pooled(self, var: Tensor, mean: Tensor) -> tuple[Tensor, Tensor]:
        """Return variance and mean of all values from those of each process's equal share."""
        center = self.mean(mean)
        return self.mean(var + (mean - center).square()), center

    def average(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its mean over processes: all of them in one message."""
        if self.size > 1:
            means = self.mean(torch.cat([tensor.reshape(-1) for tensor in tensors]))
            parts = means.split([tensor.numel() for tensor in tensors])
            for tensor, mean in zip(tensors, parts, strict=True):
                tensor.copy_(mean.view_as(tensor))  # however it lies in memory

    def require_equal(self, state: dict[str, Tensor], where: Any) -> None:
        """Raise SpikeportError unless every process holds the same tensors and is ``where``."""
        digest = hashlib.sha256(repr(where).encode())
        for name, tensor in sorted(state.items()):
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        code = torch.tensor(list(digest.digest()))
        if (self.total(code) != code * self.size).any():
            raise SpikeportError(
                "training: the processes start from different weights",
                hint="give all of them the same --init, and an --out that all of them see",
            )


class _Mean(torch.autograd.Function):
    """The mean over processes; its gradient is the mean of theirs."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, size: int) -> Tensor:
        ctx.size = size
        result = tensor.detach().clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(result)
        return result.div_(size)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Mean.forward(ctx, gradients[0], ctx.size), None


ALONE = Ranks(0, 1, torch.device("cpu"))


@contextmanager
def joined(device: Device) -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started, if it did, and leave them together.

    Raises SpikeportError when ``device`` is not there.
    """
    cuda = torch.cuda.is_available()
    if device is Device.CUDA and not cuda:
        raise SpikeportError(
            "train.device = 'cuda': torch finds no such device",
            hint='use device = "auto" or "cpu", or install a torch build for it',
        )
    kind = "cuda" if cuda and device is not Device.CPU else "cpu"
    if not distributed.is_torchelastic_launched():
        yield Ranks(0, 1, torch.device(kind))
        return
    own = not distributed.is_initialized()
    if own:
        store, rank, size = next(rendezvous("env://"))
        # a second group in the same processes must not read where the first one listened
        number = (store.add("spikeport", 1) - 1) // size
        store = PrefixStore(str(number), store)
        backend = "nccl" if kind == "cuda" else "gloo"
        distributed.init_process_group(backend, store=store, rank=rank, world_size=size)
    place = f"cuda:{os.environ['LOCAL_RANK']}" if kind == "cuda" else kind
    yield Ranks(distributed.get_rank(), distributed.get_world_size(), torch.device(place))
    if own:  # not after an error: others may still wait for this process, which torchrun ends
        distributed.barrier()
        distributed.destroy_process_group()


def is_first() -> bool:
    """Say whether this process is the one of those ``torchrun`` started that writes files."""
    return not distributed.is_torchelastic_launched() or os.environ["RANK"] == "0"


def share_statistics(module: nn.Module, ranks: Ranks) -> None:
    """Let every normalisation inside ``module`` see the whole batch while it trains."""
    if ranks.size == 1:
        return
    for path, norm in module.named_modules():
        if isinstance(norm, CurrentNorm):
            norm.ranks = ranks
        elif isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            setattr(norm, "forward", _over_ranks(norm, path, ranks))  # noqa: B010 -- a method


def _over_ranks(norm: Any, path: str, ranks: Ranks) -> Callable[[Tensor], Tensor]:
    """Return a forward of torch's batch ``norm`` with statistics of all processes' shares.

    torch's own ``SyncBatchNorm`` runs on CUDA devices only.
    """
    alone = norm.forward
    if not norm.track_running_stats or norm.momentum is None or not norm.affine:
        raise UnsupportedError(
            f"{path}: this {type(norm).__name__} cannot be trained by several processes",
            hint="construct it with affine=True, track_running_stats=True and a momentum",
        )

    def forward(x: Tensor) -> Tensor:
        if not norm.training:
            return alone(x)
        axes = [axis for axis in range(x.dim()) if axis != 1]
        var, mean = ranks.pooled(*torch.var_mean(x, dim=axes, correction=0))
        values = ranks.size * x.numel() // x.shape[1]
        with torch.no_grad():
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(var * (values / max(values - 1, 1)), norm.momentum)
            norm.num_batches_tracked += 1
        gain = norm.weight / torch.sqrt(var + norm.eps)
        shape = [-1, *[1] * (x.dim() - 2)]
        return x * gain.view(shape) + (norm.bias - mean * gain).view(shape)

    return forward
