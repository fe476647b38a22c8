"""Loads files that Python wrote and compares what the table holds with what was meant.

Random rows go through each format by an independent writer: Python's csv and json, its own rules for TSV, pyarrow for Parquet.
Read back, every value has to be equal. Then one field of each row is damaged at random: the row has to be rejected, or to hold
what Python reads in that field, never another value.

    load_checks.py PROGRAM FOLDER [SEED]
"""

import csv
import datetime
import decimal
import gzip
import io
import json
import os
import random
import re
import struct
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid

import pyarrow
import pyarrow.parquet

ROWS = 300
UTC = datetime.timezone.utc
# Rows of a file have their ids from here on.
SPAN = 1_000_000


class Engine:
    """The embedded engine alone, and the program over it."""

    def __init__(self, program, folder):
        self.program, data = program, os.path.join(folder, "data")
        self.process = subprocess.Popen(
            [program, "engine", "--engine-data-dir", data], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        if "engine at" not in self.process.stdout.readline():
            sys.exit("load-checks: the engine did not start")
        with open(os.path.join(data, "access.json"), encoding="utf-8") as file:
            access = json.load(file)
        self.url, self.login = access["url"], access["admin"]
        self.run("migrate")

    def run(self, *words):
        """The program with the engine's address; gives what it did."""
        settings = {
            "CDRSCOPE_CLICKHOUSE_URL": self.url,
            "CDRSCOPE_CLICKHOUSE_USER": self.login["user"],
            "CDRSCOPE_CLICKHOUSE_PASSWORD": self.login["password"],
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CDRSCOPE_")} | settings
        return subprocess.run([self.program, *words], env=environment, capture_output=True, text=True, timeout=300)

    def rows(self, sql):
        """The rows of a statement, every number as it was written."""
        query = urllib.parse.urlencode(
            {"database": "cdrscope", "default_format": "JSONEachRow", "output_format_json_quote_64bit_integers": 1,
             "output_format_json_quote_decimals": 1}
        )
        headers = {"X-ClickHouse-User": self.login["user"], "X-ClickHouse-Key": self.login["password"]}
        request = urllib.request.Request(f"{self.url}/?{query}", data=sql.encode(), headers=headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return [json.loads(line, parse_float=str) for line in reply.read().decode().splitlines()]

    def stop(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait(30)


class Kind:
    """A type of the table: values, how a file spells them, and what a text means."""

    def __init__(self, name):
        self.null = name.startswith("Nullable(")
        self.name = re.sub(r"^(Nullable|LowCardinality)\((.*)\)$", r"\2", name)
        whole = re.fullmatch(r"(U?)Int(\d+)", self.name)
        self.bounds = None
        if whole:
            bits = int(whole[2])
            self.bounds = (0, 2**bits - 1) if whole[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    def value(self, chance):
        """A random value, the edges often."""
        if self.null and chance.random() < 0.3:
            return None
        if self.name == "UInt8":
            # All of them are flags, of which another number is rejected.
            return chance.choice([0, 1])
        if self.bounds:
            low, high = self.bounds
            return chance.choice([low, high, 0, 1, chance.randint(low, high), chance.randint(max(low, -999), min(high, 999))])
        if self.name.startswith("Decimal"):
            most = chance.choice([10**18 - 1, 10**7, 1])
            return decimal.Decimal(chance.randint(-most, most)).scaleb(-6)
        if self.name.startswith("Float"):
            number = chance.choice([0.0, -1.5, chance.uniform(-1e6, 1e6), chance.uniform(0, 1), 1e300 if "64" in self.name else 1e30])
            return struct.unpack("f", struct.pack("f", number))[0] if "32" in self.name else number
        if self.name.startswith("DateTime"):
            # Few months: each is a partition with parts of its own.
            low, high = chance.choice([(631_152_000, 4_000_000_000)] + [(1_775_000_000, 1_785_000_000)] * 49)
            return datetime.datetime.fromtimestamp(chance.randint(low, high), UTC)
        if self.name == "UUID":
            return uuid.UUID(int=chance.getrandbits(128))
        if self.name.startswith("Array"):
            return [chance.randint(-32768, 32767) for _ in range(chance.randint(0, 4))]
        marks = "ab 0,;'\"\\\t\n\r|{}[]éЖ漢😀%_N-+"
        text = "".join(chance.choice(marks) for _ in range(chance.randint(0, 12)))
        return "x" if text.strip() == "\\N" else text

    def stored(self, value):
        """A value of JSON that came back, as one of ours."""
        if value is None:
            return None
        if self.bounds:
            return int(value)
        if self.name.startswith("Decimal"):
            return decimal.Decimal(str(value))
        if self.name.startswith("Float"):
            number = float(value)
            return struct.unpack("f", struct.pack("f", number))[0] if "32" in self.name else number
        if self.name.startswith("DateTime"):
            return datetime.datetime.fromisoformat(value).replace(tzinfo=UTC)
        if self.name == "UUID":
            return uuid.UUID(value)
        return value

    def spelled(self, value):
        """Text of a field."""
        if value is None:
            return ""
        if isinstance(value, datetime.datetime):
            return value.strftime("%Y-%m-%d %H:%M:%S")
        if isinstance(value, list):
            return "[" + ",".join(map(str, value)) + "]"
        if isinstance(value, float):
            return repr(value)
        if isinstance(value, decimal.Decimal):
            return f"{value:f}"
        return str(value)

    def meant(self, text):
        """Every value that a person could read in a damaged text; none if it makes no sense."""
        if not self.bounds and self.name in ("String",):
            return [text]
        bare = text.strip()
        if bare in ("", "\\N"):
            return [None, 0, 0.0, decimal.Decimal(0), [], uuid.UUID(int=0)]
        found = []
        if self.name.startswith("DateTime"):
            if re.fullmatch(r"[+-]?[\d.]+(e\d+)?", bare, re.I):
                number = decimal.Decimal(bare) if re.fullmatch(r"[+-]?\d*\.?\d*(e\d+)?", bare, re.I) and re.search(r"\d", bare) else None
                if number is not None:
                    found += [moment(number / 10**power) for power in (0, 3, 6, 9)]
                    found += [None] if number == 0 else []
            try:
                read = datetime.datetime.fromisoformat(bare)
                found.append((read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0))
            except ValueError:
                pass
            return found
        if self.name == "UUID":
            try:
                found.append(uuid.UUID(bare))
            except ValueError:
                pass
            return found
        if self.name.startswith("Array"):
            inner = bare[1:-1].strip() if bare[:1] + bare[-1:] in ("[]", "{}") else None
            if inner is not None:
                try:
                    ones = [decimal.Decimal(one) for one in inner.split(",")] if inner else []
                    found.append([int(one) for one in ones if one == one.to_integral_value()])
                except decimal.InvalidOperation:
                    pass
            return found
        words = {"t": 1, "true": 1, "y": 1, "yes": 1, "f": 0, "false": 0, "n": 0, "no": 0}
        if self.bounds and bare.lower() in words:
            found.append(words[bare.lower()])
        try:
            number = decimal.Decimal(bare)
        except decimal.InvalidOperation:
            return found
        if not number.is_finite() or "_" in bare:
            return found
        if self.bounds:
            return found + ([int(number)] if number == number.to_integral_value() else [])
        if self.name.startswith("Float"):
            wide = float(number)
            return found + [struct.unpack("f", struct.pack("f", wide))[0] if "32" in self.name and abs(wide) < 3.4e38 else wide]
        return found + [number.quantize(decimal.Decimal("0.000001"), decimal.ROUND_HALF_UP)]


def moment(seconds):
    """A moment of so many seconds, where there is one."""
    try:
        return datetime.datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError):
        return "no moment"


def as_csv(columns, rows):
    """Python's csv."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def as_tsv(columns, rows):
    """Tabs, with backslashes before what would end a field or a line."""
    marks = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
    lines = [columns, *([re.sub(r"[\\\t\n\r]", lambda mark: marks[mark[0]], text) for text in row] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def plain(value):
    """A value as JSON has it."""
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value) if isinstance(value, (uuid.UUID, decimal.Decimal)) else value


def as_parquet(path, columns, kinds, rows):
    """Typed columns of pyarrow."""
    types = {"UInt8": "uint8", "UInt16": "uint16", "UInt32": "uint32", "UInt64": "uint64", "Int16": "int16", "Int32": "int32",
             "Int64": "int64", "Float32": "float32", "Float64": "float64", "String": "string", "Date": "date32"}

    def column(kind, values):
        if kind.name.startswith("DateTime"):
            return pyarrow.array(values, pyarrow.timestamp("us", tz="UTC"))
        if kind.name.startswith("Decimal"):
            return pyarrow.array(values, pyarrow.decimal128(18, 6))
        if kind.name.startswith("Array"):
            return pyarrow.array(values, pyarrow.list_(pyarrow.int16()))
        if kind.name == "UUID":
            return pyarrow.array([str(value) for value in values], pyarrow.string())
        return pyarrow.array(values, getattr(pyarrow, types[kind.name])())

    arrays = [column(kind, [row[place] for row in rows]) for place, kind in enumerate(kinds)]
    pyarrow.parquet.write_table(pyarrow.table(arrays, names=columns), path)


def damaged(text, chance):
    """A text with something wrong in it."""
    place = chance.randint(0, len(text))
    mark = chance.choice("0123456789.,-+eE :/TZxNat\\'\"[]{}")
    return chance.choice(
        [text[:place] + mark + text[place:], text[:place] + text[place + 1 :], text[:place] + mark + text[place + 1 :],
         text * 2, text[::-1], mark, text + " " + mark]
    )


def check(engine, folder, seed):
    """Every format in turn; gives the exit code."""
    chance = random.Random(seed)
    faults = 0

    def fault(text):
        nonlocal faults
        faults += 1
        if faults <= 20:
            print(f"load-checks: {text}", file=sys.stderr)

    described = engine.rows("SELECT name, type FROM system.columns WHERE database = 'cdrscope' AND table = 'cdrs' AND "
                            "default_kind = '' ORDER BY position")
    columns, kinds = [row["name"] for row in described], [Kind(row["type"]) for row in described]
    places = {name: place for place, name in enumerate(columns)}

    def made(first):
        rows = []
        for number in range(ROWS):
            row = [kind.value(chance) for kind in kinds]
            row[places["id"]] = first + number
            rows.append(row)
        return rows

    def held(first):
        found = engine.rows(f"SELECT {', '.join(columns)} FROM cdrs WHERE id >= {first} AND id < {first + SPAN} ORDER BY id")
        return {int(row["id"]): [kind.stored(row[name]) for name, kind in zip(columns, kinds)] for row in found}

    def write(form, name, rows):
        texts = [[kind.spelled(value) for kind, value in zip(kinds, row)] for row in rows]
        path = os.path.join(folder, name)
        if form == "parquet":
            as_parquet(path, columns, kinds, rows)
            return path
        if form == "csv":
            text = as_csv(columns, texts)
        elif form == "tsv":
            text = as_tsv(columns, texts)
        else:
            objects = [dict(zip(columns, map(plain, row))) for row in rows]
            text = json.dumps(objects, indent=1) if form == "json" else "".join(
                json.dumps(one, ensure_ascii=chance.random() < 0.5) + "\n" for one in objects
            )
        with gzip.open(path, "wb") if name.endswith(".gz") else open(path, "wb") as file:
            file.write(text.encode())
        return path

    names = [("csv", "a.csv"), ("csv", "b.csv.gz"), ("tsv", "a.tsv"), ("jsonl", "a.jsonl"), ("json", "a.json"), ("parquet", "a.parquet")]
    for turn, (form, name) in enumerate(names, 1):
        first = turn * SPAN
        rows = made(first)
        done = engine.run("load", write(form, name, rows))
        if done.returncode != 0:
            fault(f"{name}: exit code {done.returncode}: {(done.stderr + done.stdout)[-600:]}")
        stored, before = held(first), faults
        for row in rows:
            there = stored.get(row[places["id"]])
            if there is None:
                fault(f"{name}: row {row[places['id']]} is not there")
                continue
            for column, kind, meant, value in zip(columns, kinds, row, there):
                if meant != value and not (meant is None and not kind.null):
                    fault(f"{name}: {column} {kind.name}: {meant!r} became {value!r}")
        print(f"load-checks: {name}: {len(stored)} rows are there, {faults - before} faults")

    for turn, (form, name) in enumerate([("csv", "d.csv"), ("tsv", "d.tsv"), ("jsonl", "d.jsonl")], len(names) + 1):
        first, rejected, before = turn * SPAN, 0, faults
        rows, texts, hurt = made(first), [], {}
        for row in rows:
            text = [kind.spelled(value) for kind, value in zip(kinds, row)]
            place = chance.choice([place for place in range(len(columns)) if columns[place] != "id"])
            text[place] = damaged(text[place], chance)
            if text[place].strip() == "\\N" and kinds[place].name == "String":
                text[place] = "x"
            hurt[row[places["id"]]] = (place, text[place])
            texts.append(text)
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            if form == "jsonl":
                for text in texts:
                    file.write(json.dumps(dict(zip(columns, text))) + "\n")
            else:
                file.write((as_csv if form == "csv" else as_tsv)(columns, texts))
        done = engine.run("load", "--max-rejects", "100%", path)
        if done.returncode not in (0, 3):
            fault(f"{name}: exit code {done.returncode}: {(done.stderr + done.stdout)[-600:]}")
        stored = held(first)
        for row in rows:
            number = row[places["id"]]
            there, (place, text) = stored.get(number), hurt[number]
            if there is None:
                rejected += 1
                continue
            for at, (kind, meant, value) in enumerate(zip(kinds, row, there)):
                could = kind.meant(text) if at == place else [meant]
                if value not in could and not (value is None and kind.null and text.strip() == "" and at == place):
                    fault(f"{name}: {columns[at]} {kind.name}: {text if at == place else meant!r} became {value!r}")
        told = re.search(r"(\d+) rejected", done.stdout + done.stderr)
        if told is None or int(told[1]) != rejected:
            fault(f"{name}: {rejected} rows are not there, the summary says {told and told[0]}")
        print(f"load-checks: {name}: of {len(rows)} damaged rows {rejected} were rejected, {faults - before} faults")
    print(f"load-checks: seed {seed}, {faults} faults")
    return 1 if faults else 0


def main():
    """Starts the engine, checks, and stops it."""
    folder = sys.argv[2]
    engine = Engine(os.path.abspath(sys.argv[1]), folder)
    try:
        return check(engine, folder, int(sys.argv[3]) if len(sys.argv) > 3 else 20260712)
    finally:
        engine.stop()


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"load-checks: {time.monotonic() - began:.0f} s")
    sys.exit(code)
