"""Allow this process as many open connections as the machine permits."""

import resource


def raise_open_files() -> None:
    """Raise the soft limit of open files to the hard one.

    Hundreds of endpoints with a few connections each, or a crowd of callers, exceed
    the usual 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # some systems promise more than they give
            return
