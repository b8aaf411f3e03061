"""An act runs in a process of its own, and dies when it is killed."""

import os
import signal
import sys
import time

from bench.crash.acts import Kill, Stage


def say_and_leave(words, code):
    print(words)
    sys.exit(code)


def sleep_long():
    print("asleep", flush=True)
    time.sleep(60)


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def test_an_act_ends_with_its_exit_code_and_what_it_printed(tmp_path):
    ended = Stage(tmp_path, preload=()).play(say_and_leave, "hello", 3)
    assert (ended.code, ended.printed.strip(), ended.is_fault) == (3, "hello", False)


def test_an_act_is_killed_at_its_moment(tmp_path):
    ended = Stage(tmp_path, preload=()).play(sleep_long, kill=Kill(1.0, kill))
    assert (ended.code, ended.printed.strip()) == (-signal.SIGKILL, "asleep")
    assert ended.seconds < 30


def test_an_act_that_is_over_is_not_killed(tmp_path):
    struck = []
    assert Stage(tmp_path, preload=()).play(say_and_leave, "", 0, kill=Kill(30, struck.append)).code == 0
    assert struck == []


def test_what_retain_calls_its_own_fault_is_one(tmp_path):
    assert Stage(tmp_path, preload=()).play(say_and_leave, "This is a fault in Retain: TypeError.", 3).is_fault
