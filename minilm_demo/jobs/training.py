"""What the training loops share: options with limits, a plan measured on real updates, the updates as a generator of
events, and a checkpoint folder that is whole at any moment. What is learned is for finetuning.py and distilling.py.
"""

from __future__ import annotations

import bisect
import contextlib
import ctypes
import itertools
import math
import shutil
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import features
from ..errors import DemoError
from ..models import fetch, pick_device, pick_precision
from ..results import Fetching, Planned, Saved, Stepped, TrainingEvent

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedTokenizerBase

MEASURED_STEPS = 5
MIN_BUDGET_STEPS = 3  # fewer are no training
MAX_STEPS = 1_000_000  # that can be asked for
LOGGED_STEPS = 400  # Stepped events of a long run; a shorter one has one per step
OVERTIME = 1.25  # a run may last this much longer than its budget
PROBE_FRAMES = 24  # pictures of the probe text in a run, besides the one before the first update

Events = Generator[TrainingEvent, str | None, str | None]  # returns what the last of them was answered


# -- options -------------------------------------------------------------------------------------------------------


def option(default, help: str, **limits):
    """A field of a configuration; the command line and the page read its help and limits from there."""
    return field(default=default, metadata={"help": help, **limits})


def check_options(config) -> None:
    """Raise `DemoError` for the first field of a configuration that lies outside its limits."""
    for one in fields(config):
        _check_option(one.name, getattr(config, one.name), one.metadata, whole="int" in one.type)


def _check_option(name: str, value, limits: Mapping, whole: bool) -> None:
    if value is None:
        return
    if "choices" in limits and value not in limits["choices"]:
        raise DemoError(f"{name} is '{value}'; it must be one of {', '.join(limits['choices'])}.")
    if "min" in limits:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise DemoError(f"{name} is '{value}'; it must be a number.")
        if whole and not isinstance(value, int):
            raise DemoError(f"{name} is {value:g}; it must be a whole number.")
        if not limits["min"] <= value <= limits["max"]:
            raise DemoError(f"{name} is {value:g}; it must lie between {limits['min']:g} and {limits['max']:g}.")


# -- the machine ---------------------------------------------------------------------------------------------------


def fetching(checkpoint: str) -> Events:
    """Fetch a checkpoint from the Hub, if that is where it is."""
    for done, total in fetch(checkpoint):
        if (yield Fetching(checkpoint, done, total)) == "stop":
            return "stop"
    return None


def start_accelerator(precision: str, seed: int) -> Accelerator:
    """An `Accelerator` for this process, in a precision of "auto", "bf16" or "fp32"; random numbers start from `seed`.

    A second run in one process may want another precision. Without `cpu=True` accelerate takes each process of a
    `torchrun` on a CPU for the only one."""
    import accelerate
    from accelerate.state import AcceleratorState

    _keep_freed_memory()
    accelerate.utils.set_seed(seed)
    AcceleratorState._reset_state()  # accelerate has no public way to change the precision within a process
    precision = pick_precision() if precision == "auto" else precision
    on_cpu = pick_device().type == "cpu"
    return accelerate.Accelerator(mixed_precision="bf16" if precision == "bf16" else "no", cpu=on_cpu)


def precision_of(accelerator: Accelerator) -> str:
    return "bf16" if accelerator.mixed_precision == "bf16" else "fp32"


def _keep_freed_memory() -> None:
    """Tell glibc to keep freed blocks of up to 100 MB. By default every update gives the gradient of the word
    embeddings (47 MB, BERT-base 94) back to the system and fetches it again page by page: a quarter of the time of an
    update of short sentences. Larger blocks, the activations of long inputs, still go back, or they would pile up.

    This holds for the process from then on: glibc has no way to ask what was set before."""
    if sys.platform == "linux":
        m_mmap_threshold, m_trim_threshold, largest = -3, -1, 2**31 - 1
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):  # other C libraries manage without
            libc.mallopt(m_mmap_threshold, 100_000_000)
            libc.mallopt(m_trim_threshold, largest)


# -- the loop ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Update:
    """What one optimiser update tells: the batch's loss, the terms it is the sum of where it has some, and the share
    of its rows that were right before the update (None where nothing is right or wrong)."""

    loss: float
    losses: Mapping[str, float] = field(default_factory=dict)
    right: float | None = None


class Training(ABC):
    """One training: what the loop needs at every step, and the few things that change.

    `config` has `output_dir`, `time_budget`, `warmup_ratio`, `weight_decay` and `max_grad_norm`; `held_back` are the
    rows that are scored along the way."""

    betas = (0.9, 0.999)  # of Adam
    embedding_factor = 1.0  # how much larger the learning rate of the word embeddings is

    def __init__(
        self,
        name: str,
        config,
        accelerator: Accelerator,
        tokenizer: PreTrainedTokenizerBase,
        batches: features.LengthGroupedBatches,
        held_back: Sequence,
        learning_rate: float,
    ):
        self.name, self.config, self.accelerator, self.tokenizer = name, config, accelerator, tokenizer
        self.batches, self.held_back, self.learning_rate = batches, held_back, learning_rate
        self.time_budget: float | None = config.time_budget
        self.folder = Path(config.output_dir)
        self.step = 0  # updates made
        self.kept_step = 0  # of the checkpoint on disk
        self.examples_seen = 0
        self.scoring_seconds = 0.0  # the validation rows will take at the end, expected
        self.step_seconds = 0.0  # spent in updates alone
        self.seconds = 0.0  # spent in training, scoring and saving along the way included

    def prepare(self, model) -> None:
        self.model = self.accelerator.prepare(model)

    # -- what is learned

    @abstractmethod
    def batch(self, indices: Sequence[int]) -> dict:
        """The rows of these numbers as tensors on the device, as `loss` takes them."""

    @abstractmethod
    def loss(self, batch: Mapping) -> tuple[torch.Tensor, Update]:
        """The loss to go down on, [], and what is told about it."""

    @abstractmethod
    def asked_steps(self, per_epoch: int) -> int | None:
        """Updates to make; None: as many as the time budget allows."""

    @abstractmethod
    def evaluations(self, steps: int) -> int:
        """How often the held-back rows are scored."""

    @abstractmethod
    def score_and_keep(self) -> Events:
        """Score the held-back rows, and write the checkpoint if it is worth it."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the model as it is into a folder."""

    @abstractmethod
    def picture(self) -> Events:
        """Show the probe text, if there is one, as the model sees it at this step."""

    # -- one update

    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW as in BERT: no weight decay on biases and LayerNorm. `fused` walks the weights once per update."""
        import torch

        decayed, plain, words = [], [], []
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                is_plain = name.endswith("bias") or "LayerNorm" in name
                (plain if is_plain else words if "word_embeddings" in name else decayed).append(parameter)
        decay, rate = self.config.weight_decay, self.learning_rate
        groups = [
            {"params": decayed, "weight_decay": decay},
            {"params": words, "weight_decay": decay, "lr": rate * self.embedding_factor},
            {"params": plain, "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        return torch.optim.AdamW(groups, lr=rate, betas=self.betas, fused=True)

    def update(self, batch: Mapping, optimizer) -> Update:
        """One optimiser update."""
        loss, told = self.loss(batch)
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.trainable(), self.config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        return told

    def trainable(self) -> list[torch.nn.Parameter]:
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    # -- how long it takes

    def plan(self, began: float, validation_size: int) -> Planned:
        """Steps to make and the expected time, from a few real updates whose effect is undone.

        `began` is when the time budget started to run, `validation_size` the rows that will be scored at the end."""
        per_epoch = len(self.batches)
        with self.undone():
            seconds, per_row = self.measure()
        steps = self.asked_steps(per_epoch)
        if steps is None:
            left = self.time_budget - (time.perf_counter() - began) - validation_size * per_row
            scoring = self.evaluations(int(left / seconds)) * len(self.held_back) * per_row
            steps = self.agreed(self.steps_for((left - scoring) / seconds))
            if steps < MIN_BUDGET_STEPS:
                raise DemoError(
                    f"{self.time_budget:g} s are too short for {self.name} here: one update takes "
                    f"{seconds:.2g} s. Give more time, or take shorter inputs or a smaller batch."
                )
        steps = self.agreed(steps)
        evaluations = self.evaluations(steps)
        self.scoring_seconds = validation_size * per_row
        scored = evaluations * len(self.held_back) + validation_size
        return Planned(
            steps=steps,
            epochs=steps / per_epoch,
            seconds=self.cost(steps) * seconds + scored * per_row,
            seconds_per_step=seconds,
            warmup_steps=round(steps * self.config.warmup_ratio),
            evaluate_every=max(1, math.ceil(steps / evaluations)),
        )

    def cost(self, steps: int) -> float:
        """What so many updates take, in times of a first one; later ones may be cheaper."""
        return steps

    def steps_for(self, cost: float) -> int:
        """The most updates that `cost` pays for."""
        return bisect.bisect_right(range(1, MAX_STEPS + 1), cost, key=self.cost)

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """Weights and random numbers afterwards as they were before."""
        import torch

        device = self.accelerator.device
        before = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
        self.model.load_state_dict(before)

    def measure(self) -> tuple[float, float]:
        """Seconds per update and per scored row, on batches of lengths spread over the first stretch of the data."""
        optimizer = self.optimizer()
        self.model.train()
        batches = list(itertools.islice(self.batches, self.batches.BATCHES_SORTED_TOGETHER))
        batches.sort(key=lambda indices: self.batches.lengths(indices[:1]))
        picked = [batches[int((i + 0.5) * len(batches) / MEASURED_STEPS)] for i in range(MEASURED_STEPS)]
        self.update(self.batch(batches[-1]), optimizer)  # the first update allocates
        seconds = [self._timed(lambda b=b: self.update(self.batch(b), optimizer)) for b in picked]
        middle = picked[len(picked) // 2]
        self.model.eval()
        forward = self._timed(lambda: self._forward(self.batch(middle)))
        return sum(seconds) / len(seconds), forward / len(middle)

    def _forward(self, batch: Mapping) -> None:
        import torch

        with torch.inference_mode():
            self.loss(batch)

    @staticmethod
    def _timed(call) -> float:
        started = time.perf_counter()
        call()
        return time.perf_counter() - started

    def agreed(self, value):
        """The main process's value, in every process."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]

    # -- training

    def train(self, plan: Planned, began: float, answer: str | None) -> Generator[TrainingEvent, str | None, str]:
        """Make the planned updates; returns "stopped" if somebody asked for that before the last one, else "completed":
        also where a time budget ended it. `answer` is what the events before were told."""
        import transformers

        optimizer = self.accelerator.prepare(self.optimizer())
        scheduler = transformers.get_linear_schedule_with_warmup(optimizer, plan.warmup_steps, plan.steps)
        log_every = max(1, plan.steps // LOGGED_STEPS)
        picture_every, pictured = math.ceil(plan.steps / PROBE_FRAMES), 0
        updates: list[Update] = []
        answer = (yield from self.picture()) or answer
        started = time.perf_counter()
        self.model.train()
        for indices in self._endless_batches(plan.steps):
            step_started = time.perf_counter()
            rate = scheduler.get_last_lr()[0]
            updates.append(self.update(self.batch(indices), optimizer))
            scheduler.step()
            self.step += 1
            self.step_seconds += time.perf_counter() - step_started
            self.examples_seen += len(indices) * self.accelerator.num_processes
            self._check_finite(updates[-1].loss)
            is_last = self.step == plan.steps
            stop, answer = answer, None
            if len(updates) >= log_every or is_last:
                stop = (yield self._stepped(plan, updates, rate, started)) or stop
                updates = []
            if self.step % picture_every == 0 or is_last:
                stop, pictured = (yield from self.picture()) or stop, self.step
            if self.step % plan.evaluate_every == 0 or is_last:
                stop = (yield from self.score_and_keep()) or stop
                self.model.train()
            self.seconds = time.perf_counter() - started
            if not is_last and (ended := self._ended(stop, began)):
                if pictured < self.step:
                    yield from self.picture()
                return ended
        return "completed"

    def _endless_batches(self, steps: int) -> Iterator[list[int]]:
        made = 0
        while True:
            for indices in self.batches:
                yield indices
                made += 1
                if made == steps:
                    return
            self.batches.epoch += 1

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise DemoError(
                f"The loss became {loss} at step {self.step}. Try a lower learning rate than {self.learning_rate:g}."
            )

    def _stepped(self, plan: Planned, updates: Sequence[Update], rate: float, started: float) -> Stepped:
        elapsed = time.perf_counter() - started
        spent = elapsed if self.held_back else self.step_seconds
        rights = [update.right for update in updates]
        return Stepped(
            step=self.step,
            epoch=self.step / len(self.batches),
            loss=_mean([update.loss for update in updates]),
            learning_rate=rate,
            train_score=_mean(rights) if None not in rights else None,
            examples_per_second=self.examples_seen / self.step_seconds,
            seconds=elapsed,
            seconds_left=spent * (self.cost(plan.steps) / self.cost(self.step) - 1) + self.scoring_seconds,
            losses={name: _mean([update.losses[name] for update in updates]) for name in updates[0].losses},
        )

    def _ended(self, answer: str | None, began: float) -> str:
        """ "stopped" if somebody asked for that, "completed" if the budget is overdrawn, "" to go on. The main process
        decides for all."""
        late = self.time_budget is not None and time.perf_counter() - began > OVERTIME * self.time_budget
        ended = "stopped" if answer == "stop" else "completed" if late else ""
        return ended if self.accelerator.num_processes == 1 else self.agreed(ended)

    # -- the checkpoint

    def keep(self) -> Events:
        """Write the weights as they are, and the tokenizer, to `checkpoint/`."""
        import safetensors

        self.kept_step = self.step
        fresh, final = self.folder / "checkpoint.new", self.folder / "checkpoint"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            self.save(fresh)
            self.tokenizer.save_pretrained(fresh)
        except (OSError, safetensors.SafetensorError) as error:
            shutil.rmtree(fresh, ignore_errors=True)
            why = getattr(error, "strerror", None) or error  # of an OSError without the server's folder
            raise DemoError(f"The checkpoint could not be written: {why}. Free some disk space.") from error
        if final.exists():  # the old one goes only after the new one is whole
            shutil.rmtree(self.folder / "checkpoint.old", ignore_errors=True)
            final.rename(self.folder / "checkpoint.old")
        fresh.rename(final)
        shutil.rmtree(self.folder / "checkpoint.old", ignore_errors=True)
        return (yield Saved(self.step, str(final)))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
