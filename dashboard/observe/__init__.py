"""Runs a program so that its telemetry arrives here, and says what came of it: `manage.py observe -- python main.py`.

environment   the variables that make OpenTelemetry's SDKs send here; what a user has set stays
running       the program itself: its terminal, its signals, its exit status
made          what arrived from it: traces and claims
"""
