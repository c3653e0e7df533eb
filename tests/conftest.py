"""The one Hypothesis profile: the same examples on every run, on any machine, unless asked."""

from aws import credentials, moto  # noqa: F401  # fixtures of all tests
from effort import EFFORT, examples
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
