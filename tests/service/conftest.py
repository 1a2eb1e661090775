"""Services and models that tests of one service are given."""

import pytest
from model_server import Scripted
from playwright.sync_api import expect
from running import Service
from watching import Listener

# What a page is to show may take longer than five seconds where other things are done beside it.
expect.set_options(timeout=20_000)


@pytest.fixture
def start_service(program, tmp_path):
    """Starts a service with its first admin; for tests that write its settings before."""
    started = []

    def start(**options) -> Service:
        started.append(Service(program, tmp_path, **options))
        started[-1].set_up()
        return started[-1]

    yield start
    for service in started:
        if service.process.poll() is None:
            assert service.stop() == 0


@pytest.fixture
def service(start_service):
    """A service with its first admin."""
    return start_service()


@pytest.fixture
def scripted():
    """A model that does as it is told."""
    model = Scripted()
    yield model
    model.close()


@pytest.fixture
def listener():
    """A server for models and alerts."""
    with Listener() as listener:
        yield listener
