"""Which of the stated pixel sizes holds: what a person says, what the file says, what the scale bar shows."""

from shared.domain import Calibration, Micrograph

# Relative difference of the two readings above which one of them must be wrong. Bars are drawn on whole pixels: a bar of 50 px
# alone is good to 2 %.
MAX_DIFFERENCE = 0.02


def calibration(manual: float | None, metadata: float | None, scale_bar: float | None) -> Calibration:
    """Choose the pixel size of an image.

    A person's value wins. Else the file's own statement holds, which has more digits than a bar has pixels; the scale bar
    confirms it, contradicts it, or stands in for it.

    Parameters
    ----------
    manual, metadata, scale_bar : float or None
        Pixel sizes, nm; None where the source is silent.

    Returns
    -------
    Calibration
        ``conflict``, without a pixel size, where metadata and scale bar differ by more than 2 % of the smaller one.

    Examples
    --------
    >>> calibration(None, 1.0, 1.01)
    Calibration(nm_per_px=1.0, source='metadata', status='ok')
    >>> calibration(None, 1.0, 2.0)
    Calibration(nm_per_px=None, source=None, status='conflict')
    """
    if manual is not None:
        return Calibration.manual(manual)
    if metadata is not None and scale_bar is not None:
        if abs(metadata - scale_bar) > MAX_DIFFERENCE * min(metadata, scale_bar):
            return Calibration.conflict()
        return Calibration(metadata, "metadata", "ok")
    if metadata is not None:
        return Calibration(metadata, "metadata", "ok")
    if scale_bar is not None:
        return Calibration(scale_bar, "scale_bar", "ok")
    return Calibration.missing()


def calibrate(micrograph: Micrograph, manual: float | None) -> Calibration:
    """Choose the pixel size of a micrograph: a person's value, nm, else what its file states."""
    stated = None if micrograph.metadata is None else micrograph.metadata.nm_per_px
    return calibration(manual, stated, scale_bar=None)
