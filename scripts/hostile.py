#!/usr/bin/env python3
"""What a hostile customer does to a quiet one.

Starts cdrscope over made-up calls, lets a quiet customer ask once a second, first alone and then beside each attack of a hostile
customer, and prints the quiet one's times, its errors, and the most memory that the service and ClickHouse took.

    scripts/hostile.py target/release/cdrscope --seconds 60
    scripts/hostile.py target/release/cdrscope --only 3,7 --seconds 20 --data /tmp/hostile-data
    scripts/hostile.py target/release/cdrscope --leave 50     # time from a caller's FIN to the end of its query

Everything runs on loopback and ends by itself. Needs Python alone, and the packages brotli for attack 1.
"""

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import multiprocessing
import os
import re
import resource
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import zlib

API = "/api/rest/customer/v1"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def sign(secret, customer):
    claims = {"aud": ["customer-v1"], "sub": "D", "exp": int(time.time()) + 86400, "iat": int(time.time()),
              "cfg": {"customer_id": customer}}
    text = b64(b'{"alg":"HS256","typ":"JWT"}') + b"." + b64(json.dumps(claims).encode())
    return (text + b"." + b64(hmac.new(secret.encode(), text, hashlib.sha256).digest())).decode()


class Service:
    """cdrscope with its embedded engine."""

    def __init__(self, program, data, calls, settings, files):
        self.secret = secrets.token_hex(32)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CDRSCOPE_")}
        environment |= {"CDRSCOPE_AUTH_SECRET": self.secret} | settings
        log = open(os.path.join(data, "service.log"), "w+")
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
        self.process = subprocess.Popen(
            [program, "serve", "--demo", "--demo-calls", str(calls), "--http-listen", "127.0.0.1:0", "--engine-data-dir",
             os.path.join(data, "engine")],
            env=environment, stdout=subprocess.DEVNULL, stderr=log, preexec_fn=limit)
        deadline = time.time() + 900
        self.port = None
        while time.time() < deadline and self.process.poll() is None:
            said = open(log.name).read()
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", said)
            if found and re.search("the demo's calls are made|CDRs already", said):
                self.port = int(found[1])
                break
            time.sleep(0.2)
        if not self.port:
            sys.exit("the service did not start: " + open(log.name).read()[-2000:])
        self.access = json.load(open(os.path.join(data, "engine", "access.json")))
        children = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()
        self.engine = int(children[0]) if children else None
        if not self.engine:
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    stat = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                if int(stat[1]) == self.process.pid:
                    self.engine = int(pid)

    def sql(self, text):
        url = urllib.parse.urlsplit(self.access["url"])
        connection = http.client.HTTPConnection(url.netloc, timeout=60)
        admin = self.access["admin"]
        headers = {"X-ClickHouse-User": admin["user"], "X-ClickHouse-Key": admin["password"]} | self.access.get("headers", {})
        connection.request("POST", self.access.get("path", "/"), text.encode(), headers)
        reply = connection.getresponse()
        body = reply.read().decode()
        connection.close()
        if reply.status != 200:
            raise RuntimeError(body)
        return body

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def resident(pid):
    """Megabytes."""
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


class Customer:
    def __init__(self, service, customer):
        rows = service.sql("SELECT uuid, id FROM cdrscope.accounts WHERE customer_id = %d ORDER BY id" % customer)
        self.accounts = [line.split("\t")[0] for line in rows.splitlines()]
        self.token = sign(service.secret, customer)
        self.port = service.port

    def head(self, path, method="GET", extra=""):
        return f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {self.token}\r\n{extra}\r\n".encode()

    def ask(self, path, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"Authorization": self.token})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def post(self, path, body, headers=None, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("POST", path, body, {"Authorization": self.token, "Content-Type": "application/json"} | (headers or {}))
            reply = connection.getresponse()
            return reply.status, reply.read(200)
        finally:
            connection.close()

    def statistics(self, more="", days=28, sampling="15minutes", report="origination-statistics-quality"):
        now = int(time.time())
        return f"{API}/{report}?account-id={self.accounts[0]}&from-time={now - days * 86400}&to-time={now}&sampling={sampling}{more}"


def socket_to(port, data):
    stream = socket.create_connection(("127.0.0.1", port), timeout=10)
    stream.sendall(data)
    return stream


def together(count, work, until):
    """`work` again and again from so many threads."""
    def run(number):
        while time.time() < until:
            try:
                work(number)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads


def grafana(targets, range_days=1, filters=(), points=0):
    now = time.time()
    stamp = lambda t: time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(t))
    return json.dumps({"range": {"from": stamp(now - range_days * 86400), "to": stamp(now)}, "intervalMs": 0,
                       "maxDataPoints": points, "targets": targets, "filters": list(filters), "adhocFilters": list(filters)})


def attack_1(who, until):
    try:
        import brotli
        bomb, coding = brotli.compress(bytes(512 << 20), quality=5), "br"
    except ImportError:
        packer = zlib.compressobj(9, wbits=31)
        bomb, coding = b"".join(packer.compress(bytes(1 << 20)) for _ in range(512)) + packer.flush(), "gzip"
    return together(4, lambda _: who.post("/grafana/query", bomb, {"Content-Encoding": coding}), until)


def attack_2(who, until):
    filters = [{"key": "dst-prefix-routing", "operator": "=~", "value": r"\w{200}"}] * 10
    targets = [{"refId": str(n), "target": "asr", "payload": {}} for n in range(10)]
    body = grafana(targets, 1, filters)
    wide = grafana(targets * 2, 1, [{"key": f"k{n}", "operator": "=", "value": "x"} for n in range(15000)])
    return together(4, lambda n: who.post("/grafana/query", body if n < 3 else wide), until)


def attack_3(who, until):
    def work(number):
        count = 1000 if number == 0 else 200
        values = ",".join(str(secrets.randbelow(10**6) + 10**6) for _ in range(count))
        who.ask(who.statistics(f"&dst-prefix-routing-starts-with={values}"))
    return together(4, work, until)


def attack_4(who, until):
    live = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nG"
    def work(_):
        held = []
        try:
            for _ in range(249):
                held.append(socket_to(who.port, live))
            time.sleep(2)
        finally:
            for stream in held:
                stream.close()
    return together(4, work, until)


def attack_5(who, until):
    path = who.statistics(days=100, sampling="minute")
    body = grafana([{"refId": "A", "target": "calls", "payload": {"sampling": "1m"}}], 100).encode()
    ask = who.head("/grafana/query", "POST", f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n") + body
    def work(number):
        with socket_to(who.port, who.head(path) if number < 56 else ask):
            time.sleep(max(0.0, min(15.0, until - time.time())))
    return together(64, work, until)


def slow(who):
    """A question that nothing remembers and no rollup answers."""
    return who.statistics(f"&dst-prefix-routing-contains={secrets.randbelow(10**9)}", days=28, sampling="minute")


def attack_6(who, until):
    def work(_):
        socket_to(who.port, who.head(slow(who))).close()
        time.sleep(0.02)
    return together(4, work, until)


def attack_7(who, until):
    return together(48, lambda _: who.ask(slow(who)), until)


def attack_8(who, until):
    target = {"refId": "A", "target": "calls", "payload": {"account": who.accounts[:3], "sampling": "1m"}}
    body = grafana([target], 687)
    return together(2, lambda _: who.post("/grafana/query", body), until)


ATTACKS = {1: attack_1, 2: attack_2, 3: attack_3, 4: attack_4, 5: attack_5, 6: attack_6, 7: attack_7, 8: attack_8}
NAMES = {1: "body that inflates", 2: "patterns and filters", 3: "lists of prefixes", 4: "silent connections",
         5: "readers that stall", 6: "sent and closed", 7: "48 slow queries", 8: "990,000 minutes in Grafana"}


def attacker(number, who, until):
    """The attack, in a process of its own: neither the interpreter nor, at a low priority, the processor is shared with the
    quiet customer, as if the attacker sat at another machine."""
    def run():
        os.nice(15)
        for thread in ATTACKS[number](who, until):
            thread.join(max(0.0, until - time.time()))
        os._exit(0)
    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process


def watch(service, quiet, seconds, peaks):
    """The quiet customer's times in milliseconds, and its errors."""
    times, errors = [], {}
    end = time.time() + seconds
    while time.time() < end:
        start = time.time()
        try:
            status, _ = quiet.ask(quiet.statistics(days=1, sampling="minute"), timeout=30)
            if status != 200:
                errors[status] = errors.get(status, 0) + 1
        except (OSError, http.client.HTTPException) as error:
            errors[type(error).__name__] = errors.get(type(error).__name__, 0) + 1
        times.append((time.time() - start) * 1000)
        for name, pid in (("service", service.process.pid), ("engine", service.engine)):
            try:
                peaks[name] = max(peaks.get(name, 0), resident(pid))
            except OSError:
                errors[f"{name} gone"] = 1
        time.sleep(max(0, 1 - (time.time() - start)))
    return times, errors


def quantile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def leave(service, who, tries):
    """Milliseconds from FIN to the end of the query in ClickHouse."""
    took = []
    for _ in range(tries):
        stream = socket_to(service.port, who.head(slow(who).replace("sampling=minute", "sampling=minute&src-prefix-routing-contains=77")))
        running = "SELECT count() FROM system.processes WHERE Settings['log_comment'] = 'origination-statistics-quality'"
        for _ in range(2000):
            if int(service.sql(running)):
                break
        else:
            continue
        start = time.time()
        stream.close()
        while int(service.sql(running)):
            pass
        took.append((time.time() - start) * 1000)
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the cdrscope binary")
    parser.add_argument("--seconds", type=int, default=60, help="length of each attack")
    parser.add_argument("--only", default="", help="numbers of attacks, with commas")
    parser.add_argument("--calls", type=int, default=5_000_000, help="made-up calls")
    parser.add_argument("--data", help="a folder for the data, kept for the next run")
    parser.add_argument("--files", type=int, default=0, help="limit of open files for the service")
    parser.add_argument("--leave", type=int, default=0, help="measure so many callers that leave, instead of attacks")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="environment of the service")
    args = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    with tempfile.TemporaryDirectory() as temporary:
        data = args.data or temporary
        os.makedirs(data, exist_ok=True)
        service = Service(args.program, data, args.calls, dict(pair.split("=", 1) for pair in args.set), args.files)
        try:
            rows = service.sql("SELECT customer_id, count() FROM cdrscope.cdrs GROUP BY customer_id ORDER BY count() DESC")
            customers = [int(line.split("\t")[0]) for line in rows.splitlines()]
            loud, quiet = Customer(service, customers[0]), Customer(service, customers[len(customers) // 2])
            if args.leave:
                took = leave(service, loud, args.leave)
                print(f"{len(took)} of {args.leave} tries: median {statistics.median(took):.0f} ms, worst {max(took):.0f} ms")
                return
            print(f"{'attack':28} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8} {'x alone':>8} {'service MB':>10} {'engine MB':>10}  errors")
            peaks = {}
            watch(service, quiet, 3, {})
            times, errors = watch(service, quiet, args.seconds, peaks)
            alone = quantile(times, 0.95)
            print(f"{'(alone)':28} {quantile(times, .5):8.1f} {alone:8.1f} {max(times):8.1f} {1:8.2f} {peaks['service']:10.0f} {peaks['engine']:10.0f}  {errors or ''}", flush=True)
            for number in map(int, filter(None, args.only.split(","))) if args.only else ATTACKS:
                peaks = {}
                attack = attacker(number, loud, time.time() + args.seconds)
                time.sleep(0.5)
                times, errors = watch(service, quiet, args.seconds - 1, peaks)
                p95 = quantile(times, 0.95)
                print(f"{number} {NAMES[number]:26} {quantile(times, .5):8.1f} {p95:8.1f} {max(times):8.1f} {p95 / alone:8.2f} "
                      f"{peaks.get('service', 0):10.0f} {peaks.get('engine', 0):10.0f}  {errors or ''}", flush=True)
                attack.join(5)
                attack.kill()
                time.sleep(3)
        finally:
            service.stop()


if __name__ == "__main__":
    main()
