"""Import of what other tools wrote: captures, M-Lab's tcp-info, qlog, as a recording."""
