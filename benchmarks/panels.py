"""How well composed figures are told from single micrographs: the figures at hand, and pairs and groups of micrographs.

Usage: ``python -m benchmarks.panels DATA``, where DATA holds ``banners/manifest.csv`` and ``emps/images``.
"""

import sys
import zlib
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np

from benchmarks.banner import SEED, originals, to_8_bit
from benchmarks.banner_decoys import decoys
from benchmarks.banner_variants import Grey, as_jpeg, print_pipeline, resized
from worker.analysis.banner import find_banner
from worker.analysis.panels import count_panels

# They show panels, so they are no decoys here.
COMPOSED_DECOYS = frozenset({"lettered margin"})


def joined(random: np.random.Generator, images: list[Grey], gutter_px: int, value: int) -> dict[str, Grey]:
    """Arrange cut-outs of four micrographs as figures do, with a gutter of one grey value between them."""
    rows = min(len(image) for image in images)
    columns = min(image.shape[1] for image in images)
    a, b, c, d = (image[:rows, :columns] for image in images)
    upright = np.full((rows, gutter_px), value, np.uint8)
    level = np.full((gutter_px, columns), value, np.uint8)
    top, bottom = np.hstack([a, upright, b]), np.hstack([c, upright, d])
    stack = np.vstack([c, level, d])
    tall = cv2.resize(a, (columns, len(stack)), interpolation=cv2.INTER_AREA).astype(np.uint8)
    return {
        "side by side": top,
        "one above the other": np.vstack([a, level, b]),
        "two by two": np.vstack([top, np.full((gutter_px, top.shape[1]), value, np.uint8), bottom]),
        "one beside two": np.hstack([tall, np.full((len(stack), gutter_px), value, np.uint8), stack]),
        "coded as JPEG": as_jpeg(random, top),
        "resized x0.6": resized(random, top, 0.6),
        "blurred, coded as JPEG": print_pipeline(random, top),
    }


def main(arguments: list[str]) -> None:
    """Print the tables for the folder named on the command line."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    cv2.setNumThreads(1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    images = [(image, to_8_bit(pixels)) for image, pixels in originals(Path(arguments[0]))]
    single = [(image.path.name, pixels) for image, pixels in images if image.maker != "multi-panel"]
    flags: dict[str, list[bool]] = defaultdict(list)
    for image, pixels in images:
        count = count_panels(pixels, find_banner(pixels))
        flags["figures" if image.maker == "multi-panel" else "single micrographs"].append(count > 1)
        print(*([f"{image.path.name}: {count} panels"] if count > 1 else []), end="\n" if count > 1 else "")
    for number, (name, pixels) in enumerate(single):
        random = np.random.default_rng((SEED, zlib.crc32(name.encode())))
        for kind, decoy in decoys(random, pixels) if number % 3 == 0 else ():
            if kind not in COMPOSED_DECOYS:
                flags[f"single: {kind}"].append(count_panels(decoy, find_banner(decoy)) > 1)
        if number % 6 == 0:
            group = [single[(number + step) % len(single)][1] for step in range(4)]
            for label, px, value in (
                ("white", 6, 255),
                ("black", 6, 0),
                ("grey", 4, 200),
                ("thin white", 2, 255),
                ("no", 0, 0),
            ):
                for kind, figure in joined(random, group, px, value).items():
                    flags[f"{label} gutter: {kind}"].append(count_panels(figure, None) > 1)
    print(f"{'':44}several panels")
    for kind, answers in flags.items():
        print(f"{kind:44}{sum(answers):>6}/{len(answers)} {sum(answers) / len(answers):6.1%}")


if __name__ == "__main__":
    main(sys.argv[1:])
