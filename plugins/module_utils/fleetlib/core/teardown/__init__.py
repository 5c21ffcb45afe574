"""What it takes to remove a whole fleet: its names, what is left to do, what an earlier run did."""
