#!/usr/bin/env python3
"""Does the time of a refused login tell whether the login exists?

Sends wrong logins, wrong passwords and (with --denied) right passwords from a wrong address to a running cdrscope, one after
the other in turns, and prints the median time of each. Start the service with CDRSCOPE_AUTH_LOGIN_ATTEMPTS_PER_MINUTE=0, or
it refuses them unchecked:

    scripts/login-timing.py http://127.0.0.1:8080 ann --tries 200
    scripts/login-timing.py http://127.0.0.1:8080 ann --denied bob --password PASSWORD

Ends with 1 if two medians differ by more than 5 %.
"""

import argparse
import http.client
import json
import statistics
import sys
import time
import urllib.parse

PATH = "/api/rest/customer/v1/auth"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", help="where cdrscope listens")
    parser.add_argument("login", help="a login that exists")
    parser.add_argument("--denied", help="a login whose allowed_ips leave this machine out")
    parser.add_argument("--password", default="", help="the password of --denied")
    parser.add_argument("--tries", type=int, default=200, help="tries of each kind")
    args = parser.parse_args()

    kinds = {
        "wrong login": lambda i: (f"nobody-{i}", "wrong password"),
        "wrong password": lambda i: (args.login, f"wrong password {i}"),
    }
    if args.denied:
        kinds["wrong address"] = lambda i: (args.denied, args.password)

    connection = http.client.HTTPConnection(urllib.parse.urlsplit(args.url).netloc, timeout=30)
    times = {kind: [] for kind in kinds}
    answers = set()
    for i in range(-5, args.tries):  # the first few warm caches and are not counted
        for kind, attempt in kinds.items():
            login, password = attempt(i)
            body = json.dumps({"auth": {"login": login, "password": password}})
            start = time.perf_counter()
            connection.request("POST", PATH, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answers.add((response.status, response.read()))
            if i >= 0:
                times[kind].append(time.perf_counter() - start)

    if len(answers) != 1 or next(iter(answers))[0] != 401:
        sys.exit(f"not one answer to all: {answers}")
    medians = {kind: statistics.median(all_times) for kind, all_times in times.items()}
    for kind, median in medians.items():
        print(f"{kind:15} median {median * 1000:.3f} ms of {args.tries}")
    spread = max(medians.values()) / min(medians.values()) - 1
    print(f"apart by {spread * 100:.2f} %")
    sys.exit(spread > 0.05)


if __name__ == "__main__":
    main()
