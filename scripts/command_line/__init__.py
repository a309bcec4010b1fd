"""The program behind `./mentator`: Invoke's parser with our name, help, errors and completion.

The launcher runs this folder. `invoke TASK` in the pipeline's environment does not come through
here: it reads `tasks.py` by itself, and `scripts/shared/edge.py` is all that both have in common.
"""
