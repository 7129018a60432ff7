"""What the program does: fine-tune, predict, evaluate, trace attention, compare relations, distil, experiment."""

from .ablation import ARMS, AblationConfig, summarise
from .answer_file import predict_file
from .attention import explain, load_attentions, save_trace, trace_attention
from .configs import DistillConfig, TrainConfig
from .distilling import distill, distill_rate
from .evaluation import best_threshold, evaluate, evaluate_rows, predict_all, references
from .finetuning import check_probe, finetune, with_rows_of_own
from .importance import word_importance
from .kinds import kind_of
from .label_order import order_hint
from .prediction import predict, predict_rows
from .relations import compare, distillation_targets, save_targets
from .train_rows import default_rate, load_rows
from .training import OVERTIME

__all__ = [
    "ARMS",
    "OVERTIME",
    "AblationConfig",
    "DistillConfig",
    "TrainConfig",
    "best_threshold",
    "check_probe",
    "compare",
    "default_rate",
    "distill",
    "distill_rate",
    "distillation_targets",
    "evaluate",
    "evaluate_rows",
    "explain",
    "finetune",
    "kind_of",
    "load_attentions",
    "load_rows",
    "order_hint",
    "predict",
    "predict_all",
    "predict_file",
    "predict_rows",
    "references",
    "save_targets",
    "save_trace",
    "summarise",
    "trace_attention",
    "with_rows_of_own",
    "word_importance",
]
