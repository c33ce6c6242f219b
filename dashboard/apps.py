"""The pages, as Django knows them."""

from django.apps import AppConfig
from django.core.checks import register

from dashboard.checks import public_url_is_whole, several_processes_need_redis


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        register(several_processes_need_redis)
        register(public_url_is_whole)
