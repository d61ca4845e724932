"""Where the world is: Kafka, Faust, files, sockets, clocks, settings and the command line."""
