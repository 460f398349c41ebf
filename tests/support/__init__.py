"""What the tests stand on: a movable clock, waiting with a deadline, and small real servers."""
