"""All tables together: a table is known to SQLAlchemy only when its module was imported, so who means all of them asks here."""

from shared import manifest_rows, models, service_models, upload_rows
from shared.declarative import Base

TABLE_MODULES = (models, service_models, upload_rows, manifest_rows)
ALL_TABLES = Base.metadata
