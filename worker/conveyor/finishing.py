"""The last stage of the conveyor: particles split, measured, and the files of the analysis encoded and stored."""

import time
from dataclasses import dataclass
from itertools import pairwise

from shared.domain import Analysis, ModelIdentity
from shared.results import AnalysisFiles
from shared.storage import BlobStore
from worker.analysis.questions import AskingSegmenter, NetworkLoad, Seen
from worker.conveyor.orders import Unseen
from worker.files import store_files
from worker.pipeline import Prepared, measured


@dataclass(frozen=True, slots=True)
class Finished:
    """An analysis, its files, how long each step took, s, and what went through the network meanwhile."""

    analysis: Analysis
    files: AnalysisFiles
    split_s: float
    measure_s: float
    encode_s: float
    load: NetworkLoad


def finish(store: BlobStore, prepared: Prepared, model: ModelIdentity, seen: Seen) -> Finished:
    """Make an analysis of what was seen of a micrograph, and store its files.

    Arguments and result can go to another process and back.

    Parameters
    ----------
    store : BlobStore
        Takes the files.
    prepared : Prepared
        The micrograph.
    model : ModelIdentity
        Which segmenter saw it.
    seen : Seen
        What it saw.
    """
    network = seen.segmenter if isinstance(seen, Unseen) and isinstance(seen.segmenter, AskingSegmenter) else None
    before = NetworkLoad() if network is None else network.load
    times = [time.perf_counter()]
    found = seen.segmentation()
    times.append(time.perf_counter())
    analysis = measured(prepared, model, found)
    times.append(time.perf_counter())
    files = store_files(store, prepared.micrograph, analysis)
    times.append(time.perf_counter())
    load = NetworkLoad() if network is None else network.load.since(before)
    split_s, measure_s, encode_s = (end - start for start, end in pairwise(times))
    return Finished(analysis, files, split_s, measure_s, encode_s, load)
