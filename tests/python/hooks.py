"""What the API's document cannot say, for schemathesis.

A schema says how a value is written. That an account or a login has to exist, that to-time is not before from-time and that only so
many buckets fit stands in descriptions, so whatever value of the right form was generated gives way to one that holds,
in each of the ways to write it. Values of a wrong form stay: they are to be refused.
"""

import datetime
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
import zlib

import schemathesis

ACCOUNT = os.environ["ACCOUNT"]


def accounts():
    """The account, in the four ways to write a UUID."""
    return [ACCOUNT, ACCOUNT.upper(), ACCOUNT.replace("-", ""), "{" + ACCOUNT + "}"]


def instants(days):
    """A midnight: the window from today's to tomorrow's is short enough for every sampling."""
    day = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day += datetime.timedelta(days=days)
    seconds, date = int(day.timestamp()), f"{day:%Y-%m-%d}"
    return [
        date,
        f"{date} 00:00",
        f"{date}T00:00:00",
        f"{date}t00:00:00.000000000000z",
        f"{date}T02:30:00.5+02:30",
        f"{date} 00:00:00-00:00",
        f"{seconds}",
        f"{seconds}000",
    ]


def replacements():
    """By parameter: the form, and the values that hold."""
    instant = re.compile(r"[0-9]{10}|[0-9]{13}|[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?")
    return {
        "account-id": (re.compile(r"\{?[0-9A-Fa-f-]{32,36}\}?"), accounts()),
        "from-time": (instant, instants(0)),
        "to-time": (instant, instants(1)),
        "time-zone": (
            re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*"),
            ["UTC", "Europe/Kyiv", "America/New_York", "Asia/Kathmandu", "Etc/GMT+12", "America/Argentina/Salta"],
        ),
    }


def is_login(body):
    """Whether a body says a login and a password."""
    auth = body.get("auth") if isinstance(body, dict) else None
    return isinstance(auth, dict) and all(isinstance(auth.get(name), str) for name in ("login", "password"))


FORMATS = ["columns", "rows", "ndjson", "csv", "csv.gz", "csv.zst", "xlsx", "parquet", "arrow"]


def fit_format(query):
    """Some parameters say something about some formats alone: a format that is none of those gives way to one that is."""
    of_csv = any(name == "totals" or name.startswith("csv-") for name in query)
    form = query.get("format", "columns")
    if form in FORMATS and "numbers" in query:
        if of_csv:
            del query["numbers"]
        elif form not in ("columns", "rows", "ndjson"):
            query["format"] = "ndjson"
            return
    if form in FORMATS and (of_csv and not form.startswith("csv") or "t-unit" in query and form == "xlsx"):
        query["format"] = "csv"


MOST_CDRS = 10_000


def fit_page(case):
    """A page is shorter than a file may be, and a cursor is one that a page has given for the same question."""
    query = case.query
    limit = str(query.get("limit", ""))
    if query.get("format", "columns") in ("columns", "rows") and re.fullmatch("[0-9]+", limit) and int(limit) > MOST_CDRS:
        query["limit"] = MOST_CDRS
    if re.fullmatch("([0-9a-fA-F]{2})+", str(query.get("cursor", ""))):
        cursor = real_cursor(case)
        if cursor:
            query["cursor"] = cursor
        else:
            del query["cursor"]


CURSORS = {}


def real_cursor(case):
    """The cursor behind the first CDR of the same question; None where it has no second, or is none."""
    others = ("cursor", "limit", "format", "numbers")
    pairs = {name: value for name, value in case.query.items() if name not in others and not name.startswith("csv-")}
    pairs = {name: ",".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in pairs.items()}
    url = f"{os.environ['API_URL']}{case.path}?{urllib.parse.urlencode(pairs | {'limit': '1'})}"
    if url not in CURSORS:
        request = urllib.request.Request(url, headers={"Authorization": os.environ["API_TOKEN"]})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                CURSORS[url] = json.load(response)["next"]
        except (urllib.error.HTTPError, UnicodeError, ValueError):
            CURSORS[url] = None
    return CURSORS[url]


@schemathesis.hook
def before_call(context, case, kwargs):
    """Puts values that hold in the place of values that are only well written."""
    if is_login(case.body):
        case.body["auth"].update(login=os.environ["LOGIN"], password=os.environ["PASSWORD"])
    if case.query:
        fit_format(case.query)
    for name, (form, values) in replacements().items():
        text = (case.query or {}).get(name)
        if isinstance(text, str) and text and all(form.fullmatch(one) for one in text.split(",")):
            case.query[name] = values[zlib.crc32(text.encode()) % len(values)]
        elif isinstance(text, list) and text and all(isinstance(one, str) and form.fullmatch(one) for one in text):
            case.query[name] = [values[zlib.crc32(one.encode()) % len(values)] for one in text]
    if case.query and case.path.endswith("cdrs"):
        fit_page(case)


# A longer URL is no request, as the document says at its head: no header and no body answers it.
LONGEST_URL = 65534


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """A status has one description; neither a URL that is too long nor the 201 whose token went into the cookie has a body."""
    if response.status_code == 400 and not response.content and len(response.request.url) > LONGEST_URL:
        return failure.title not in (
            "Missing Content-Type header",
            "Missing required response headers",
            "JSON deserialization error",
        )
    went_into_cookie = response.status_code == 201 and not response.content and "set-cookie" in response.headers
    return not (went_into_cookie and failure.title in ("Missing Content-Type header", "JSON deserialization error"))
