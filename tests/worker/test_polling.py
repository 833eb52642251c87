import resource

from unbind_broker.runtime.open_files import raise_open_files
from unbind_broker.worker.polling import Polling


def test_pause_grows_while_nothing_is_found() -> None:
    polling = Polling(0.01, 0.05)
    assert [polling.after(found=False) for _ in range(4)] == [0.02, 0.04, 0.05, 0.05]


def test_find_makes_it_look_again_soon() -> None:
    polling = Polling(0.01, 0.05)
    polling.after(found=False)
    assert polling.after(found=True) == 0.01
    assert polling.after(found=False) == 0.02


def test_open_files_are_raised_to_what_is_allowed() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
        raise_open_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
        raise_open_files()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
