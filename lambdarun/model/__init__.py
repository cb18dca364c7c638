"""What follows: the pure cores, told the time, and the region that joins them."""
