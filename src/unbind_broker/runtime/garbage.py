"""Keep the collector of garbage away from what lives as long as the process."""

import gc

YOUNG = 10_000
SELDOM = 20


def spare_what_stays() -> None:
    """Leave alone what is there now, and look at the rest less often.

    Routes, models and statements are hundreds of thousands of objects: to walk through
    all of them made some requests wait 50 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, SELDOM, SELDOM)
