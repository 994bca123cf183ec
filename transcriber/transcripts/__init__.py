"""
What was said in calls, kept for those who agreed to it.

Two have to agree: the administrator by a setting, and each room (a moderator, in the room's chat);
then everybody in the call is told, and only then is anything kept. Whoever does not want to be in
it says so and is left out, also of what was kept of this call before. All of it is deleted in time.
"""
