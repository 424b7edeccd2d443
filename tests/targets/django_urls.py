"""The addresses of the Django project: the toolkit's at the root, and Django's own login page."""
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

from django.contrib.auth.views import LoginView
from django.urls import include, path

urlpatterns = [
    path("accounts/login/", LoginView.as_view(), name="login"),
    path("", include("oauth2_provider.urls", namespace="oauth2_provider")),
]
