"""Reads files of the service with Python's csv, gzip, openpyxl and pyarrow, and compares them with its JSON.

Each format of a report by time and of a breakdown has to hold the JSON's values to the last digit: groups or buckets, then
`other`, then `total`. So has each format of the calls themselves. Times of workbooks are those of the zone asked for, and of UTC
beside it.

    file_checks.py URL TOKEN ACCOUNT FROM
"""

import csv
import datetime
import decimal
import gzip
import io
import json
import sys
import urllib.parse
import urllib.request
import zoneinfo

import openpyxl
import pyarrow
import pyarrow.ipc
import pyarrow.parquet

API = "/api/rest/customer/v1/"
ZONE = "Europe/Kyiv"
TEXT = ("s", "inlineStr")
MEASURES = "total_calls,asr,acd,total_duration,total_price,price_per_minute,pdd_p95,first_call,last_call,share"


# Columns of raw CDRs, and what they hold.
CDRS = {
    "id": "id",
    "time_start": "time",
    "time_connect": "time",
    "duration": "count",
    "success": "flag",
    "src_prefix_in": "text",
    "dst_prefix_routing": "text",
    "dst_country_id": "code",
    "destination_prefix": "text",
    "destination_next_rate": "decimal",
    "customer_price": "decimal",
    "customer_price_no_vat": "decimal",
    "pdd": "decimal",
    "lega_q850_cause": "code",
}


class Service:
    def __init__(self, url, token, account):
        self.url, self.token, self.account = url, token, account

    def ask(self, report, **parameters):
        query = urllib.parse.urlencode({"account-id": self.account} | parameters)
        request = urllib.request.Request(f"{self.url}{API}{report}?{query}", headers={"Authorization": self.token})
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.read()


def rows_of(answer, word):
    """The rows of JSON columns as files have them, with the column `row`."""
    names = list(answer["data"])
    rows = [[word, *values] for values in zip(*answer["data"].values())]
    for key, what in (("other", "other"), ("totals", "total")):
        if answer.get(key):
            rows.append([what, *(None if name == "t" else answer[key][name] for name in names)])
    return ["row", *names], rows


def equal(found, wanted, where):
    if found != wanted:
        raise SystemExit(f"file-checks: {where}: {found!r} and not {wanted!r}")


def check_csv(text, heading, rows, where, separator=",", decimal_mark="."):
    table = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    equal(table[0], heading, where)
    equal(len(table) - 1, len(rows), f"{where}: rows")
    for line, row in zip(table[1:], rows):
        for name, field, value in zip(heading, line, row):
            if value is None:
                wanted = ""
            elif isinstance(value, bool):
                wanted = "true" if value else "false"
            elif is_number(value) and name not in ("row", "dst_country", "dst_country_iso", "destination_prefix"):
                wanted = str(value).replace(".", decimal_mark)
            else:
                wanted = value
            equal(field, wanted, f"{where}: {name}")


def is_number(value):
    return not isinstance(value, bool) and isinstance(value, (int, float)) or value.replace(".", "").lstrip("-").isdigit()


def check_ndjson(text, heading, rows, where):
    lines = [json.loads(line, parse_float=decimal.Decimal) for line in text.splitlines()]
    equal(len(lines), len(rows), f"{where}: rows")
    for line, row in zip(lines, rows):
        equal(list(line), heading, where)
        for name, value in zip(heading, row):
            found = line[name]
            equal(str(found) if isinstance(found, decimal.Decimal) else found, value, f"{where}: {name}")


def check_xlsx(data, heading, rows, compare, where):
    book = openpyxl.load_workbook(io.BytesIO(data))
    equal(book.sheetnames, ["Data", "Query"], where)
    sheet = book["Data"]
    equal((sheet.freeze_panes, sheet.auto_filter.ref), ("A2", sheet.dimensions), f"{where}: head")
    titles = [cell.value for cell in sheet[1]]
    equal(sheet.max_row - 1, len(rows), f"{where}: rows")
    for line, row in zip(sheet.iter_rows(min_row=2), rows):
        cells = dict(zip(titles, line))
        for name, value in zip(heading, row):
            if f"{name} (UTC)" in cells:
                check_times(cells, name, value, where)
                continue
            cell = cells[name]
            place = f"{where}: {name} in {cell.coordinate}"
            if value is None:
                equal(cell.value, None, place)
            elif cell.data_type in TEXT:
                equal(cell.value, str(value), place)
            elif cell.data_type == "b":
                equal(cell.value, value, place)
            else:
                equal(cell.data_type, "n", place)
                equal(decimal.Decimal(repr(cell.value)), decimal.Decimal(str(value)), place)
            if name.endswith("_id") and value is not None:
                equal(cell.data_type in TEXT, True, f"{place}: an id is text")
    query = {row[0].value: row[1].value for row in book["Query"].iter_rows()}
    equal(query["time zone"], ZONE, f"{where}: zone")
    equal("format=xlsx" in query["url"], True, f"{where}: url")
    if compare:
        equal([instant(query[f"compared {end}"]) for end in ("from", "to")], list(compare.values()), f"{where}: compare")


def instant(text):
    """Epoch seconds of a time with its offset in hours."""
    return int(datetime.datetime.strptime(f"{text}00", "%Y-%m-%d %H:%M:%S %z").timestamp())


def check_times(cells, name, value, where):
    local, utc = cells[f"{name} ({ZONE})"].value, cells[f"{name} (UTC)"].value
    if value is None:
        return equal((local, utc), (None, None), f"{where}: {name}")
    instant = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
    equal(utc, instant.replace(tzinfo=None), f"{where}: {name} in UTC")
    equal(local, instant.astimezone(zoneinfo.ZoneInfo(ZONE)).replace(tzinfo=None), f"{where}: {name} of the zone")


def check_cdrs(service, window):
    """The calls themselves: every format has the values of the pages of JSON."""
    ask = lambda **more: service.ask("origination-cdrs", **(window | {"columns": ",".join(CDRS)} | more))
    pages, cursor = [], {}
    while True:
        page = json.loads(ask(limit="50", format="columns", **cursor))
        pages += zip(*(page["data"][name] for name in CDRS))
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    if len(pages) < 51:
        raise SystemExit(f"file-checks: {len(pages)} CDRs are one page")
    zstd = lambda data: pyarrow.input_stream(pyarrow.py_buffer(data), compression="zstd").read()
    for name, unpack in (("csv", bytes), ("csv.gz", gzip.decompress), ("csv.zst", zstd)):
        check_csv_of_cdrs(unpack(ask(format=name)).decode(), pages, f"CDRs as {name}")
    lines = [json.loads(line) for line in ask(format="ndjson").decode().splitlines()]
    equal([tuple(line[name] for name in CDRS) for line in lines], pages, "CDRs as lines of JSON")
    check_arrow(pyarrow.parquet.read_table(io.BytesIO(ask(format="parquet"))), pages, "CDRs as Parquet")
    check_arrow(pyarrow.ipc.open_file(pyarrow.py_buffer(ask(format="arrow"))).read_all(), pages, "CDRs as Arrow")
    check_workbook_of_cdrs(ask(format="xlsx"), pages, "CDRs as a workbook")
    print(f"file-checks: {len(pages)} CDRs of {len(CDRS)} columns are the same in every format")


def check_csv_of_cdrs(text, rows, where):
    table = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    equal(table[0], list(CDRS), where)
    words = {None: "", True: "true", False: "false"}
    wanted = [[words[value] if value is None or isinstance(value, bool) else str(value) for value in row] for row in rows]
    equal(table[1:], wanted, where)


def check_arrow(table, rows, where):
    equal(table.column_names, list(CDRS), where)
    equal(table.num_rows, len(rows), f"{where}: rows")
    found = zip(*(table.column(name).to_pylist() for name in CDRS))
    for place, (line, row) in enumerate(zip(found, rows)):
        for (name, kind), value, wanted in zip(CDRS.items(), line, row):
            if wanted is not None:
                wanted = {"id": int, "decimal": decimal.Decimal, "time": datetime.datetime.fromisoformat}.get(kind, lambda same: same)(wanted)
            if kind == "time" and value is not None and value.tzinfo is None:
                value = value.replace(tzinfo=datetime.timezone.utc)
            equal(value, wanted, f"{where}: {name} of row {place}")


def check_workbook_of_cdrs(data, rows, where):
    sheet = openpyxl.load_workbook(io.BytesIO(data), read_only=True)["Data"]
    lines = sheet.iter_rows()
    titles = [cell.value for cell in next(lines)]
    count = 0
    for line, row in zip(lines, rows):
        count += 1
        cells = dict(zip(titles, line))
        for (name, kind), value in zip(CDRS.items(), row):
            place = f"{where}: {name} of row {count}"
            if kind == "time":
                check_times(cells, name, value and int(datetime.datetime.fromisoformat(value).timestamp()), place)
            elif value is None or value == "":
                equal(cells[name].value, None, place)
            elif kind in ("decimal", "count"):
                equal(decimal.Decimal(repr(cells[name].value)), decimal.Decimal(str(value)), place)
            else:
                equal(cells[name].value, value if kind == "flag" else str(value), place)
    equal((count, next(lines, None)), (len(rows), None), f"{where}: rows")


def main():
    url, token, account, start = sys.argv[1:]
    service = Service(url, token, account)
    window = {"from-time": start, "to-time": str(int(start) + 2 * 86_400 - 1), "time-zone": ZONE}
    questions = [
        ("origination-statistics", window | {"sampling": "hour", "fill": "true"}, "bucket"),
        ("origination-statistics", window | {"sampling": "day", "compare": "week"}, "bucket"),
        (
            "origination-breakdown",
            window | {"group-by": "dst-country,destination-prefix,answered", "measures": MEASURES, "limit": "50", "decimals": "6"},
            "group",
        ),
        ("origination-breakdown", window | {"group-by": "t,q850-cause", "sampling": "day", "compare": "day"}, "group"),
    ]
    for report, question, word in questions:
        ask = lambda **more: service.ask(report, **(question | more))
        answer = json.loads(ask())
        heading, rows = rows_of(answer, word)
        if len(rows) < 3:
            raise SystemExit(f"file-checks: {report} has {len(rows)} rows")
        check_csv(ask(format="csv").decode(), heading, rows, f"{report} as CSV")
        check_csv(gzip.decompress(ask(format="csv.gz")).decode(), heading, rows, f"{report} as CSV in gzip")
        excel = ask(format="csv", **{"csv-separator": "semicolon", "csv-decimal": "comma", "csv-bom": "true"})
        check_csv(excel.decode("utf-8-sig"), heading, rows, f"{report} as CSV of Excel", ";", ",")
        check_ndjson(ask(format="ndjson").decode(), heading, rows, f"{report} as lines of JSON")
        check_xlsx(ask(format="xlsx"), heading, rows, answer.get("compare"), f"{report} as a workbook")
        print(f"file-checks: {report}: {len(rows)} rows of {len(heading)} columns are the same in every format")
    check_cdrs(service, window)


if __name__ == "__main__":
    main()
