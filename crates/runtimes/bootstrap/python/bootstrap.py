# What a Python instance runs first. Everything is in the package beside it, because Python keeps the compiled form of
# packages and not of the script that it is started with.
from _fulmar.runtime import main

main()
