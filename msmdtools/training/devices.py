"""Set up the devices that a training calculates with, and start its processes on them."""

import atexit
import os

import torch
from lightning_fabric import Fabric

from msmdtools.errors import MsmdError
from msmdtools.training.options import TrainOptions


def launched(options: TrainOptions, precision: str) -> Fabric:
    """Set up the devices of a training, and start its other processes.

    Args:
        options: which accelerator, how many devices and nodes.
        precision: Lightning's name of a precision.

    Raises:
        MsmdError: there are no such devices.
    """
    devices, nodes = options.devices, options.nodes
    if "LOCAL_WORLD_SIZE" in os.environ:  # torchrun has started them already
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    elif devices == "auto" and _on_processors(options.accelerator):
        # One process with many threads is faster than many processes.
        devices = 1
    try:
        fabric = Fabric(
            accelerator=options.accelerator,
            devices=devices,
            num_nodes=nodes,
            precision=precision,  # type: ignore[arg-type]  # one of Lightning's names
        )
        fabric.launch()
    except (RuntimeError, ValueError, TypeError) as error:
        raise MsmdError(
            f"Training on the accelerator {options.accelerator}, with {devices} for --devices and {nodes} for "
            f"--nodes, is not possible here: "
            f"{error}"
        ) from error
    atexit.register(leave)
    return fabric


def leave() -> None:
    """End the threads that talk to other processes, if any: a process that ends with them may abort."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _on_processors(accelerator: str) -> bool:
    return accelerator == "cpu" or (accelerator == "auto" and not torch.cuda.is_available())
