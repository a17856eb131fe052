"""Wire formats. Pure translation: no Flask, no sockets, no clocks, no logging."""
