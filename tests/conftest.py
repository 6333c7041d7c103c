"""What takes minutes or a browser is run where -m names it, whatever else -m says."""

NAMED_ALONE = ("slow", "browser")


def pytest_collection_modifyitems(config, items):
    """Deselect the tests with those marks that the option -m does not name."""
    hidden = [mark for mark in NAMED_ALONE if mark not in config.option.markexpr]
    left_out = [item for item in items if any(map(item.get_closest_marker, hidden))]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
