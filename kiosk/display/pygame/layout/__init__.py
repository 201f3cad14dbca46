"""From a screen and a panel to placed elements and targets: pure, without pygame. `planner.plan` is the way in."""
