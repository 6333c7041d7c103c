"""The fixtures of the release gate: what is judged, and how verdicts are printed."""

import tempfile
from pathlib import Path

import pytest

from pipeline.data import DATASETS
from pipeline.gate import examine_newest, judge
from pipeline.report import remove_report, write_report


def pytest_configure():
    """Refuse to start where the report could not be written at the end."""
    try:
        Path("report").mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir="report") as file:
            file.write(bytes(1_000_000))  # more than a report takes
    except OSError as error:
        problem = f"report/ must be a folder with room to write ({error.strerror})"
        raise pytest.UsageError(problem) from None


@pytest.fixture(scope="module")
def candidate(request):
    """The newest checkpoint, examined and reported beside the one before it."""
    remove_report()
    candidate, predecessor = examine_newest()
    write_report(candidate, predecessor, request.module.LIMITS)
    return candidate


@pytest.fixture
def judge_and_print(candidate, pytestconfig):
    """Function that prints the checks of a test, and fails with those that fail."""
    print_line = pytestconfig.get_terminal_writer().line  # past pytest's capture

    def judge_and_print(title, limits):
        print_line(f"\n{'=' * 80}\n{title}\n{'=' * 80}")
        if candidate.error:
            pytest.fail(candidate.error, pytrace=False)
        kind = DATASETS[candidate.dataset]
        print_line(f"{candidate.path.name} on {kind} test images")
        checks = judge(limits, candidate)
        for check in checks:
            print_line(f"  {check}")
        if faults := [str(check) for check in checks if not check.passed]:
            pytest.fail("\n".join(faults), pytrace=False)

    return judge_and_print
