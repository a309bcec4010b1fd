"""The container on this machine: started, asked, its log, stopped.

The tasks `up`, `ask`, `logs` and `down` call it. This room may start and remove the container of
the setting `name`, and makes its data folder; it never deletes what is in there.
"""
