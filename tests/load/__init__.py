"""
What things cost, as commands: `python -m tests.load.<name> [sizes] [--json]`.

Each command is bounded in time and measures CPU time of processes rather than wall time. It
prints a table for people; with `--json` its last line is one object with `bench`, `figures` and
`bars`. It ends with status 1 when a bar falls short. pytest collects nothing here.
"""
