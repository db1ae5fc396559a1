"""OpenAPI documents into APIs and back, which the emulator cannot: ImportRestApi, PutRestApi, GetExport, ImportApi, ReimportApi, ExportApi."""

from . import http_api, rest_api, rest_export, shown_tags

__all__ = ["http_api", "rest_api", "rest_export", "shown_tags"]
