"""The one Hypothesis profile: the same examples on every run, on any machine, unless asked."""

from collections.abc import Iterator

import pytest
from alert_place import ledger  # noqa: F401
from aws import credentials, moto  # noqa: F401  # fixtures of all tests
from effort import EFFORT, examples
from forks import Forks, forks
from hypothesis import HealthCheck, settings
from job_place import here, scanned  # noqa: F401
from rdns_place import place  # noqa: F401

settings.register_profile(
    "flowlens",
    derandomize=EFFORT == 1,
    deadline=None,
    max_examples=examples(60),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("flowlens")


@pytest.fixture(scope="module")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """A process that has imported everything, and forks for each command."""
    with forks(scratch=tmp_path_factory.mktemp("scratch")) as process:
        yield process
