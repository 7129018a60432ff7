"""Runs of long jobs: the folder of a run with its record and its card, the queue, and the worker process."""

from .folder import (
    READ_RUNS,
    ask_to_stop,
    create_run,
    forget_left_uploads,
    latest_run,
    latest_speed,
    latest_student,
    list_runs,
    read_events,
    read_record,
    read_result,
    run_folder,
    state,
    usable_runs,
    versions,
    visitor_run_folder,
)
from .jobs import JOBS, Job, JobConfig
from .lineage import badge_of, plain_name
from .processes import warm_up, worker_context
from .queue import MAX_WAITING_EACH, RunQueue
from .recording import record_events
from .records import RunRecord, RunState
from .skills import first_answer

__all__ = [
    "JOBS",
    "MAX_WAITING_EACH",
    "READ_RUNS",
    "Job",
    "JobConfig",
    "RunQueue",
    "RunRecord",
    "RunState",
    "ask_to_stop",
    "badge_of",
    "create_run",
    "first_answer",
    "forget_left_uploads",
    "latest_run",
    "latest_speed",
    "latest_student",
    "list_runs",
    "plain_name",
    "read_events",
    "read_record",
    "read_result",
    "record_events",
    "run_folder",
    "state",
    "usable_runs",
    "versions",
    "visitor_run_folder",
    "warm_up",
    "worker_context",
]
