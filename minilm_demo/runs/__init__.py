"""Runs of long jobs: the folder of a run with its record and its card, the queue, and the worker process."""

from .clock import local_time, read_zone_from
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
from .keeping import MAX_NAME, delete_run, rename_run
from .lineage import badge_of, plain_name
from .packing import adapter_files, has_adapter, run_files, write_zip
from .positions import learned_positions
from .processes import warm_up, worker_context
from .queue import MAX_WAITING_EACH, RunQueue
from .recording import record_events
from .records import RunRecord, RunState
from .skills import first_answer
from .titles import data_name

__all__ = [
    "JOBS",
    "MAX_NAME",
    "MAX_WAITING_EACH",
    "READ_RUNS",
    "Job",
    "JobConfig",
    "RunQueue",
    "RunRecord",
    "RunState",
    "adapter_files",
    "ask_to_stop",
    "badge_of",
    "create_run",
    "data_name",
    "delete_run",
    "first_answer",
    "forget_left_uploads",
    "has_adapter",
    "latest_run",
    "latest_speed",
    "latest_student",
    "learned_positions",
    "list_runs",
    "local_time",
    "plain_name",
    "read_events",
    "read_record",
    "read_result",
    "read_zone_from",
    "record_events",
    "rename_run",
    "run_files",
    "run_folder",
    "state",
    "usable_runs",
    "versions",
    "visitor_run_folder",
    "warm_up",
    "worker_context",
    "write_zip",
]
