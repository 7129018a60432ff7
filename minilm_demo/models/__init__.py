"""Checkpoints: the catalog, their location, loading, the cache of loaded ones, and hooks on a running model."""

from .cache import cache_key, cached_checkpoint
from .catalog import BUNDLED_REPO, CATALOG, SKILLS_ROOT, CatalogEntry, default_checkpoint, is_on_disk, skill_folder
from .device import count_threads, pick_device, pick_precision, product_seconds
from .hooks import PARTS, ablated, captured, encoder_layers, in_this_thread, split_heads
from .kinds import kind_of
from .loading import Checkpoint, fetch, load_adapter, load_checkpoint
from .location import Location, bundled_folder, locate, public_name, seen_by_base, verify_bundled
from .low_rank import save_difference
from .places import home, runs_root
from .students import INITS, Size, freeze_the_rest, make_student, size_of, smaller_sizes

__all__ = [
    "BUNDLED_REPO",
    "CATALOG",
    "INITS",
    "PARTS",
    "SKILLS_ROOT",
    "CatalogEntry",
    "Checkpoint",
    "Location",
    "Size",
    "ablated",
    "bundled_folder",
    "cache_key",
    "cached_checkpoint",
    "captured",
    "count_threads",
    "default_checkpoint",
    "encoder_layers",
    "fetch",
    "freeze_the_rest",
    "home",
    "in_this_thread",
    "is_on_disk",
    "kind_of",
    "load_adapter",
    "load_checkpoint",
    "locate",
    "make_student",
    "pick_device",
    "pick_precision",
    "product_seconds",
    "public_name",
    "runs_root",
    "save_difference",
    "seen_by_base",
    "size_of",
    "skill_folder",
    "smaller_sizes",
    "split_heads",
    "verify_bundled",
]
