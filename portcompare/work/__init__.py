"""Work: instructions per request, counted by the hardware or under valgrind's callgrind."""
