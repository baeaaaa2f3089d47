"""People: users, their teams and roles, partner organisations and API tokens."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Role(models.TextChoices):
    """What a person does in the company; decides what they see (crm.visibility)."""

    ADMINISTRATOR = "administrator", _("Administrator")
    SALES_HEAD = "sales_head", _("Sales head")
    SALES_MANAGER = "sales_manager", _("Sales manager")
    CALL_CENTER = "call_center", _("Call-centre operator")
    PARTNER_CONTROL = "partner_control", _("Partner control manager")
    PARTNER = "partner", _("Partner")


class Partner(models.Model):
    """An outside organisation whose users see only its own pipeline: the tenant key of all isolation."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")
        CLOSED = "closed", pgettext_lazy("partner", "Closed")

    name = models.CharField(_("name"), max_length=200, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.ACTIVE)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("partner")
        verbose_name_plural = _("partners")

    def __str__(self) -> str:
        return self.name


class Team(models.Model):
    """A group of sales people; the setting says whether its members see each other's records."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    members_see_each_other = models.BooleanField(_("members see each other's records"), default=False)

    class Meta:
        ordering: ClassVar = ["name"]
        verbose_name = _("team")
        verbose_name_plural = _("teams")

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes users whose login is their e-mail."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create one user; the e-mail is stored lower-cased, the password hashed (none = unusable)."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an administrator (the name that `createsuperuser` expects)."""
        fields.setdefault("role", Role.ADMINISTRATOR)
        fields.setdefault("last_name", email.split("@", maxsplit=1)[0])
        return self.create_user(email, password, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Find a user by e-mail whatever the letter case."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person who signs in: an employee of the manufacturer or of one partner."""

    class Language(models.TextChoices):
        RU = "ru", "Русский"
        EN = "en", "English"

    email = models.EmailField(_("e-mail"), unique=True)
    last_name = models.CharField(_("last name"), max_length=100)
    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    patronymic = models.CharField(_("patronymic"), max_length=100, blank=True)
    position = models.CharField(_("position"), max_length=150, blank=True)
    phone = models.CharField(_("phone"), max_length=20, blank=True, help_text=_("E.164, for example +79123456789"))
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.SALES_MANAGER)
    team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, related_name="members", verbose_name=_("team")
    )
    partner = models.ForeignKey(
        Partner, models.PROTECT, null=True, blank=True, related_name="users", verbose_name=_("partner")
    )
    language = models.CharField(_("language"), max_length=5, choices=Language, default=Language.RU)
    time_zone = models.CharField(_("time zone"), max_length=50, default="Europe/Moscow")
    absent_from = models.DateField(_("absent from"), null=True, blank=True)
    absent_to = models.DateField(_("absent to"), null=True, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    # Read with the person at every request anyway, so that a list need not ask for its columns.
    list_settings = models.JSONField(
        default=dict, blank=True, editable=False, help_text="Chosen columns and default views, by kind of record."
    )
    notification_settings = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text="Channels by kind of event, and quiet hours; empty: as shipped.",
    )
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering: ClassVar = ["last_name", "first_name", "id"]
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="user_partner_only_for_partner_role",
                condition=models.Q(role="partner", partner__isnull=False)
                | (~models.Q(role="partner") & models.Q(partner__isnull=True)),
                violation_error_message=_("A partner user needs a partner; nobody else may have one."),
            ),
            models.CheckConstraint(
                name="user_absence_in_order",
                condition=models.Q(absent_from__isnull=True)
                | models.Q(absent_to__isnull=True)
                | models.Q(absent_to__gte=models.F("absent_from")),
                violation_error_message=_("The absence ends before it begins."),
            ),
        ]

    def __str__(self) -> str:
        return self.short_name or self.email

    @property
    def full_name(self) -> str:
        """«Фамилия Имя Отчество», what is there of it."""
        return " ".join(part for part in (self.last_name, self.first_name, self.patronymic) if part)

    @property
    def short_name(self) -> str:
        """«Фамилия И. О.», the way lists show a person."""
        initials = " ".join(f"{part[0]}." for part in (self.first_name, self.patronymic) if part)
        return f"{self.last_name} {initials}".strip()

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.short_name

    def is_absent(self, on: date) -> bool:
        """Is the person away on that day? An open end counts as still away."""
        if self.absent_from is None and self.absent_to is None:
            return False
        return (self.absent_from or date.min) <= on <= (self.absent_to or date.max)

    @property
    def is_partner(self) -> bool:
        return self.role == Role.PARTNER

    @property
    def is_head(self) -> bool:
        """May they steer: administrator or sales head."""
        return self.role in {Role.ADMINISTRATOR, Role.SALES_HEAD}

    @property
    def is_administrator(self) -> bool:
        return self.role == Role.ADMINISTRATOR


class ApiToken(models.Model):
    """A key for the REST API: shown once, stored as a hash, cut down to scopes, revocable."""

    class Scope(models.TextChoices):
        READ = "read", _("Read everything its owner sees")
        WRITE = "write", _("Create and change records")
        REPORTS = "reports", _("Read reports")

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(max_length=12, db_index=True)
    hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    @property
    def scope_names(self) -> list[str]:
        """What the token may do, in words; a scope that is no more keeps its code."""
        known = dict(self.Scope.choices)
        return [str(known.get(scope, scope)) for scope in self.scopes]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class CalendarFeed(models.Model):
    """The private address of a person's calendar: one at a time, its secret shown once and stored as a hash."""

    user = models.OneToOneField(User, models.CASCADE, related_name="calendar_feed", verbose_name=_("user"))
    hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("calendar feed")
        verbose_name_plural = _("calendar feeds")

    def __str__(self) -> str:
        return str(self.user)


class Invitation(models.Model):
    """A person's way in for the first time: one at a time, each new one ends the one before (accounts.invitations)."""

    user = models.OneToOneField(User, models.CASCADE, related_name="invitation", verbose_name=_("user"))
    nonce = models.CharField(max_length=32, help_text="Half of the link; the other half is the signature.")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("invited by"))
    sent_at = models.DateTimeField(_("sent"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return str(self.user)

    @property
    def is_open(self) -> bool:
        """Does its link still work?"""
        return self.accepted_at is None and self.expires_at > timezone.now() and self.user.is_active


class Letter(models.Model):
    """A letter about an account that is to leave: whom to and what about, never its link, which is made as it leaves.

    A forgotten password is asked for by address alone: whose it is, and whether it is anybody's, is looked up by the
    worker, so that the answer to the browser is the same and takes the same time.
    """

    class Kind(models.TextChoices):
        INVITATION = "invitation", _("Invitation")
        RESET = "reset", _("New password")
        NOTICE = "notice", _("Security notice")

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        DROPPED = "dropped", _("Not needed")
        FAILED = "failed", _("Not sent")

    kind = models.CharField(max_length=10, choices=Kind)
    email = models.EmailField()
    about = models.CharField(max_length=40, blank=True, help_text="What a notice is of.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    not_before = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["id"]
        verbose_name = _("letter about an account")
        verbose_name_plural = _("letters about accounts")
        indexes: ClassVar = [
            models.Index(
                fields=["not_before", "id"],
                name="letter_to_do",
                condition=models.Q(state__in=["queued", "sending"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.email}"


class UserSession(models.Model):
    """One place where a person is signed in: what their list of sessions shows, and what ends one of them."""

    user = models.ForeignKey(User, models.CASCADE, related_name="signed_in", verbose_name=_("user"))
    session_key = models.CharField(max_length=40, unique=True)
    ip = models.GenericIPAddressField(_("address"), null=True, blank=True)
    agent = models.CharField(_("device"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("signed in"), default=timezone.now)
    seen_at = models.DateTimeField(_("last seen"), default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-seen_at", "-id"]
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        return f"{self.device}, {self.ip or '?'}"

    @property
    def device(self) -> str:
        """Browser and system, as far as they say: «Chrome, Windows»."""
        from accounts.devices import device_name

        return device_name(self.agent)
