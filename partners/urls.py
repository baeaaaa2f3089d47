"""Addresses of the registry of partners, of hand-overs and of the partner's cabinet."""

from __future__ import annotations

from django.urls import path

from partners import (
    cabinet_views,
    commission_views,
    document_views,
    handoff_views,
    inactive_views,
    seeing_views,
    views,
)

urlpatterns = [
    path("partners/", views.partner_list, name="partner-list"),
    path("partners/new/", views.partner_create, name="partner-create"),
    path("partners/inactive/", inactive_views.partners_inactive, name="partners-inactive"),
    path("partners/control/", cabinet_views.partner_control, name="partner-control"),
    path("partners/remind/", cabinet_views.partners_remind, name="partners-remind"),
    path("partners/remind/<str:record_type>/<int:pk>/", cabinet_views.record_remind, name="record-remind"),
    path("partners/feedback/", cabinet_views.partner_feedback, name="partner-feedback"),
    path("partners/feedback/<int:pk>/", cabinet_views.feedback_enter, name="feedback-enter"),
    path("partners/to-hand-over/", cabinet_views.partner_waiting, name="partner-waiting"),
    path("partners/<int:pk>/see/", seeing_views.partner_see, name="partner-see"),
    path("partners/see/end/", seeing_views.partner_see_end, name="partner-see-end"),
    path("partners/<int:pk>/", views.partner_detail, name="partner-detail"),
    path("partners/<int:pk>/edit/", views.partner_edit, name="partner-edit"),
    path("partners/<int:pk>/people/new/", views.partner_user_add, name="partner-user-add"),
    path("partners/<int:pk>/state/", views.partner_state, name="partner-state"),
    path("partners/<int:pk>/documents/new/", document_views.partner_document_add, name="partner-document-add"),
    path(
        "partners/<int:pk>/documents/<int:document_pk>/",
        document_views.partner_document_file,
        name="partner-document-file",
    ),
    path(
        "partners/<int:pk>/documents/<int:document_pk>/remove/",
        document_views.partner_document_remove,
        name="partner-document-remove",
    ),
    path("partners/<int:pk>/close/", views.partner_close, name="partner-close"),
    path("partners/<int:pk>/commission/", commission_views.partner_commission, name="partner-commission"),
    path("partners/<int:pk>/commission/terms/", commission_views.commission_terms, name="partner-commission-terms"),
    path("partners/<int:pk>/commission/payment/", commission_views.commission_payment, name="partner-payment"),
    path("partners/<int:pk>/commission/correction/", commission_views.commission_correction, name="partner-correction"),
    path("partners/panel/<str:record_type>/<int:pk>/", handoff_views.partner_panel, name="record-partner-panel"),
    path("partners/hand-overs/<int:pk>/recall/", handoff_views.handoff_recall, name="handoff-recall"),
    path("partners/hand-overs/<int:pk>/hand-on/", handoff_views.handoff_hand_on, name="handoff-hand-on"),
    path("leads/<int:pk>/hand-over/", handoff_views.record_hand_over, {"record_type": "lead"}, name="lead-hand-over"),
    path("deals/<int:pk>/hand-over/", handoff_views.record_hand_over, {"record_type": "deal"}, name="deal-hand-over"),
    path("cabinet/<str:record_type>/<int:pk>/accept/", cabinet_views.request_accept, name="request-accept"),
    path("cabinet/commission/", commission_views.cabinet_commission, name="cabinet-commission"),
    path("cabinet/<slug:state>/", cabinet_views.partner_cabinet, name="partner-cabinet"),
]
