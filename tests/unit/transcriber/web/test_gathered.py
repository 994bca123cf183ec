"""What several processes count is published as one."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from transcriber.web.gathered import Gathered, counts


class Process:
    """Counts a few things."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.finals = Counter("finals", "Sentences", ["language"], registry=self.registry)
        self.calls = Gauge("calls", "Calls", registry=self.registry)
        self.seconds = Histogram("seconds", "Time", buckets=(1,), registry=self.registry)


def published(gathered: Gathered) -> dict[str, float]:
    lines = generate_latest(gathered).decode().splitlines()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


def test_everything_is_added_up() -> None:
    parent, one, two = Process(), Process(), Process()
    gathered = Gathered(parent.registry)
    parent.finals.labels("en").inc(1)
    one.finals.labels("en").inc(2)
    two.finals.labels("fr").inc(4)
    for process, number in ((parent, 0.5), (one, 0.5), (two, 7)):
        process.calls.set(1)
        process.seconds.observe(number)
    gathered.take(0, counts(one.registry))
    gathered.take(1, counts(two.registry))
    assert published(gathered) == {
        'finals_total{language="en"}': 3,
        'finals_total{language="fr"}': 4,
        "calls": 3,
        'seconds_bucket{le="1.0"}': 2,
        'seconds_bucket{le="+Inf"}': 3,
        "seconds_count": 3,
        "seconds_sum": 8,
    }


def test_counters_never_go_back_when_a_worker_dies_and_gauges_tell_of_the_living() -> None:
    parent, worker = Process(), Process()
    gathered = Gathered(parent.registry)
    gathered.take(0, None)
    worker.finals.labels("en").inc(5)
    worker.calls.set(3)
    gathered.take(0, counts(worker.registry))
    gathered.take(0, counts(worker.registry))
    assert published(gathered)["calls"] == 3
    gathered.take(0, None)
    gathered.take(0, counts(Process().registry))
    assert published(gathered)['finals_total{language="en"}'] == 5
    assert published(gathered)["calls"] == 0


def test_what_is_published_is_in_order() -> None:
    parent, worker = Process(), Process()
    gathered = Gathered(parent.registry)
    gathered.take(0, counts(worker.registry))
    text = generate_latest(gathered).decode()
    assert text.index("bucket") < text.index("_count ") < text.index("_sum ")
    assert text.count("# TYPE") == 3
