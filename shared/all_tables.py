"""All tables together: a table is known to SQLAlchemy only when its module was imported, so who means all of them asks here."""

from shared import export_rows, finding_rows, manifest_rows, model_rows, models, service_models, upload_rows
from shared.declarative import Base

TABLE_MODULES = (models, model_rows, finding_rows, service_models, upload_rows, manifest_rows, export_rows)
ALL_TABLES = Base.metadata
# Of this moment alone: uploads whose pieces lie in the spool, processes that run, and outputs that can be made again. No backup
# keeps them.
TABLES_OF_THE_MOMENT = frozenset({"upload", "upload_chunk", "worker", "leader", "export"})
