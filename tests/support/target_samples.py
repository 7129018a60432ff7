"""Distillation targets with random scores and words of several tokens, for one text or a pair. No model is loaded."""

import numpy as np
from scipy.special import log_softmax, softmax

from minilm_demo.recipes import RECIPES
from minilm_demo.results import DistillationTargets, Probed, WordSpan

PIECES = (("[CLS]",), ("the",), ("wait", "##ers"), ("smile",), ("[SEP]",), ("nobody",), ("smile", "##d"), ("[SEP]",))


def targets(recipe="minilm_v1", *, heads=4, pair=True, seed=0, far=(2, 2), filler=0, **changes) -> DistillationTargets:
    """Targets with scores [heads, num_tokens, num_tokens] per relation.

    `far`: head and token of the row where student and teacher differ most, in the first relation. `filler`: the number
    of additional words of one token."""
    random = np.random.default_rng(seed)
    words = list(PIECES if pair else PIECES[:5])
    words[4:4] = [(f"word{number}",) for number in range(filler)]
    tokens = [piece for pieces in words for piece in pieces]
    special = [token.startswith("[") for token in tokens]
    border = tokens.index("[SEP]")
    segments = [int(place > border) for place in range(len(tokens))]
    word_ids, spans = [], []
    for pieces in words:
        is_word = not pieces[0].startswith("[")
        word_ids += [len(spans) if is_word else None] * len(pieces)
        if is_word:
            text = "".join(piece.removeprefix("##") for piece in pieces)
            spans.append(WordSpan(segments[len(word_ids) - 1], 0, len(text), text))
    relations = RECIPES[recipe].relations
    shape = (heads, len(tokens), len(tokens))
    teacher = {name: random.normal(size=shape).astype("float32") for name in relations}
    student = {name: (scores + 0.2 * random.normal(size=shape)).astype("float32") for name, scores in teacher.items()}
    head, token = far
    teacher[relations[0]][head, token, 1] += 4
    student[relations[0]][head, token, 4] += 4
    values = {
        "teacher_name": "bundled",
        "student_name": "nli",
        "recipe": recipe,
        "teacher_layer": 5,
        "student_layer": 2,
        "num_relation_heads": heads,
        "teacher_head_size": 16,
        "student_head_size": 4,
        "texts": ("The waiters smile.", "Nobody smiled.") if pair else ("The waiters smile.",),
        "tokens": tuple(tokens),
        "segment_ids": tuple(segments),
        "special_tokens_mask": tuple(special),
        "separators": tuple(token == "[SEP]" for token in tokens),
        "word_ids": tuple(word_ids),
        "words": tuple(spans),
        "teacher": {name: softmax(scores, axis=-1) for name, scores in teacher.items()},
        "student": {name: softmax(scores, axis=-1) for name, scores in student.items()},
        "teacher_scores": teacher,
        "student_scores": student,
        "divergence": {name: divergence(teacher[name], student[name]) for name in relations},
        "truncated": False,
        "milliseconds": 34.0,
    }
    return DistillationTargets(**values | changes)


def divergence(teacher_scores: np.ndarray, student_scores: np.ndarray) -> np.ndarray:
    """KL(teacher ‖ student) of every row [..., num_tokens], computed independently of the library."""
    log_p, log_q = log_softmax(teacher_scores, axis=-1), log_softmax(student_scores, axis=-1)
    return (np.exp(log_p) * (log_p - log_q)).sum(axis=-1).astype("float32")


def probed(targets: DistillationTargets, steps=(0, 10, 20), heads: int | None = None) -> list[Probed]:
    """The events of a student that moves from uniform rows to those of `targets`; of its first `heads`, or all."""
    from minilm_demo.attention_weights import quantised

    events = []
    for step in steps:
        student_scores = {name: scores * step / steps[-1] for name, scores in targets.student_scores.items()}
        events.append(
            Probed(
                step=step,
                heads=heads or targets.num_relation_heads,
                student={name: quantised(softmax(scores[:heads], axis=-1)) for name, scores in student_scores.items()},
                divergence={
                    name: tuple(divergence(targets.teacher_scores[name], scores).mean(axis=-1)[:heads].tolist())
                    for name, scores in student_scores.items()
                },
            )
        )
    return events
