"""Checkpoints: the catalog, their location, loading, the cache of loaded ones, and hooks on a running model."""

from .cache import cache_key, cached_checkpoint
from .catalog import (
    BUNDLED_REPO,
    CATALOG,
    SKILLS_ROOT,
    CatalogEntry,
    default_checkpoint,
    is_on_disk,
    short_title,
    skill_folder,
)
from .device import choose_precision, count_threads, pick_device, pick_precision
from .hooks import PARTS, ablated, captured, encoder_layers, in_this_thread, split_heads
from .kinds import kind_of
from .loading import Checkpoint, fetch, load_adapter, load_checkpoint, load_tokenizer
from .location import Location, bundled_folder, locate, public_name, verify_bundled, with_outputs
from .low_rank import save_difference
from .origin import SavedOrigin, is_made_of_bundled, read_origin, seen_by_base, write_origin
from .places import home, not_writable, require_writable, runs_root, uploads_root
from .students import INITS, Size, freeze_the_rest, layers_misfit, make_student, read_config, size_of, smaller_sizes
from .trained_task import answered_task, read_trained_columns, read_trained_task, write_trained_task

__all__ = [
    "BUNDLED_REPO",
    "CATALOG",
    "INITS",
    "PARTS",
    "SKILLS_ROOT",
    "CatalogEntry",
    "Checkpoint",
    "Location",
    "SavedOrigin",
    "Size",
    "ablated",
    "answered_task",
    "bundled_folder",
    "cache_key",
    "cached_checkpoint",
    "captured",
    "choose_precision",
    "count_threads",
    "default_checkpoint",
    "encoder_layers",
    "fetch",
    "freeze_the_rest",
    "home",
    "in_this_thread",
    "is_made_of_bundled",
    "is_on_disk",
    "kind_of",
    "layers_misfit",
    "load_adapter",
    "load_checkpoint",
    "load_tokenizer",
    "locate",
    "make_student",
    "not_writable",
    "pick_device",
    "pick_precision",
    "public_name",
    "read_config",
    "read_origin",
    "read_trained_columns",
    "read_trained_task",
    "require_writable",
    "runs_root",
    "save_difference",
    "seen_by_base",
    "short_title",
    "size_of",
    "skill_folder",
    "smaller_sizes",
    "split_heads",
    "uploads_root",
    "verify_bundled",
    "with_outputs",
    "write_origin",
    "write_trained_task",
]
