"""
What every implementation of a port must do, fake or real alike.

Each module holds a class of tests without a subject. A lane's test file derives from it and says
what is tested; the suite then runs there with that lane's clock and rules.
"""
