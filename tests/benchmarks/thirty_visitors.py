"""Thirty visitors ask at once: how long an answer takes, from the press of the button.

    python tests/benchmarks/thirty_visitors.py --visitors 30 --questions 10

Starts the app in a process of its own, asks the shipped sentiment skill over HTTP, each visitor one question after the
other, and prints one JSON line: answers per second, and the 50th and 95th percentile in milliseconds.
"""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import numpy as np
from gradio_client import Client
from running_app import running_app

SENTENCES = (
    "A joy from start to end.",
    "Not a single joke lands in two hours.",
    "The plot is thin, but I could not stop smiling, and neither could anybody else in the row.",
    "I expected to hate it; I was wrong.",
)


def visitor(client: Client, number: int, questions: int) -> list[float]:
    seconds = []
    for turn in range(questions):
        started = time.perf_counter()
        answer = client.predict(SENTENCES[(number + turn) % len(SENTENCES)], api_name="/predict_sentiment")
        seconds.append(time.perf_counter() - started)
        assert answer["label"] in ("negative", "positive")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--questions", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, running_app(Path(home)) as address:
        clients = [Client(address, verbose=False) for _ in range(args.visitors)]  # everybody has opened the page
        visitor(clients[0], 0, 2)  # the model is loaded
        started = time.perf_counter()
        with ThreadPoolExecutor(args.visitors) as pool:
            jobs = [pool.submit(visitor, client, number, args.questions) for number, client in enumerate(clients)]
            seconds = np.array([second for job in jobs for second in job.result()])
        rate = len(seconds) / (time.perf_counter() - started)
    p50, p95 = (1000 * np.percentile(seconds, [50, 95])).round(0)
    print(json.dumps({**vars(args), "answers_per_second": round(rate, 1), "p50_ms": p50, "p95_ms": p95}))


if __name__ == "__main__":
    main()
