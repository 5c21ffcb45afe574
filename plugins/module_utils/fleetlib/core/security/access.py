"""Who may do what in the account: users, their keys and second factors, roles, policies of IAM.

Users come from the credential report (one call for all), roles and policies from the account's authorization
details (pages): nothing is asked user by user.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from .model import Limits, Rule, Severity, Source, Table, as_list

ROOT: Final = "<root_account>"
"""What the credential report calls the account's root user."""
SERVICE_LINKED: Final = "/aws-service-role/"
"""Path of roles that AWS makes and deletes itself."""


@dataclass(frozen=True)
class Key:
    """An access key that is active."""

    number: int
    made: datetime | None
    used: datetime | None


@dataclass(frozen=True)
class User:
    """A line of the credential report."""

    name: str
    created: datetime | None = None
    has_password: bool = False
    password_used: datetime | None = None
    has_mfa: bool = False
    keys: tuple[Key, ...] = ()

    @property
    def is_root(self) -> bool:
        """Whether it is the account's root user."""
        return self.name == ROOT


@dataclass(frozen=True)
class Role:
    """A role, and when somebody last worked with it."""

    name: str
    path: str = "/"
    created: datetime | None = None
    used: datetime | None = None
    """Nothing: not within the 400 days that AWS looks back on."""


@dataclass(frozen=True)
class Grants:
    """What a policy of the account, or one inside a role, a user or a group allows."""

    document: Mapping[str, Any]


def second_factor(user: User, _: Limits) -> str:
    """A password alone is not enough."""
    return "It has a password and no second factor." if user.has_password and not user.has_mfa else ""


def root_second_factor(user: User, _: Limits) -> str:
    """Root may do everything, so its password alone even less."""
    return "The root user has no second factor." if user.is_root and not user.has_mfa else ""


def root_without_keys(user: User, _: Limits) -> str:
    """What root's key may do, nobody can limit."""
    return "The root user has an access key." if user.is_root and user.keys else ""


def young_keys(user: User, limits: Limits) -> str:
    """A key that was never changed was seen by more people than anybody knows."""
    old = [
        f"key {key.number} is {limits.days_since(key.made):.0f} days old"
        for key in user.keys
        if key.made and limits.days_since(key.made) > limits.access_key_days
    ]
    return f"{', '.join(old).capitalize()}." if old else ""


def used_lately(user: User, limits: Limits) -> str:
    """Credentials that nobody needs are only of use to somebody else."""
    idle = [
        f"key {key.number}" for key in user.keys if _is_idle(key.used or key.made or user.created, limits)
    ]
    if user.has_password and not user.is_root and _is_idle(user.password_used or user.created, limits):
        idle.insert(0, "its password")
    return f"Not used for {limits.unused_days:g} days: {', '.join(idle)}." if idle else ""


def role_used_lately(role: Role, limits: Limits) -> str:
    """A role that nobody works with is a right that nobody watches."""
    if role.path.startswith(SERVICE_LINKED) or not _is_idle(role.used or role.created, limits):
        return ""
    if role.used is None:
        return "AWS knows of no use."
    return f"Last used {limits.days_since(role.used):.0f} days ago."


def names_something(grants: Grants, _: Limits) -> str:
    """``*`` on ``*`` is an administrator, whatever the policy is called."""
    for number, statement in enumerate(as_list(grants.document.get("Statement")), 1):
        if (
            statement.get("Effect") == "Allow"
            and any(action in ("*", "*:*") for action in as_list(statement.get("Action")))
            and "*" in as_list(statement.get("Resource"))
            and not statement.get("Condition")
        ):
            return f"Statement {number} allows every action on every resource."
    return ""


def users_of(report: str) -> dict[str, User]:
    """The users of a credential report (CSV) by name."""
    return {row["user"]: _user(row) for row in csv.DictReader(io.StringIO(report))}


def roles_of(details: Mapping[str, Any], name_prefix: str) -> dict[str, Role]:
    """The roles of the authorization details whose names begin with ``name_prefix``."""
    return {
        f"role/{one['RoleName']}": Role(
            one["RoleName"],
            one.get("Path", "/"),
            one.get("CreateDate"),
            one.get("RoleLastUsed", {}).get("LastUsedDate"),
        )
        for one in details.get("RoleDetailList", ())
        if one["RoleName"].startswith(name_prefix)
    }


def grants_of(details: Mapping[str, Any]) -> dict[str, Grants]:
    """Every policy of the authorization details: the account's own, and those inside users, groups, roles."""
    found = {}
    for one in details.get("Policies", ()):
        for version in one.get("PolicyVersionList", ()):
            if version.get("IsDefaultVersion"):
                found[f"policy/{one['PolicyName']}"] = Grants(_document(version["Document"]))
    for kind, name, inline in _INLINE:
        for one in details.get(f"{kind}DetailList", ()):
            for policy in one.get(inline, ()):
                resource = f"{kind.lower()}/{one[name]}/{policy['PolicyName']}"
                found[resource] = Grants(_document(policy["PolicyDocument"]))
    return found


_INLINE: Final = (
    ("User", "UserName", "UserPolicyList"),
    ("Group", "GroupName", "GroupPolicyList"),
    ("Role", "RoleName", "RolePolicyList"),
)


def _document(raw: Any) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads(raw) if isinstance(raw, str) else raw
    return read


def _user(row: Mapping[str, str]) -> User:
    return User(
        row["user"],
        _moment(row.get("user_creation_time")),
        row.get("password_enabled") == "true",
        _moment(row.get("password_last_used")),
        row.get("mfa_active") == "true",
        tuple(_keys(row)),
    )


def _keys(row: Mapping[str, str]) -> Iterator[Key]:
    for number in (1, 2):
        if row.get(f"access_key_{number}_active") == "true":
            made = _moment(row.get(f"access_key_{number}_last_rotated"))
            yield Key(number, made, _moment(row.get(f"access_key_{number}_last_used_date")))


def _moment(text: str | None) -> datetime | None:
    """A time of the report; it writes N/A, no_information and not_supported where there is none."""
    return datetime.fromisoformat(text) if text and text[:1].isdigit() else None


def _is_idle(last: datetime | None, limits: Limits) -> bool:
    return last is not None and limits.days_since(last) > limits.unused_days


def _hub(control: str) -> Source:
    guide = "https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html"
    return Source(f"AWS Security Hub {control}", f"{guide}#{control.lower().replace('.', '-')}")


USERS: Final[Table[User]] = (
    (
        Rule(
            "iam-root-mfa",
            Severity.CRITICAL,
            "The root user has a second factor",
            "Console, as root: Security credentials, Assign MFA device",
            _hub("IAM.9"),
        ),
        root_second_factor,
    ),
    (
        Rule(
            "iam-root-key",
            Severity.CRITICAL,
            "The root user has no access key",
            "Console, as root: Security credentials, delete the access key",
            _hub("IAM.4"),
        ),
        root_without_keys,
    ),
    (
        Rule(
            "iam-user-mfa",
            Severity.MEDIUM,
            "Users with a password have a second factor",
            "aws iam enable-mfa-device --user-name USER, or aws iam delete-login-profile --user-name USER",
            _hub("IAM.5"),
        ),
        second_factor,
    ),
    (
        Rule(
            "iam-old-key",
            Severity.MEDIUM,
            "Access keys are changed every 90 days",
            "aws iam create-access-key --user-name USER, use it, then delete-access-key for the old one",
            _hub("IAM.3"),
        ),
        young_keys,
    ),
    (
        Rule(
            "iam-unused-credentials",
            Severity.MEDIUM,
            "Credentials of users are in use",
            "aws iam update-access-key --status Inactive, aws iam delete-login-profile --user-name USER",
            _hub("IAM.8"),
        ),
        used_lately,
    ),
)
ROLES: Final[Table[Role]] = (
    (
        Rule(
            "iam-unused-role",
            Severity.LOW,
            "Roles of the fleet are in use",
            "Leave out the stack that makes it, or aws iam delete-role --role-name ROLE",
            Source(
                "IAM, Security best practices: remove unused users, roles, permissions",
                "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
            ),
        ),
        role_used_lately,
    ),
)
GRANTS: Final[Table[Grants]] = (
    (
        Rule(
            "iam-administrator",
            Severity.HIGH,
            "No policy allows every action on every resource",
            "Name actions and resources: aws iam create-policy-version --set-as-default --policy-arn POLICY",
            _hub("IAM.1"),
        ),
        names_something,
    ),
)
