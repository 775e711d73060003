"""Forward passes of the network over tiles: equally large ones go together, as many as the device's memory allows."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from shared.arrays import FloatImage
from shared.errors import DeviceFailedError, InputError
from worker.analysis.network import ParticleNet

# Pixels that go through the network at once. A GPU wants much work; on a CPU several tiles gain a tenth and cost memory.
PASS_PX = {"cpu": 1024 * 1024, "cuda": 8 * 1024 * 1024}


class Forward:
    """A network on its device, and how much it takes at once there.

    Parameters
    ----------
    net : ParticleNet
        For inference, as `worker.analysis.network.fused` makes it.

    Attributes
    ----------
    pass_px : int
        Pixels in one pass; falls by half when the device's memory did not suffice, and stays there.
    n_passes, n_tiles, n_places : int
        Passes so far, tiles that went through in them, and tiles that they had room for.
    """

    def __init__(self, net: ParticleNet) -> None:
        self.net = net
        self.pass_px = PASS_PX.get(self.device.type, PASS_PX["cpu"])
        self.n_passes = 0
        self.n_tiles = 0
        self.n_places = 0

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.net.parameters()).device

    def passes(self, tiles: Sequence[FloatImage]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Run the network over tiles.

        Parameters
        ----------
        tiles : sequence of ndarray of float32
            Of any shapes whose sides are multiples of the network's stride.

        Yields
        ------
        tuple of int and ndarray of float32, shape (3, rows, columns)
            Position of each tile, and its maps as `predicted_batch` gives them.

        Raises
        ------
        InputError
            ``device_memory_exhausted`` where a single tile is too much.
        DeviceFailedError
            Where the device computes nothing for this process any more.
        """
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for position, tile in enumerate(tiles):
            by_shape.setdefault(tile.shape, []).append(position)
        for positions in by_shape.values():
            yield from self._passes_of_one_shape(tiles, positions)

    def _passes_of_one_shape(
        self, tiles: Sequence[FloatImage], positions: Sequence[int]
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        tile_px = tiles[positions[0]].size
        done = 0
        while done < len(positions):
            n_places = max(self.pass_px // tile_px, 1)
            batch = positions[done : done + n_places]
            maps = self._predicted(np.stack([tiles[position] for position in batch]))
            if maps is None:
                # Not while the error is handled: it holds the tensors of the pass that failed.
                torch.cuda.empty_cache()
                self.pass_px = (len(batch) // 2) * tile_px
                continue
            self.n_passes += 1
            self.n_tiles += len(batch)
            self.n_places += n_places
            done += len(batch)
            yield from ((position, maps[:, number]) for number, position in enumerate(batch))

    def _predicted(self, batch: FloatImage) -> NDArray[np.float32] | None:
        """Run the network once; None where several tiles together are more than the memory takes."""
        try:
            return predicted_batch(self.net, batch)
        except torch.OutOfMemoryError as error:
            if len(batch) == 1:
                raise _too_large(batch.size) from error
            return None
        except Exception as error:
            # Some errors of CUDA stay with the process, and would fail every image that comes after.
            if not is_well(self.device):
                message = f"The computing device does not answer this process any more: {error}"
                raise DeviceFailedError(message) from error
            raise


def is_well(device: torch.device) -> bool:
    """Tell whether a device still computes for this process."""
    try:
        return bool((torch.ones(1, device=device) + 1).item() == 2)
    except RuntimeError:
        return False


def predicted_batch(net: ParticleNet, images: FloatImage) -> NDArray[np.float32]:
    """Run the network once.

    Parameters
    ----------
    net : ParticleNet
        For inference.
    images : ndarray of float32, shape (batch, rows, columns)
        Standardised grey values.

    Returns
    -------
    ndarray of float32, shape (3, batch, rows, columns)
        Foreground probability, distance in 0..1, contact probability.
    """
    device = next(net.parameters()).device
    with torch.inference_mode():
        given = torch.from_numpy(images[:, None]).to(device).contiguous(memory_format=torch.channels_last)
        maps = net(given)
        found = torch.stack([torch.sigmoid(maps.foreground), maps.distance.clamp(0, 1), torch.sigmoid(maps.contact)])
        result: NDArray[np.float32] = found.float().cpu().numpy()
    return result


def _too_large(tile_px: int) -> InputError:
    message = (
        f"The memory of the computing device does not suffice for a part of {tile_px:,} px of this image. Hand it in again "
        "when less runs on the device, or have it analysed on a CPU."
    )
    return InputError(message, code="device_memory_exhausted")
