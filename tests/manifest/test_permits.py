"""Which names of variables look like secrets, and which patterns allow them."""

from __future__ import annotations

import pytest

from otto_reconcile.manifest.permits import is_allowed, looks_secret

SECRET = """
ACCESSKEY ADMIN_PW API_KEY APIKEY AUTHORIZATION AWS_ACCESS_KEY_ID AZURE_STORAGE_SAS BASIC_AUTH
BEARER
CONN_STR DB_CREDENTIALS DB_DSN DB_PASS DB_PWD JWT MONGO_CONNECTIONSTRING MYSQLPASS NPM_TOKEN OAUTH_X
PASSWD PGPASSWORD PRIVATE_X SECRET SESSION SESSION_COOKIE SESSION_ID SIGNATURE SLACK_WEBHOOK
OTTO_PARLANT_HEADERS SSH_PASSPHRASE dbPwd sentryDsn
"""
PLAIN = """
AUTHOR AUTHORS BYPASS_X COMPASS DESIGN HOSTNAME INSIDE KEYBOARD KEYWORD MINISTRY MONKEY OLDPWD
PASSENGER_COUNT PHONE PWD SECRETARY SESSION_TIMEOUT SHOP_NAME SIDE TOKENIZER TURKEY
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_a_name_of_a_secret_is_known(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize("name", PLAIN.split())
def test_a_name_of_something_else_is_no_secret(name: str) -> None:
    assert not looks_secret(name)


def test_patterns_stand_with_spaces_or_commas_between() -> None:
    environ = {"OTTO_ALLOW_ENV": "SHOP_*, A_KEY  B_KEY"}
    allowed = [n for n in ("SHOP_KEY", "A_KEY", "B_KEY", "C_KEY") if is_allowed(n, environ)]
    assert allowed == ["SHOP_KEY", "A_KEY", "B_KEY"]
    assert not is_allowed("A_KEY", {})
