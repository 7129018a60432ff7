"""Commands that list and keep: tasks, runs, skills, doctor."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from ..results import to_dict
from ..tasks import TASKS
from ..views.documents import full_run_document, run_document
from ..views.kinds import kind_of
from .options import UsageError
from .output import EXIT_FAILED, Reporter, print_result, progress


def tasks(args: argparse.Namespace) -> int:
    document = {name: to_dict(task) for name, task in TASKS.items()}
    lines = [
        f"{task.name:<9} {task.title:<66} {' + '.join(task.text_fields):<24} {kind_of(task).answers(task)}"
        for task in TASKS.values()
    ]
    print_result(args, document, lines)
    return 0


def runs_command(args: argparse.Namespace) -> int:
    from .. import runs

    if args.action == "list":
        found = runs.list_runs()
        document = {"runs": [run_document(run) for run in found]}
        lines = [f"{run.record.run_id}  {run.status:<12} {run.record.created}" for run in found]
        print_result(args, document, lines or ["No runs yet."])
        return 0
    if not args.run:
        raise UsageError(f"runs {args.action} needs a run id")
    folder = runs.run_folder(args.run)
    if args.action == "stop":
        runs.ask_to_stop(folder)
    document = full_run_document(runs.state(folder))
    print_result(args, document, [f"{name}: {value}" for name, value in document.items()])
    return 0


def skills_command(args: argparse.Namespace) -> int:
    from .. import runs
    from ..models import CATALOG
    from ..runs import skills

    if args.action == "list":
        shipped = [entry for entry in CATALOG.values() if entry.is_skill]
        document = {"skills": [{"name": one.name, "tasks": list(one.tasks)} for one in shipped]}
        lines = [f"{one.name:<12} answers {', '.join(one.tasks)}" for one in shipped] or ["No skill is shipped here."]
        print_result(args, document, lines)
        return 0
    if not args.skill or (args.action == "pack" and not args.run):
        raise UsageError(f"skills {args.action} needs a skill{' and a run' if args.action == 'pack' else ''}")
    skills.recipe(args.skill)
    if args.action == "pack":
        run = runs.run_folder(str(args.run))
        folders = [skills.pack(args.skill, run, args.data, probes=args.probes)]
    else:
        report, work = Reporter(), Path(tempfile.mkdtemp(prefix=f"{args.skill}-"))
        progress(f"The runs are in {work} until the skill is packed.")
        for event in skills.train_skill(args.skill, args.data, work, seed=args.seed, probes=args.probes):
            report(event)
        shutil.rmtree(work)
        folders = [skills.SKILLS_ROOT / args.skill]
    print_result(args, {"folders": list(map(str, folders))}, [f"Written to {folder}" for folder in folders])
    return 0


def doctor(args: argparse.Namespace) -> int:
    from .doctor import examine

    checks = examine()
    problems = [check.name for check in checks if check.needed and not check.ok]
    document = {
        "ready": not problems,
        "checks": [{"name": c.name, "ok": c.ok, "needed": c.needed, "says": c.says} for c in checks],
    }
    marks = {(True, True): "ok ", (True, False): "ok ", (False, True): "NO ", (False, False): "-  "}
    lines = [f"{marks[check.ok, check.needed]} {check.name:<16} {check.says}" for check in checks]
    verdict = "ready for class: yes" if not problems else f"ready for class: no, because of {', '.join(problems)}"
    print_result(args, document, [*lines, verdict])
    return 0 if not problems else EXIT_FAILED
