"""The pages, as Django knows them."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        """Registers the checks."""
        from dashboard import checks  # noqa: F401 - once settings are there
