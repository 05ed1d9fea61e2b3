#!/usr/bin/env python3
"""llama.cpp's own server, as the Python package xllamacpp carries it, with OpenAI's chat interface: `make llama-server`.

    llama_server.py MODEL.gguf PORT

Prints its address and serves until it is ended (port 0: a free one).
"""
import signal
import sys

import xllamacpp


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    settings = xllamacpp.CommonParams()
    settings.model.path = sys.argv[1]
    settings.hostnames = ["127.0.0.1"]
    settings.port = int(sys.argv[2])
    settings.n_parallel = 4
    settings.n_ctx = 4 * 2048
    server = xllamacpp.Server(settings)
    print(server.listening_address + "/v1", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main()
