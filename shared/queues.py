"""The queues by which workers are woken. Their names stand alone, for commands that need no broker."""

ANALYSIS_QUEUE = "analysis"
# Queues of their own, so that what takes seconds does not wait behind a backlog of images.
INTERACTIVE_QUEUE = "interactive"
DECISION_QUEUE = "decisions"
# What may take minutes for one of them: neither images nor decisions wait behind it where a worker of its own takes it.
EXPORT_QUEUE = "exports"
QUEUES = (INTERACTIVE_QUEUE, DECISION_QUEUE, EXPORT_QUEUE, ANALYSIS_QUEUE)
