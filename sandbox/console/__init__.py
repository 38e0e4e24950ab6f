"""The sandbox's console at /sandbox/: what a tester sees and does with a mouse; control.py is the same for programs."""
