"""ParticleNet takes any size, gives the same when fused, and stays within its budget."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from worker.analysis.network import ParticleNet, fused, grey_scale, standardised


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return ParticleNet().eval()


def picture(rows, columns, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((1, 1, rows, columns), dtype=np.float32))


@pytest.mark.parametrize("size", [(1, 1), (7, 90), (64, 64), (97, 65)])
def test_maps_have_the_size_of_the_image_whatever_it_is(net, size):
    with torch.inference_mode():
        maps = net(picture(*size))
    assert all(values.shape == (1, *size) and bool(values.isfinite().all()) for values in maps)


def test_fusing_changes_the_maps_by_rounding_only(net):
    trained = ParticleNet()
    with torch.no_grad():
        for _ in range(3):
            trained.train()(picture(64, 64))
    trained.eval()
    with torch.inference_mode():
        before, after = trained(picture(96, 64, 1)), fused(trained)(picture(96, 64, 1))
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_fusing_leaves_the_network_as_it_is(net):
    before = {key: value.clone() for key, value in net.state_dict().items()}
    fused(net)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_it_has_at_most_6_million_parameters_and_25_gflop_for_1024_by_768(net):
    assert sum(value.numel() for value in net.parameters()) <= 6e6
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        net(picture(192, 256))
    assert counter.get_total_flops() * 16 <= 25e9


def test_brightness_and_contrast_do_not_reach_the_network():
    image = np.random.default_rng(0).random((40, 50), dtype=np.float32)
    other = (0.3 * image + 0.2).astype(np.float32)
    # float32 holds seven digits, and the grey values are a few deviations.
    np.testing.assert_allclose(standardised(image, grey_scale(image)), standardised(other, grey_scale(other)), atol=1e-5)


def test_a_constant_image_becomes_zero():
    image = np.full((5, 6), 0.7, dtype=np.float32)
    assert not standardised(image, grey_scale(image)).any()
