"""A network and a training loop of one's own, from PyTorch to a Lava folder, spike for spike.

python own_network_to_lava.py [FOLDER] needs a Python 3.10 for Lava: docs/guides/deploy-to-lava.md.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import hwsim
import snnexport
from snnexport import Format, Judge
from snntrain import Spiking, load, unroll

STEPS = 4


class TwoPaths(nn.Module):
    """One time step: a hidden layer, and a shortcut that skips it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.first_spikes = nn.Linear(64, 32), Spiking(32, decay_v=0.25)
        self.second, self.second_spikes = nn.Linear(32, 32), Spiking(32, decay_u=0.75)
        self.answer, self.shortcut = nn.Linear(32, 10), nn.Linear(32, 10, bias=False)
        self.answer_spikes = Spiking(10)

    def forward(self, frame: Tensor) -> Tensor:
        """Turn one frame (B, 1, 8, 8) into spikes (B, 10)."""
        early = self.first_spikes(self.first(frame.flatten(1)))
        late = self.second_spikes(self.second(early))
        return self.answer_spikes(self.answer(late) + self.shortcut(early))


torch.manual_seed(0)
network, data, test = TwoPaths(), load("digits", "train"), load("digits", "test")
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
for _ in range(8):
    for batch in torch.randperm(len(data)).split(64):
        sequence = torch.tensor(data.sequences(batch.numpy(), STEPS)).float()  # (T, B, 1, 8, 8)
        loss = cross_entropy(unroll(network, sequence).sum(0), torch.tensor(data.labels)[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

chip, folder = hwsim.load_chip("loihi2"), Path(sys.argv[1] if len(sys.argv) > 1 else "two-paths")
graph = snnexport.capture(network, torch.zeros(STEPS, 1, 1, 8, 8), name="two-paths")
folded = snnexport.fold(graph)  # normalisation into weights, biases and thresholds
quantized = snnexport.quantize(folded, chip, snnexport.Calibration(0, 16))  # pixels are 0..16
program = snnexport.lower(quantized, chip)  # delays the shortcut until both paths meet
frames = snnexport.code_input(test.sequences(slice(None), STEPS), quantized.step)
accuracy = (hwsim.run(program, frames).predictions == test.labels).mean()
print(f"in the chip's integers: {100 * accuracy:.1f} % of {len(test)} digits")
done = snnexport.Stages(chip, graph, folded, quantized, program)
snnexport.export(done, folder, [Format.LAVA], frames[:, :8], "digits:test, first 8")
(lava,) = snnexport.verify(program, frames[:, :20], [Judge.LAVA], lava_folder=folder / "lava")
print(f"real Lava: {lava.agreement.mismatches} of {lava.agreement.compared:,} spikes differ")
