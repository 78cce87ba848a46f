"""What goes into an access record, which requests have one, and how records look."""

from .format import JSONFormatter, TextFormatter
from .record import LONGEST, Redaction, Selection, header_names, shown

__all__ = ["LONGEST", "JSONFormatter", "Redaction", "Selection", "TextFormatter", "header_names", "shown"]
