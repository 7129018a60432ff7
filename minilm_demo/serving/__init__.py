"""What a server for many visitors needs beyond the jobs: checked requests, checkpoints looked up by name, batched
predictions, cached traces, and the choices that the page offers."""

from .asking import MAX_LANES, Asking, asking_of_run, judged_example
from .batching import MOST_AT_ONCE, predict_together
from .checkpoints import CheckpointReference, default_answerer, resolve, run_title, title_of
from .choices import (
    Choices,
    checkpoint_choices,
    chosen_start,
    comparable,
    default_start,
    open_data,
    pupil_choices,
    starting_points,
    student_choices,
    teacher_choices,
    traceable_choices,
)
from .labelled_file import FILE_CHARACTERS, FILE_ROWS, score_file
from .lengths import rounds_sentence
from .preview import DataPreview, preview_data
from .requests import (
    ALONE,
    FIRST_LOOK,
    FIRST_LOOK_VIEW,
    FIRST_PAIRING,
    FIRST_PAIRING_VIEW,
    RECORDED,
    Look,
    Pairing,
    Question,
    boxed_texts,
    file_to_save,
    watched_attention,
    watched_student,
)
from .students import OWN_SIZE, copies_misfit, size_choices, student_rate, student_size, text_to_watch
from .traces import AT_ONCE, cached_targets, cached_trace, explained_answer

__all__ = [
    "ALONE",
    "AT_ONCE",
    "FILE_CHARACTERS",
    "FILE_ROWS",
    "FIRST_LOOK",
    "FIRST_LOOK_VIEW",
    "FIRST_PAIRING",
    "FIRST_PAIRING_VIEW",
    "MAX_LANES",
    "MOST_AT_ONCE",
    "OWN_SIZE",
    "RECORDED",
    "Asking",
    "CheckpointReference",
    "Choices",
    "DataPreview",
    "Look",
    "Pairing",
    "Question",
    "asking_of_run",
    "boxed_texts",
    "cached_targets",
    "cached_trace",
    "checkpoint_choices",
    "chosen_start",
    "comparable",
    "copies_misfit",
    "default_answerer",
    "default_start",
    "explained_answer",
    "file_to_save",
    "judged_example",
    "open_data",
    "predict_together",
    "preview_data",
    "pupil_choices",
    "resolve",
    "rounds_sentence",
    "run_title",
    "score_file",
    "size_choices",
    "starting_points",
    "student_choices",
    "student_rate",
    "student_size",
    "teacher_choices",
    "text_to_watch",
    "title_of",
    "traceable_choices",
    "watched_attention",
    "watched_student",
]
