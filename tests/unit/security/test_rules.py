"""Every rule of the audit, with an example that keeps it and one that breaks it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fleetlib import security_audit
from fleetlib.core.security import (
    access,
    account,
    buckets,
    certificates,
    defender,
    firmware,
    policies,
    programs,
)
from fleetlib.core.security.access import Grants, Key, Role, User
from fleetlib.core.security.account import Logging, LogGroup, Trail
from fleetlib.core.security.buckets import PUBLIC_ACCESS_SWITCHES, Bucket
from fleetlib.core.security.firmware import AMAZON_ROOTS, Authority, Trust
from fleetlib.core.security.model import Limits, Unreadable, judge
from fleetlib.core.security.policies import IotPolicy
from fleetlib.core.security.programs import Program
from fleetlib.core.validation.registry import Fleet

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(NOW)
ARN = "arn:aws:iot:us-west-2:123456789012:"
OWN = "${iot:Connection.Thing.ThingName}"
LOOKS_LIKE_A_KEY = "AKIA" + "ABCDEFGHIJKLMNOP"  # in two parts, so that no scanner takes it for one


def ago(days):
    return NOW - timedelta(days=days)


def statement(effect, action, *resources, **more):
    named = [one if one == "*" else f"{ARN}{one}" for one in resources]
    return {"Effect": effect, "Action": action, "Resource": named, **more}


def iot_policy(*statements):
    return IotPolicy("p", json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


CONNECT = statement("Allow", "iot:Connect", f"client/{OWN}")
GOOD_POLICY = iot_policy(
    CONNECT,
    statement("Allow", "iot:Publish", f"topic/steel-data/{OWN}/*", f"topic/$aws/things/{OWN}/shadow/update"),
    statement("Allow", ["iot:Receive"], f"topic/steel-programs/{OWN}/*", "topic/steel-programs/broadcast/*"),
    statement("Allow", "iot:Subscribe", f"topicfilter/$aws/things/{OWN}/jobs/*"),
    statement("Deny", "iot:Subscribe", "topicfilter/steel-programs/broadcast/secret/*"),
)


def with_statement(*statements):
    return iot_policy(CONNECT, *statements)


def everybody(effect, **more):
    return json.dumps(
        {"Statement": [{"Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": "*", **more}]}
    )


NO_PLAIN_TEXT = everybody("Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})
GOOD_BUCKET = Bucket(
    "b",
    "aws:kms",
    "key/1",
    dict.fromkeys(PUBLIC_ACCESS_SWITCHES, True),
    NO_PLAIN_TEXT,
    "Enabled",
    "logs",
    "arn:aws:kms:us-west-2:123456789012:key/1",
)
GOOD_TRAIL = Trail("t", True, True, True, "key/1")
GOOD_USER = User("u", ago(400), True, ago(1), True, (Key(1, ago(30), ago(1)),))
ROOT_USER = User(access.ROOT, ago(400), True, ago(1), True)
GOOD_ROLE = Role("r", "/", ago(400), ago(1))
GOOD_GRANTS = Grants({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}})
AMAZON = Authority("CN=Amazon Root CA 1", next(iter(AMAZON_ROOTS)))
TEST_AUTHORITY = Authority("CN=test", "00" * 32)
RANDOM = "x9Qd2LmZr7TbV4kW0sYp"  # nobody's key

# Table → rule → (what keeps it, what breaks it, words of the evidence)
EXAMPLES = [
    (
        policies.TABLE,
        {
            "iot-policy-client-id": [
                (GOOD_POLICY, iot_policy(statement("Allow", "iot:Connect", "client/*")), "connect as *"),
                (GOOD_POLICY, iot_policy(statement("Allow", "iot:*", "*")), "connect as *"),
                (
                    GOOD_POLICY,
                    iot_policy(statement("Allow", "iot:Connect", "client/${iot:ClientId}")),
                    "ClientId",
                ),
                (
                    GOOD_POLICY,
                    iot_policy(statement("Allow", "iot:Connect", f"client/{OWN}*")),
                    "ThingName}*",
                ),
            ],
            "iot-policy-wildcard": [
                (GOOD_POLICY, with_statement(statement("Allow", "iot:Publish", "*")), "iot:Publish on *"),
                (GOOD_POLICY, with_statement(statement("Allow", "iot:Receive", "topic/*")), "iot:Receive"),
                (
                    GOOD_POLICY,
                    with_statement(statement("Allow", "iot:Publish", "topic/$aws/things/*/shadow/update")),
                    "$aws/things/*",
                ),
                (
                    GOOD_POLICY,
                    with_statement(statement("Allow", "iot:Subscribe", "topicfilter/$aws/things/*")),
                    "iot:Subscribe on $aws",
                ),
            ],
            "iot-policy-actions": [
                (GOOD_POLICY, iot_policy(statement("Allow", "iot:*", "topic/a")), "allows iot:*"),
                (GOOD_POLICY, iot_policy(statement("Allow", ["iot:Publish", "*"], "topic/a")), "allows *"),
            ],
            "iot-policy-other-devices": [
                (
                    GOOD_POLICY,
                    with_statement(statement("Allow", "iot:Publish", "topic/steel-data/*")),
                    "iot:Publish steel-data/another-device/values",
                ),
                (
                    iot_policy(statement("Deny", "iot:*", "*")),
                    with_statement(statement("Allow", "iot:Receive", "topic/steel-programs/*")),
                    "iot:Receive steel-programs/another-device/load",
                ),
            ],
            "iot-policy-mqtt-wildcard": [
                (
                    GOOD_POLICY,
                    with_statement(statement("Deny", "iot:Subscribe", "topicfilter/building/control/#")),
                    "building/control/#",
                ),
            ],
            "iot-policy-denial": [
                (
                    with_statement(
                        statement("Allow", "iot:Subscribe", "topicfilter/building/*"),
                        statement("Allow", "iot:Receive", "topic/building/*"),
                        statement("Deny", "iot:Subscribe", "topicfilter/building/control/*"),
                        statement("Deny", "iot:Receive", "topic/building/control/*"),
                    ),
                    with_statement(
                        statement("Allow", "iot:Subscribe", "topicfilter/building/*"),
                        statement("Allow", "iot:Receive", "topic/building/*"),
                        statement("Deny", "iot:Subscribe", "topicfilter/building/control/*"),
                    ),
                    "building/# brings it",
                ),
            ],
        },
    ),
    (
        buckets.TABLE,
        {
            "s3-public-access": [(GOOD_BUCKET, replace(GOOD_BUCKET, public_access={}), "BlockPublicAcls")],
            "s3-public-policy": [
                (GOOD_BUCKET, replace(GOOD_BUCKET, policy=everybody("Allow")), "allows everybody s3:*"),
            ],
            "s3-tls": [(GOOD_BUCKET, replace(GOOD_BUCKET, policy=""), "aws:SecureTransport")],
            "s3-encryption": [
                (GOOD_BUCKET, replace(GOOD_BUCKET, key="key/2"), "not with the fleet's key"),
                (replace(GOOD_BUCKET, wanted_key="", key=""), replace(GOOD_BUCKET, encryption=""), "no"),
            ],
            "s3-versioning": [(GOOD_BUCKET, replace(GOOD_BUCKET, versioning="Suspended"), "Suspended")],
            "s3-access-log": [
                (GOOD_BUCKET, replace(GOOD_BUCKET, log_bucket=""), "no access log"),
                (
                    replace(GOOD_BUCKET, log_bucket="", is_log_bucket=True),
                    replace(GOOD_BUCKET, log_bucket=""),
                    "",
                ),
            ],
        },
    ),
    (
        account.TRAILS,
        {
            "cloudtrail-on": [
                ((GOOD_TRAIL,), (), "no trail"),
                (
                    (replace(GOOD_TRAIL, is_logging=False), GOOD_TRAIL),
                    (replace(GOOD_TRAIL, is_logging=False),),
                    "off",
                ),
                ((GOOD_TRAIL,), (replace(GOOD_TRAIL, is_multi_region=False),), "one region only"),
            ]
        },
    ),
    (
        account.EACH_TRAIL,
        {
            "cloudtrail-validation": [(GOOD_TRAIL, replace(GOOD_TRAIL, is_validated=False), "not validated")],
            "cloudtrail-encryption": [(GOOD_TRAIL, replace(GOOD_TRAIL, key=""), "S3's own key")],
        },
    ),
    (
        account.IOT_LOGGING,
        {
            "iot-logging": [
                (Logging("WARN"), Logging(), "no log"),
                (Logging("ERROR"), Logging("ERROR", is_disabled=True), "no log"),
            ]
        },
    ),
    (
        account.LOG_GROUPS,
        {
            "log-retention": [
                (LogGroup(30), LogGroup(7), "7 days; 30 are needed"),
                (LogGroup(365), LogGroup(), "for ever"),
            ],
            "log-encryption": [(LogGroup(30, "key/1"), LogGroup(30), "No key")],
        },
    ),
    (account.KEYS, {"kms-rotation": [(True, False, "off")]}),
    (
        access.USERS,
        {
            "iam-root-mfa": [(ROOT_USER, replace(ROOT_USER, has_mfa=False), "no second factor")],
            "iam-root-key": [(ROOT_USER, replace(ROOT_USER, keys=GOOD_USER.keys), "access key")],
            "iam-user-mfa": [
                (GOOD_USER, replace(GOOD_USER, has_mfa=False), "password and no second factor"),
                (
                    replace(GOOD_USER, has_mfa=False, has_password=False),
                    replace(GOOD_USER, has_mfa=False),
                    "",
                ),
            ],
            "iam-old-key": [
                (GOOD_USER, replace(GOOD_USER, keys=(Key(2, ago(91), ago(1)),)), "Key 2 is 91 days old")
            ],
            "iam-unused-credentials": [
                (GOOD_USER, replace(GOOD_USER, password_used=ago(91)), "its password"),
                (GOOD_USER, replace(GOOD_USER, keys=(Key(1, ago(100), None),)), "key 1"),
                (ROOT_USER, replace(GOOD_USER, password_used=None), "its password"),
            ],
        },
    ),
    (
        access.ROLES,
        {
            "iam-unused-role": [
                (GOOD_ROLE, replace(GOOD_ROLE, used=ago(120)), "120 days ago"),
                (Role("new", "/", ago(3), None), replace(GOOD_ROLE, used=None), "no use"),
                (Role("aws", access.SERVICE_LINKED, ago(400)), replace(GOOD_ROLE, used=None), ""),
            ]
        },
    ),
    (
        access.GRANTS,
        {
            "iam-administrator": [
                (
                    GOOD_GRANTS,
                    Grants({"Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]}),
                    "Statement 1",
                ),
                (
                    Grants({"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}),
                    Grants({"Statement": {"Effect": "Allow", "Action": "*:*", "Resource": "*"}}),
                    "every action",
                ),
            ]
        },
    ),
    (
        firmware.TABLE,
        {
            "root-ca-missing": [
                (Trust([AMAZON]), Trust([TEST_AUTHORITY]), "CN=test"),
                (Trust([], is_program=True), Trust([TEST_AUTHORITY]), "it has none"),
            ],
            "root-ca-foreign": [(Trust([AMAZON]), Trust([AMAZON, TEST_AUTHORITY]), "CN=test (000000")],
        },
    ),
    (
        programs.TABLE,
        {
            "program-secret": [
                (Program('(log "info" "hello")'), Program(f'(define x "{LOOKS_LIKE_A_KEY}")'), "Line 1"),
                (
                    Program("; a comment"),
                    Program(f"\n; {LOOKS_LIKE_A_KEY}"),
                    "Line 2: this looks like an AWS",
                ),
            ],
            "program-possible-secret": [
                (
                    Program('(define wifi-password "?")'),
                    Program('(define wifi-password "hunter22")'),
                    "secret",
                ),
                (
                    Program('(publish "steel-data/device-001/Temperature2" 1)'),
                    Program(f'(connect "{RANDOM}")'),
                    "as random as a key",
                ),
            ],
        },
    ),
]
CASES = [
    pytest.param(table, name, *example, id=f"{name}-{number}")
    for table, rules in EXAMPLES
    for name, examples in rules.items()
    for number, example in enumerate(examples)
]


def of(table, name, subject):
    looks = {look.rule.id: look for look in judge(table, {"it": subject}, LIMITS)}
    return looks[name]


@pytest.mark.parametrize(("table", "name", "good", "bad", "words"), CASES)
def test_a_rule_passes_what_keeps_it_and_names_what_breaks_it(table, name, good, bad, words):
    assert of(table, name, good).findings == ()
    (finding,) = of(table, name, bad).findings
    assert words in finding.evidence
    assert finding.resource == "it"


def test_every_rule_has_an_example():
    with_example = {name for _, rules in EXAMPLES for name in rules}
    others = {rule.id for rule in (*certificates.RULES, *defender.RULES.values())}
    assert with_example | others == {rule.id for rule in security_audit.rules()}


def test_no_evidence_holds_a_secret():
    (found,) = of(programs.TABLE, "program-secret", Program(f'(define x "{LOOKS_LIKE_A_KEY}")')).findings
    assert found.evidence == "Line 1: this looks like an AWS access key."


def test_what_cannot_be_read_is_named_and_not_passed():
    unknown = statement("Allow", "iot:Connect", "client/a", Condition={"DateLessThan": {"aws:now": "x"}})
    look = of(policies.TABLE, "iot-policy-client-id", iot_policy(unknown))
    assert (look.looked_at, look.findings) == (0, ())
    assert "DateLessThan" in look.unchecked
    assert "encrypted NVS" in of(firmware.TABLE, "root-ca-missing", Trust([])).unchecked
    assert of(account.KEYS, "kms-rotation", Unreadable("no right.")).unchecked == "it: no right."
    assert {one.unchecked for one in judge(access.USERS, Unreadable("no right."), LIMITS)} == {"no right."}


FLEET = Fleet(
    {"a": "c1", "b": "c2"},
    {"c1": "ACTIVE", "c2": "ACTIVE"},
    {"c1": ago(10), "c2": ago(10)},
    {"c1", "c2"},
)


@pytest.mark.parametrize(
    ("name", "changes", "expires", "principals", "resource"),
    [
        ("certificate-shared", {"things": {"a": "c1", "b": "c1"}}, {}, {}, "cert/c1"),
        ("certificate-expiring", {}, {"a": NOW + timedelta(days=29)}, {}, "a"),
        ("certificate-old", {"created": {"c1": ago(10), "c2": ago(366)}}, {}, {}, "b"),
        ("certificate-missing", {"things": {"a": "c1", "b": ""}}, {}, {}, "b"),
        ("certificate-inactive", {"certificates": {"c1": "INACTIVE", "c2": "ACTIVE"}}, {}, {}, "a"),
        ("certificate-without-policy", {"policy_targets": {"c2"}}, {}, {}, "a"),
        ("certificate-orphan", {"things": {"a": "c1"}}, {}, {}, "cert/c2"),
        ("certificate-several", {}, {}, {"a": frozenset({"c1", "c9"}), "b": frozenset({"c2"})}, "a"),
    ],
)
def test_a_rule_about_certificates_names_the_device(name, changes, expires, principals, resource):
    def look(fleet, ends, tied):
        found = certificates.judge(fleet, ends, tied, LIMITS)
        return next(one for one in found if one.rule.id == name)

    later = {"a": NOW + timedelta(days=31), "b": NOW + timedelta(days=31)}
    own = {"a": frozenset({"c1"}), "b": frozenset({"c2"})}
    good = look(FLEET, later, own)
    assert (good.findings, good.unchecked) == ((), "")
    bad = look(replace(FLEET, **changes), {**later, **expires}, {**own, **principals})
    assert [one.resource for one in bad.findings] == [resource]


def test_every_rule_about_certificates_is_tried_above():
    tried = {
        mark.args[1][i][0]
        for mark in test_a_rule_about_certificates_names_the_device.pytestmark
        for i in range(8)
    }
    assert tried == {rule.id for rule in certificates.RULES}


def test_devices_that_were_left_out_are_counted():
    looks = {one.rule.id: one for one in certificates.judge(FLEET, {}, {"a": frozenset({"c1"})}, LIMITS)}
    assert looks["certificate-several"].unchecked == "1 of 2 devices were left out: each takes a call."
    assert looks["certificate-expiring"].unchecked.startswith("This control host has no copy of 2 of 2")


def test_what_device_defender_found_is_taken_over_and_what_it_left_out_is_said():
    audit = defender.Audit(
        {
            "CONFLICTING_CLIENT_IDS_CHECK": defender.Check("COMPLETED_NON_COMPLIANT", 7),
            "CA_CERTIFICATE_EXPIRING_CHECK": defender.Check("COMPLETED_COMPLIANT", 1),
            "CA_CERTIFICATE_KEY_QUALITY_CHECK": defender.Check("FAILED"),
        },
        [defender.Found("CONFLICTING_CLIENT_IDS_CHECK", "clientId x", "Two connections")],
    )
    looks = {one.rule.id: one for one in defender.judge(audit)}
    conflict = looks["defender-conflicting-client-ids"]
    assert (conflict.looked_at, [one.resource for one in conflict.findings]) == (7, ["clientId x"])
    assert looks["defender-ca-certificate-expiring"].unchecked == ""
    assert "FAILED" in looks["defender-ca-certificate-key-quality"].unchecked
    assert "does not make" in looks["defender-unauthenticated-cognito-role-overly-permissive"].unchecked
    assert all(one.unchecked for one in defender.judge(None))
    assert all(one.unchecked == "why" for one in defender.judge(Unreadable("why")))


REPORT = """user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_active,\
access_key_1_last_rotated,access_key_1_last_used_date,access_key_2_active,access_key_2_last_rotated
<root_account>,a,2020-01-01T00:00:00+00:00,not_supported,2026-02-01T00:00:00+00:00,true,false,N/A,N/A,false,N/A
ada,a,2020-01-01T00:00:00+00:00,true,no_information,false,true,2025-01-01T00:00:00Z,N/A,false,N/A
"""


def test_the_credential_report_is_read():
    users = access.users_of(REPORT)
    assert users[access.ROOT].has_mfa
    assert users["ada"] == User(
        "ada",
        datetime(2020, 1, 1, tzinfo=UTC),
        True,
        None,
        False,
        (Key(1, datetime(2025, 1, 1, tzinfo=UTC), None),),
    )


def test_policies_of_the_account_and_those_inside_roles_are_read():
    document = {"Statement": []}
    details = {
        "RoleDetailList": [
            {
                "RoleName": "fleet-x",
                "Path": "/p/",
                "RoleLastUsed": {"LastUsedDate": NOW},
                "RolePolicyList": [{"PolicyName": "in", "PolicyDocument": document}],
            },
            {"RoleName": "other"},
        ],
        "Policies": [
            {
                "PolicyName": "own",
                "PolicyVersionList": [
                    {"IsDefaultVersion": True, "Document": json.dumps(document)},
                    {"IsDefaultVersion": False, "Document": "{}"},
                ],
            }
        ],
    }
    assert set(access.grants_of(details)) == {"policy/own", "role/fleet-x/in"}
    assert access.roles_of(details, "fleet-") == {"role/fleet-x": Role("fleet-x", "/p/", None, NOW)}
