"""Has something done to a module when somebody loads it: to load it for that alone would cost those who never do."""

import sys


class When:
    """Changes the module, at once if it is there already. As a finder, it finds that one as Python would, and is done."""

    def __init__(self, name, change):
        self._name, self._change = name, change
        if name in sys.modules:
            change(sys.modules[name])
        else:
            sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        if name != self._name:
            return None
        self.end()
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                break
        else:
            return None
        load, change = spec.loader.exec_module, self._change

        def exec_module(module):
            load(module)
            # Some loaders are one for all modules of a place.
            if module.__name__ == name:
                change(module)

        spec.loader.exec_module = exec_module
        return spec

    def end(self):
        if self in sys.meta_path:
            sys.meta_path.remove(self)
