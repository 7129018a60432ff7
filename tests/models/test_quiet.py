"""Settings of the libraries are changed by the first who needs it and restored by the last, whatever happens."""

import logging
import threading

import pytest

from minilm_demo.models.quiet import Shared, only_errors

logger = logging.getLogger("a.library")


@pytest.fixture
def shared():
    logger.setLevel(logging.INFO)
    return Shared(lambda: only_errors("a.library"))


def test_a_setting_is_changed_inside_only(shared):
    with shared:
        assert logger.level == logging.ERROR
    assert logger.level == logging.INFO


def test_who_is_inside_may_enter_again(shared):
    @shared
    def again() -> int:
        with shared:
            return logger.level

    with shared:
        assert again() == logging.ERROR
        assert logger.level == logging.ERROR
    assert logger.level == logging.INFO


def test_an_error_inside_comes_out_and_the_setting_is_restored(shared):
    with pytest.raises(ValueError, match="inside"), shared:
        raise ValueError("inside")
    assert logger.level == logging.INFO


def test_the_last_of_several_threads_restores_it(shared):
    """The first one in is the first one out: what it found must not come back while the second is still inside."""
    first_is_in, first_may_go = threading.Event(), threading.Event()

    def stay() -> None:
        with shared:
            first_is_in.set()
            assert first_may_go.wait(10)

    first = threading.Thread(target=stay)
    first.start()
    assert first_is_in.wait(10)
    with shared:
        first_may_go.set()
        first.join(10)
        assert logger.level == logging.ERROR
    assert logger.level == logging.INFO


def test_a_change_that_fails_leaves_nobody_inside():
    failures = [True]

    def change():
        if failures.pop():
            raise ImportError("no such library")
        return only_errors("a.library")

    shared = Shared(change)
    with pytest.raises(ImportError), shared:
        pass
    failures.append(False)
    logger.setLevel(logging.INFO)
    with shared:
        assert logger.level == logging.ERROR
    assert logger.level == logging.INFO
