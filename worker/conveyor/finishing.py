"""The last stage of the conveyor: particles split, measured, and the files of the analysis encoded and stored."""

import time
from dataclasses import dataclass
from itertools import pairwise

from shared.domain import Analysis, ModelIdentity
from shared.results import AnalysisFiles
from shared.storage import BlobStore
from shared.tracing import Stage
from worker.analysis.questions import AskingSegmenter, NetworkLoad, Seen
from worker.conveyor.orders import Unseen
from worker.files import store_files
from worker.pipeline import Prepared, measured


@dataclass(frozen=True, slots=True)
class Finished:
    """An analysis, its files, when they were begun, s since 1970, how long each step took, s, and the network's part in it."""

    analysis: Analysis
    files: AnalysisFiles
    began_s: float
    split_s: float
    measure_s: float
    encode_s: float
    load: NetworkLoad

    @property
    def stages(self) -> list[Stage]:
        """The steps one after the other."""
        measured_s = self.began_s + self.split_s
        return [
            Stage("split", self.began_s, self.split_s),
            Stage("measure", measured_s, self.measure_s),
            Stage("encode", measured_s + self.measure_s, self.encode_s),
        ]


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
    began_s, times = time.time(), [time.perf_counter()]
    found = seen.segmentation()
    times.append(time.perf_counter())
    analysis = measured(prepared, model, found)
    times.append(time.perf_counter())
    files = store_files(store, prepared.micrograph, analysis)
    times.append(time.perf_counter())
    load = NetworkLoad() if network is None else network.load.since(before)
    split_s, measure_s, encode_s = (end - start for start, end in pairwise(times))
    return Finished(analysis, files, began_s, split_s, measure_s, encode_s, load)
