"""One account where programs live: forks, gevent, Celery, threads and event loops all at once.

Each runs in a process of its own, against a server of the test's, and must end by itself.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lbsls import forking
from servers import Asked, Server, always, reply, serving
from stories import KEY, answer, endpoint

PATIENCE = 150
"""Seconds for a child to be done, on a machine that has much else to do."""
TOKEN = "a-value-of-env-9876"
pytestmark = pytest.mark.timeout(2 * PATIENCE)


def serve(asked: Asked) -> bytes:
    """Answer as an account does that has one endpoint, as declared, which is up."""
    url = f"http://{asked.headers['host']}"
    made = endpoint(requestUrls={"base": url, "health": f"{url}/ping"}, env={"TOKEN": TOKEN})
    if asked.path == "/ping":
        return reply("200 OK", b"pong", "X-Runpod-Worker-Id: w1")
    return reply("200 OK", answer({"endpoints": [made]}).content)


@pytest.fixture
def server() -> Iterator[Server]:
    """Run an account's server."""
    with serving(always(serve)) as running:
        yield running


def environ(server: Server, **more: str) -> dict[str, str]:
    """Give the variables that point a child at a server."""
    own = {"RUNPOD_API_KEY": KEY, "RUNPOD_API_BASE_URL": server.url, "no_proxy": "*"}
    return {**os.environ, **own, **more}


def end_of(command: list[str], env: dict[str, str]) -> tuple[int, str, str]:
    """Run a command to its end, and see to it that none of its children outlives it."""
    with subprocess.Popen(
        command,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            end_group(process)
    return process.returncode, out, err


def end_group(process: subprocess.Popen[Any]) -> None:
    """End what is left of a process and its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


Run = Callable[..., str]


@pytest.fixture
def run(server: Server, tmp_path: Path) -> Run:
    """Run a program that has an account and a resource, and give what it printed."""
    begin = f"""
import lbsls
app = lbsls.LoadBalancerSlsResource(name="app", imageName="img:1", env={{"TOKEN": "{TOKEN}"}})
account = lbsls.Account.from_env()
"""

    def go(program: str, before: str = "") -> str:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(before) + begin + textwrap.dedent(program))
        ignore = "ignore::DeprecationWarning"  # that there are threads where it forks
        code, out, err = end_of([sys.executable, "-W", ignore, str(path)], environ(server))
        assert (code, err) == (0, "")
        return out

    return go


LOCKS = """
import gc, os, threading
HOMES = ("lbsls", "requests", "urllib3", "builtins", "collections")
KINDS = (type(threading.Lock()), type(threading.RLock()))

def locks(root):
    "Give every lock that what belongs to an account holds."
    seen, waiting, found = set(), [root], []
    while waiting:
        each = waiting.pop()
        home = type(each).__module__.partition(".")[0]
        if id(each) in seen or not (home in HOMES or isinstance(each, KINDS)):
            continue
        seen.add(id(each))
        if isinstance(each, KINDS):
            found.append(each)
        elif not isinstance(each, (type, type(os), type(locks))):
            waiting += gc.get_referents(each)
    return found
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_fork_does_not_wait_for_locks_of_the_parents_threads(run: Run) -> None:
    """Whatever they held at that moment, nobody in the child will ever let go of it."""
    said = run(
        LOCKS
        + """
account.deploy(app)
found = locks(account)
held, over = threading.Barrier(len(found) + 1), threading.Event()

def hold(lock):
    with lock:
        held.wait()
        over.wait()

threads = [threading.Thread(target=hold, args=(lock,)) for lock in found]
for thread in threads:
    thread.start()
held.wait()
child = os.fork()
if child == 0:
    fine = account.deploy(app).id == "e1" and account.request("app", "GET", "/ping").ok
    os._exit(0 if fine else 1)
over.set()
for thread in threads:
    thread.join()
print(len(found) > 1, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), account.deploy(app).id)
"""
    )
    assert said == "True 0 e1\n"


def test_gevent(run: Run) -> None:
    """Patched as its servers do it: greenlets wait side by side, and a timeout of its own works."""
    pytest.importorskip("gevent", reason="gevent has no wheel for this Python")
    said = run(
        """
        import gevent, gevent.pool
        def use(number):
            return account.deploy(app).id, account.check_ping("app").status
        got = gevent.pool.Pool(16).map(use, range(32))
        print(set(got))
        with gevent.Timeout(0.001, False):
            while True:
                account.check_ping("app")
        print(account.check_ping("app").health.name)
        killed = gevent.spawn(account.wait_for_health, "app", max_retries=9)
        gevent.sleep(0)
        killed.kill()
        print(account.deploy(app).id)
        """,
        before="from gevent import monkey; monkey.patch_all()",
    )
    assert said == "{('e1', 200)}\nREADY\ne1\n"


def test_all_of_them_share_an_account_at_once(run: Run) -> None:
    """Threads, loops of both kinds that come and go in threads, and forks in the middle of it."""
    said = run(
        """
        import anyio, os, traceback
        from concurrent.futures import ThreadPoolExecutor

        async def tasks():
            got = []
            async def use():
                got.append((await account.deploy_async(app)).id)
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(use)
            return got[-1]

        def fork():
            child = os.fork()
            if child == 0:
                try:
                    assert account.deploy(app).id == anyio.run(tasks) == "e1"
                    os._exit(0)
                except BaseException:
                    traceback.print_exc()
                    os._exit(1)
            return {0: "e1"}.get(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

        jobs = [
            lambda: account.deploy(app).id,
            lambda: anyio.run(tasks, backend="asyncio"),
            lambda: anyio.run(tasks, backend="trio"),
            fork,
        ]
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda number: jobs[number % 4](), range(24)))
        print(set(got))
        """
    )
    assert said == "{'e1'}\n"


class Slow:
    """Finds one module, slowly: nothing in sys.modules tells yet that somebody imports it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begun, self.over = threading.Event(), threading.Event()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Keep who imports the module, and find nothing in the end."""
        if name == self.name:
            forking.wait_for_imports()  # which is no wait for oneself
            self.begun.set()
            self.over.wait(PATIENCE)


@pytest.fixture
def slow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """Let a thread import a module, until it is told that it is over."""
    finder = Slow(request.param)
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    with ThreadPoolExecutor(1) as pool:
        missing = pool.submit(importlib.import_module, finder.name)
        assert finder.begun.wait(PATIENCE)
        yield finder
        finder.over.set()
        assert isinstance(missing.exception(), ModuleNotFoundError)


@pytest.mark.parametrize("slow", ["lbsls.late", "asyncio.late"], indirect=True)
def test_a_fork_lets_an_import_end_first(slow: Slow) -> None:
    """Else the child would wait for ever for a module that a thread of the parent imports."""
    forking.wait_for_imports(0.01)
    assert not slow.over.is_set(), "an import that does not end holds no fork for ever"
    ended = threading.Timer(0.2, slow.over.set)
    ended.start()
    forking.wait_for_imports()
    assert slow.over.is_set()
    ended.join()


@pytest.mark.parametrize("slow", ["lbsls.late"], indirect=True)
def test_a_child_forgets_an_import_of_which_there_is_no_module_yet(slow: Slow) -> None:
    """The thread of the parent that still looks for it will not find it in the child."""
    assert [slow.name] == list(forking._imports_of_others())
    forking.begin_imports_anew()
    assert [] == list(forking._imports_of_others())


@pytest.mark.parametrize("slow", ["program_of_theirs"], indirect=True)
def test_a_fork_leaves_a_program_alone_that_is_imported(slow: Slow) -> None:
    """As some servers run one; its lock is held as long as it runs."""
    began = time.monotonic()
    forking.wait_for_imports(PATIENCE)
    assert time.monotonic() - began < PATIENCE


LAST_MOMENT = """
import importlib, os, sys, threading
begun, over = threading.Event(), threading.Event()

def hold():
    if not begun.is_set():
        begun.set()
        over.wait()

def import_it():
    threading.Thread(target=importlib.import_module, args=("trio",)).start()
    begun.wait()

sys.hold = hold
sys.path.insert(0, FOLDER)
os.register_at_fork(before=import_it)  # done after what lbsls does before a fork
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_an_import_that_a_fork_cut_off_is_begun_anew(run: Run, tmp_path: Path) -> None:
    """It began after the fork had waited, in the last moment."""
    (tmp_path / "trio.py").write_text("import sys\nsys.hold()\nnumber = 7\n")
    said = run(
        """
        child = os.fork()
        if child == 0:
            import trio
            os._exit(trio.number)
        over.set()
        import trio
        print(trio.number, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """,
        before=f"FOLDER = {str(tmp_path)!r}\n{LAST_MOMENT}",
    )
    assert said == "7 7\n"


TASKS = """
import os
import celery, lbsls

folder = os.environ["FOLDER"]
queue = celery.Celery("tasks", broker="filesystem://", backend=f"file://{folder}/results")
queue.conf.update(
    broker_transport_options={
        "data_folder_in": f"{folder}/queue",
        "data_folder_out": f"{folder}/queue",
        "control_folder": f"{folder}/control",
    },
    task_serializer="pickle",
    result_serializer="pickle",
    accept_content=["pickle"],
    worker_hijack_root_logger=False,
)
account = lbsls.Account.from_env()
account.check_ping("app")  # used before the worker's children are forked

@queue.task
def deploy(resource):
    token = str(resource.env["TOKEN"])
    return os.getpid(), account.deploy(resource), resource.deploy().id, token[::-1]
"""
ASK = """
from tasks import deploy, lbsls
import os
app = lbsls.LoadBalancerSlsResource(name="app", imageName="img:1", env={"TOKEN": "TOKEN_"})
results = [deploy.delay(app) for _ in range(4)]
got = [result.get(timeout=140) for result in results]
pids, endpoints, ids, envs = zip(*got)
print(os.getpid() in pids, {each.id for each in endpoints}, set(ids), set(envs))
print(endpoints[0].settings.env, endpoints[0].is_healthy())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Celery's prefork needs a system that forks")
def test_a_resource_goes_to_a_celery_worker(server: Server, tmp_path: Path) -> None:
    """A real prefork worker deploys what was pickled into its queue, and an endpoint comes back."""
    pytest.importorskip("celery")
    for folder in ("queue", "control", "results"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tasks.py").write_text(TASKS)
    env = environ(server, FOLDER=str(tmp_path), C_FORCE_ROOT="1", PYTHONPATH=str(tmp_path))
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency", "2"]
    command += ["--pool", "prefork", "--without-gossip", "--without-mingle", "--loglevel", "ERROR"]
    with (tmp_path / "log").open("w+") as log:
        worker = subprocess.Popen(
            command, cwd=tmp_path, env=env, stdout=log, stderr=log, start_new_session=True
        )
        try:
            code, out, err = end_of([sys.executable, "-c", ASK.replace("TOKEN_", TOKEN)], env)
            worker.terminate()
            assert worker.wait(PATIENCE) == 0
        finally:
            end_group(worker)
        log.seek(0)
        assert code == 0, err + log.read()
    first, second = out.splitlines()
    assert first == f"False {{'e1'}} {{'e1'}} {{'{TOKEN[::-1]}'}}"
    assert second == "None True"
