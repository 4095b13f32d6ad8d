"""Every figure of a report stands on its page, beside what it belongs to."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from distinct_report import distinct_report

from hwsim._report.values import Raster, RasterLayer


class Rows(HTMLParser):
    """The texts of the rows of tables, and of cards and paragraphs, one space between parts."""

    def __init__(self, text):
        super().__init__()
        self.parts = [[]]
        self.feed(text)
        self.rows = [" ".join(" ".join(row).split()) for row in self.parts]

    def handle_starttag(self, tag, attrs):
        if tag in {"tr", "div", "p", "section", "h2", "ul"}:
            self.parts.append([])

    def handle_data(self, data):
        self.parts[-1].append(data)


@pytest.mark.parametrize(
    "row",
    [
        "Accuracy on the chip's integers 97.50 % T = 6 steps; float model: 98.50 %",
        "Energy per inference 1 to 2.20 µJ range over the prices p1, p2",
        "Latency per inference 100 to 120 µs slowest core and barrier of each step, longest route "
        "where it is timed",
        "Energy-delay product 101 to 264 µJ·µs energy times latency, of each price table",
        "Spikes per inference 80 33 input messages",
        "Synaptic operations per inference 1,800 0.610 per synapse, 768 neuron updates",
        "Against a conventional network 3.01 times its energy, both at the prices cmos45",
        "Messages to cores 106 118 hops per inference",
        "p2 adds: 1.10 µJ 1.10 to 2.20",
        "conv1 adds: 0.500 µJ 0.500 to 1",
        "p1 cores: 81 µs barriers: 9.10 µs 90.1 to 110",
        "p1 4 81 to 82 9.10 to 9.20 to 7.70 15.1 to 15.2 conv1 75.0 %, fc 25.0 %",
        "2 cores in use on 1 chip of 512 cores each. Messages take 118 hops per inference, 141 if "
        "the cores were placed row by row (1.19 times as many); 0 messages cross from chip to "
        "chip.",
        "limit of a core 1,024 \N{EN DASH}",
        "1 conv1 1 66 6 % 7",
        "conv1 spikes: 40 spikes 40",
        "conv1 spike: 869 operations bias: 31 operations 900",
        "conv1 64 40 0.104 900 384 301 71 12 3 5 17 19",
        "2 41.20 % 600 26 20",
        "6 unknown 1,802 82 20",
        "At the prices of cmos45 , the spiking network takes 3.01 times the energy of the same "
        "network quantized to 8-bit weights and 6-bit activations: 0.0333 against 0.0111 µJ per "
        "inference. Of the conventional network's 280,000 multiply-accumulates, 47,000 have an "
        "activation other than 0 (sparsity 83.20 %, measured on 14 samples).",
        "conventional int8 multiplications 47,001 0.2 0.00940",
        "Davidson 2021 ✓ pays spikes per neuron 0.620 1.72 to 1.73 it is below 10.3389/x",
        "29 to 178 mW 2.90 to 21.4 µJ boards",
        "p2 adds 1,801 to 3,602 24.7 1.10 to 2.20 k s",
        "p2 1.10 to 2.20 µJ 100 to 120 µs k n v d. s",
    ],
)
def test_every_value_stands_on_the_page_with_its_neighbours(row):
    assert row in Rows(distinct_report().html()).rows


def test_the_raster_has_the_mean_and_the_highest_rate_of_each_layer():
    layer = RasterLayer("a", 4, (0, 3), ((1, 0), (2, 1)))
    page = replace(distinct_report(), raster=Raster(0, 2, (layer,), {"a": (0.25, 0.5)})).html()
    assert "2 of 4 37.50 % 50.00 %" in Rows(page).rows
