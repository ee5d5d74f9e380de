"""Training in two processes that talk to each other, as torchrun starts them."""

import multiprocessing
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest
import training_fakes as fakes

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from msmdtools.errors import MsmdError  # noqa: E402
from msmdtools.training import objective, run  # noqa: E402
from msmdtools.training.devices import leave  # noqa: E402
from msmdtools.training.options import TrainOptions  # noqa: E402

pytestmark = pytest.mark.slow

OPTIONS = TrainOptions(pairs=192, validations=3, threads=1, accelerator="cpu")


def in_two_processes(function, *arguments):
    """Call `function(rank, *arguments)` in two new processes; each has to end well.

    A process that fails leaves the other one waiting for it: that one is stopped.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=begin, args=(rank, port, function, arguments), daemon=True)
        for rank in range(2)
    ]
    for worker in workers:
        worker.start()
    multiprocessing.connection.wait([worker.sentinel for worker in workers])
    for worker in workers:
        if any(other.exitcode for other in workers):
            worker.kill()
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]


def begin(rank, port, function, arguments):
    world = {"LOCAL_RANK": rank, "RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
    world |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "test"}
    # Otherwise Gloo listens where the machine's own name leads, which may be nowhere.
    world |= {"GLOO_SOCKET_IFNAME": "lo"}
    os.environ |= {name: str(value) for name, value in world.items()}
    torch.set_num_threads(1)
    function(rank, *arguments)
    leave()  # processes of multiprocessing do not call what is registered for their end


class Towers(torch.nn.Module):
    """A network without statistics of the batch: what is gathered is all there is."""

    def __init__(self):
        super().__init__()
        self.sheet, self.audio = torch.nn.Linear(5, 4), torch.nn.Linear(5, 4)

    def forward(self, sheets, sounds):
        normal = torch.nn.functional.normalize
        return normal(self.sheet(sheets), dim=1), normal(self.audio(sounds), dim=1)


def gradients(module, inputs, gather=None):
    module.zero_grad()
    module(*inputs, gather).backward()
    return [p.grad.clone() for p in module.parameters()]


def made():
    torch.manual_seed(0)
    one = objective.Objective(fakes.config())
    one.network = Towers()
    keys = torch.tensor([[k, n] for n, k in enumerate([0, 1, 2, 3, 4, 1, 6, 7])])
    return one, (torch.randn(8, 5), torch.randn(8, 5), keys)


def half_of_the_pairs(rank, folder):
    from lightning_fabric import Fabric

    fabric = Fabric(accelerator="cpu", devices=2)
    fabric.launch()
    one, inputs = made()
    module = fabric.setup(one)

    def gather(values, grads):
        return torch.flatten(fabric.all_gather(values, sync_grads=grads), 0, 1)

    half = [part[rank * 4 : rank * 4 + 4] for part in inputs]
    torch.save(gradients(module, half, gather), Path(folder) / f"{rank}.pt")
    fabric.barrier()


def test_two_processes_have_the_gradient_of_one_with_all_pairs(tmp_path):
    one, inputs = made()
    expected = gradients(one, inputs)
    in_two_processes(half_of_the_pairs, tmp_path)
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


class Interrupted:
    """Asks the process for an end after so many pairs, as a batch system does."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __call__(self, told):
        if told.pairs == self.pairs and told.valid is None:
            os.kill(os.getpid(), run.interrupts.signal.SIGTERM)


def train(rank, snippets, folder, options, stop_at=None):
    observe = (lambda step: None) if stop_at is None else Interrupted(stop_at)
    try:
        run.train(snippets, fakes.config(), folder, options, observe=observe)
    except KeyboardInterrupt:
        assert stop_at is not None
        return
    assert stop_at is None


def test_a_run_of_two_processes_is_gone_on_with_by_two(tmp_path):
    """Bit by bit as if it had not been stopped; one process alone is told that it is another run."""
    snippets = fakes.snippets(tmp_path / "snippets")
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    in_two_processes(train, snippets, whole, OPTIONS)
    in_two_processes(train, snippets, stopped, OPTIONS, 96)
    assert fakes.state(stopped)["pairs"] == 128  # after the step that was at work, of 32 pairs
    resumed = replace(OPTIONS, resume=True)
    with pytest.raises(MsmdError, match="is another run: number of processes was 2 and is 1"):
        run.train(snippets, fakes.config(), stopped, resumed)
    in_two_processes(train, snippets, stopped, resumed)
    assert fakes.state(stopped)["pairs"] == fakes.state(whole)["pairs"] == 192
    assert fakes.equal(fakes.state(stopped)["objective"], fakes.state(whole)["objective"])
    assert fakes.equal(fakes.weights(stopped), fakes.weights(whole))
