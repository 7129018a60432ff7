"""The commands `tasks`, `runs`, `skills` and `doctor`, which list and manage what is on this machine."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import tempfile
from pathlib import Path

from ..data import new_file
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
        states = runs.list_runs()
        document = {"runs": [run_document(run) for run in states]}
        lines = [f"{run.record.run_id}  {run.status:<12} {_title(run)}" for run in states]
        print_result(args, document, lines or ["No runs yet."])
        return 0
    if not args.run:
        raise UsageError(f"runs {args.action} needs a run id")
    if args.action == "rename" and args.name is None:
        raise UsageError('runs rename needs a run id and a name; "" takes the name away')
    folder = runs.run_folder(args.run)
    if args.action == "export":
        return _export(args, runs.state(folder))
    if args.action == "delete":
        document = run_document(runs.state(folder))
        runs.delete_run(runs.state(folder))
        print_result(args, document, [f"Deleted {document['run_id']}."])
        return 0
    if args.action == "rename":
        runs.rename_run(folder, args.name)
    if args.action == "stop":
        runs.ask_to_stop(folder)
    document = full_run_document(runs.state(folder))
    shown = {name: value for name, value in document.items() if name != "result"} | (document["result"] or {})
    print_result(args, document, [f"{name}: {value}" for name, value in shown.items()])
    return 0


def _export(args: argparse.Namespace, run) -> int:
    """Write the zip that the page offers."""
    from .. import runs

    packed = runs.adapter_files(run) if args.adapter else runs.run_files(run)
    place = args.output or Path(f"{packed.name}.zip")
    with new_file(place, overwrite=args.overwrite) as partial:
        runs.write_zip(partial, packed)
    document = run_document(run) | {"output": str(place)}
    print_result(args, document, [f"Written to {place}"])
    return 0


def _title(run) -> str:
    from .. import runs

    return runs.JOBS[run.record.job].title(run.record, run.result)


def skills_command(args: argparse.Namespace) -> int:
    from .. import runs
    from ..models import CATALOG
    from ..runs import skills

    if args.action == "list":
        shipped = [entry for entry in CATALOG.values() if entry.is_skill]
        document = {"skills": [{"name": entry.name, "tasks": list(entry.tasks)} for entry in shipped]}
        lines = [f"{entry.name:<12} answers {', '.join(entry.tasks)}" for entry in shipped]
        print_result(args, document, lines or ["No skill is shipped here."])
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
    document = {"ready": not problems, "checks": [dataclasses.asdict(check) for check in checks]}
    marks = {(True, True): "ok ", (True, False): "ok ", (False, True): "NO ", (False, False): "-  "}
    lines = [f"{marks[check.ok, check.needed]} {check.name:<16} {check.says}" for check in checks]
    verdict = "ready for class: yes" if not problems else f"ready for class: no, because of {', '.join(problems)}"
    print_result(args, document, [*lines, verdict])
    return 0 if not problems else EXIT_FAILED
