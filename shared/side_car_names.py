"""Which files belong to an image by their names: a JEOL or Hitachi ``.txt``, a TESCAN ``.hdr``, the ``.emi`` of a TIA ``.ser``.

Names are texts with ``/`` between folders, such as ``lot 12/a.tif``; a side-car lies in the folder of its image. The case of a
side-car's ending does not matter, that of everything else does.
"""

import itertools
import re
from collections.abc import Iterator

TEXT_ENDINGS = (".txt", ".hdr")
SIDE_CAR_ENDINGS = (*TEXT_ENDINGS, ".emi")
# TIA numbers the images of one acquisition behind an underscore.
SER_NUMBER = re.compile(r"(?P<stem>.+)_(?P<number>\d+)$")


def split_name(name: str) -> tuple[str, str]:
    """Return a name without its ending, folders included, and the ending in small letters; empty where it has none."""
    folder, slash, file = name.rpartition("/")
    stem, point, ending = file.rpartition(".")
    if not stem or not ending:
        return name, ""
    return f"{folder}{slash}{stem}", f"{point}{ending}".lower()


def is_side_car(name: str) -> bool:
    """Tell whether a file's name is that of a side-car."""
    return split_name(name)[1] in SIDE_CAR_ENDINGS


def side_cars_of(image_name: str) -> dict[str, str]:
    """Return the names, endings in small letters, that side-cars of an image have, and how each follows from the image's.

    The latter is what remains of the pair of names when both files are called something else; the first name counts first.
    """
    stem, ending = split_name(image_name)
    if ending in SIDE_CAR_ENDINGS:
        return {}
    if ending == ".ser":
        match = SER_NUMBER.match(stem)
        return {f"{match['stem']}.emi": f"{int(match['number'])}.emi"} if match else {}
    plain = {f"{stem}{text}": text for text in TEXT_ENDINGS}
    return plain | {f"{stem}-{ending[1:]}.hdr": f"-{ending[1:]}.hdr"} if ending else plain


def relation(side_car_name: str, image_name: str) -> str | None:
    """Return how the name of a side-car follows from that of its image; None where the two do not belong together."""
    stem, ending = split_name(side_car_name)
    return side_cars_of(image_name).get(f"{stem}{ending}")


def common_start(side_car_name: str) -> str:
    """Return what the names of all images begin with that a side-car can belong to."""
    stem, ending = split_name(side_car_name)
    folder, slash, file = stem.rpartition("/")
    # TESCAN writes the ending of the image into the name: a-tif.hdr belongs to a.tif, and to a-tif.bmp as well.
    return f"{folder}{slash}{file.rpartition('-')[0]}" if ending == ".hdr" and "-" in file else stem


def spellings(side_car_name: str) -> Iterator[str]:
    """Yield a side-car's name with its ending in small and large letters, and all that lies between."""
    stem, ending = split_name(side_car_name)
    for letters in itertools.product(*(sorted({letter, letter.upper()}) for letter in ending)):
        yield stem + "".join(letters)
