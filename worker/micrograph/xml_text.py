"""XML inside instrument files: parsed in the decoding process only, whose limits hold whatever a document unfolds to."""

from xml.etree import ElementTree as ET

# Documents of the instruments at hand have up to 70 kB.
MAX_CHARACTERS = 2_000_000


def parse_xml(text: str, root: str) -> ET.Element | None:
    """The element `root` of a text in which it may be embedded; None where it is missing, cut short or damaged.

    A document type is refused: its entities could unfold to gigabytes, and no instrument writes one.
    """
    start, end = text.find(f"<{root}"), text.rfind(f"</{root}>")
    if start < 0 or end < start or end - start > MAX_CHARACTERS or "<!" in text[:start]:
        return None
    try:
        return ET.fromstring(text[start : end + len(root) + 3])  # noqa: S314 - without a document type, in the sandbox
    except ET.ParseError:
        return None
