"""Serves a model file as llama.cpp's own server does: `serve.py MODEL PORT`. Prints LISTENING when it is ready; ends with its standard input."""

import sys

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(sys.argv[2])
parameters.n_ctx = 2048
parameters.n_parallel = 1
# More threads spin on a machine that does other work as well.
parameters.cpuparams.n_threads = 1
parameters.offline = True
server = xllamacpp.Server(parameters)
print("LISTENING", flush=True)
sys.stdin.read()
