"""Our stay in calls."""
