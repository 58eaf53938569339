"""Runs ministack, the local cloud. Its HTTP servers write head and body of an answer apart and leave Nagle's algorithm on,
so every answer to a function waits some 40 ms for an acknowledgement. Python's own switch for that is off by default."""

import runpy
import socketserver

socketserver.StreamRequestHandler.disable_nagle_algorithm = True

if __name__ == "__main__":
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
