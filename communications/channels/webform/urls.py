"""Where sites post their forms."""

from django.urls import path

from communications.channels.webform.views import form_submission

urlpatterns = [
    path("forms/<slug:key>/submissions/", form_submission, name="form-submission"),
]
