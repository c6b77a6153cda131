"""What the host tells this bootstrap, and not the function: the variables that begin with `FULMAR_`."""

import os

_PREFIX = "FULMAR_"
_given = {}


def take():
    """Takes it out of the environment."""
    environment = os.environ
    adopt({name: environment.pop(name) for name in list(environment) if name.startswith(_PREFIX)})


def adopt(variables):
    _given.update((name[len(_PREFIX) :], value) for name, value in variables.items())


def split(environment):
    """Takes it out of an environment that is to be, and returns it."""
    return {name: environment.pop(name) for name in list(environment) if name.startswith(_PREFIX)}


def get(name, otherwise=""):
    return _given.get(name, otherwise)
