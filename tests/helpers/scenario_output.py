"""What a scenario printed, for the tests that run it as a plain program."""

from subprocess import CompletedProcess


def lines(done: CompletedProcess[str]) -> list[str]:
    """Return what a program printed, once it is sure that all went well."""
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def primes_below(limit: int) -> int:
    """Count primes in another way than the scenarios do."""
    composite = {multiple for n in range(2, limit) for multiple in range(2 * n, limit, n)}
    return limit - 2 - len(composite)
