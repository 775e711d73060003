"""The files of results that people can ask for: name, ending, media type and what each is good for.

Pages, API and commands list them from here; `worker.outputs.formats` writes them.
"""

from dataclasses import dataclass

from shared.errors import InputError

ZIP = "application/zip"


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """One kind of file.

    Attributes
    ----------
    extension : str
        What its name ends in, without the first dot.
    media_type : str
        By which browsers know it.
    description : str
        What is in it and for what, in one line.
    """

    extension: str
    media_type: str
    description: str


OUTPUT_FORMATS: dict[str, OutputFormat] = {
    "csv": OutputFormat(
        "csv.zip", ZIP, "Tables as text, for any program: particles.csv, summary.csv with a row for each image, methods.txt."
    ),
    "xlsx": OutputFormat(
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "Workbook for Excel or LibreOffice: sheets Summary, Particles and Methods.",
    ),
    "parquet": OutputFormat(
        "parquet",
        "application/vnd.apache.parquet",
        "Particles as one typed table for pandas, polars, R or DuckDB; units and methods in its metadata.",
    ),
    "json": OutputFormat("json", "application/json", "Images, particles and methods as one JSON document, for programs."),
    "coco": OutputFormat(
        "coco.json", "application/json", "Outlines as COCO instances, for annotation tools and for training (saemi train)."
    ),
    "labels": OutputFormat("labels.zip", ZIP, "Label maps as TIFF, 0 background and 1..n the particles, for ImageJ or napari."),
    "overlays": OutputFormat("overlays.zip", ZIP, "Micrographs with the outlines drawn in, as PNG."),
    "roi": OutputFormat(
        "RoiSet.zip", ZIP, "Outlines for the ROI Manager of ImageJ and Fiji: a RoiSet.zip, of several images one for each."
    ),
    "nanodefiner": OutputFormat(
        "nanodefiner.zip", ZIP, "Cumulative number distribution of the minimum Feret diameter, for the NanoDefiner e-tool."
    ),
    "figures": OutputFormat(
        "figures.zip",
        ZIP,
        "Figures for papers, SVG and PNG: histogram with fits, cumulative curves, micrographs with outlines and scale bar.",
    ),
    "pdf": OutputFormat(
        "pdf",
        "application/pdf",
        "Report in the order of ISO 19749 and ISO 21363: all statistics with intervals, all micrographs.",
    ),
}


def output_format(name: str) -> OutputFormat:
    """Return a format by its name, or raise InputError ``unknown_format`` with those that there are."""
    try:
        return OUTPUT_FORMATS[name]
    except KeyError as error:
        message = f"There is no format {name!r}. There are: {', '.join(OUTPUT_FORMATS)}."
        raise InputError(message, code="unknown_format") from error
