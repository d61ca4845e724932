"""How many threads libraries may start, so that workers on one machine do not fight for its cores."""

from collections.abc import Mapping

from streams.settings import Settings

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
"""Read by FAISS and CTranslate2 (OpenMP), by numpy and scipy, by torch, and by OpenCV, when they are loaded: by
itself each would start a thread for each core, in every worker. PyAV is told in `models.media`, OpenVINO in
`models.backend`."""


def thread_limits(settings: Settings, own: Mapping[str, str]) -> dict[str, str]:
    """Give the variables that a worker's process shall have; those that the user set stay.

    Parameters
    ----------
    own : mapping
        The environment as it is.
    """
    return {name: own.get(name) or str(settings.inference_threads) for name in VARIABLES}
