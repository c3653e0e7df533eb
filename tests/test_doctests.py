"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import flowlens

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(flowlens.__path__, "flowlens.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = map(importlib.import_module, MODULES)
    assert sum(bool(test.examples) for module in modules for test in finder.find(module)) > 50
