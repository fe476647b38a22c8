"""Has the service bring recurring files to moto, an S3 server, through a relay that fails when it is told to.

An object has to hold the bytes of the same question over HTTP, and to be there whole or not at all: whether the store is down,
hangs, refuses the keys, has no such bucket or dies within an upload, and whether the service is stopped or killed.

    store_checks.py PROGRAM FOLDER
"""

import contextlib
import glob
import hashlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import boto3
import botocore.exceptions

CALLS = 90000
BUCKET, PREFIX = "month-end", "of/the=operator"
PART = 8 << 20
RECURRING = [
    {"name": "calls", "operator": True, "report": "cdrs", "every": "week", "at": "00:00", "format": "ndjson"},
    {"name": "shares", "operator": True, "report": "breakdown", "parameters": "group-by=customer", "every": "day", "at": "00:00"},
]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(what, ask, seconds=90):
    """What `ask` gives, once it gives something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := ask():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


class Relay:
    """Passes requests on to the store, one connection a thread, or does what `mode` says.

    pass: nothing else. hang: no answer to anything. part: no answer to the second part. cut: the connection ends there, with
    each try. die: from there on nobody listens.
    """

    def __init__(self, store):
        self.store, self.mode, self.parts, self.puts = store, "pass", 0, 0
        self.port = free_port()
        self.listener = None
        self.listen()

    def listen(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen()
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        if self.listener:
            # A thread that waits in accept keeps the socket, closing alone does not wake it.
            with contextlib.suppress(OSError):
                self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            self.listener = None

    def set(self, mode):
        self.mode, self.parts, self.puts = mode, 0, 0
        if mode == "down":
            self.close()
        elif not self.listener:
            self.listen()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.store)) as store, contextlib.suppress(OSError):
            while True:
                ready, _, _ = select.select([client, store], [], [])
                for end in ready:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    if end is client and not self.passes(data):
                        return
                    (store if end is client else client).sendall(data)

    def passes(self, data):
        """False where the connection ends here. A request's head is in one piece of data."""
        head = re.match(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n", data)
        if self.mode == "hang":
            time.sleep(600)
        if not head:
            return True
        self.puts += head[1] == b"PUT"
        if b"partNumber=2&" not in head[2]:
            self.parts += b"partNumber=" in head[2]
            return True
        self.parts += 1
        if self.mode == "part":
            time.sleep(600)
        if self.mode == "die":
            self.set("down")
        return self.mode not in ("cut", "down")


class Store:
    """moto, with a bucket and a user whose signatures it checks."""

    def __init__(self, folder):
        self.port = free_port()
        moto = os.path.join(os.path.dirname(sys.executable), "moto_server")
        log = open(os.path.join(folder, "moto.log"), "w")
        self.process = subprocess.Popen([moto, "-H", "127.0.0.1", "-p", str(self.port)], stdout=log, stderr=log)
        self.url = f"http://127.0.0.1:{self.port}"

    def prepare(self):
        eventually("moto answers", self.answers)
        root = self.client("iam", "root", "root")
        root.create_user(UserName="cdrscope")
        key = root.create_access_key(UserName="cdrscope")["AccessKey"]
        self.id, self.key = key["AccessKeyId"], key["SecretAccessKey"]
        rights = ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": rights, "Resource": "*"}]}
        root.put_user_policy(UserName="cdrscope", PolicyName="files", PolicyDocument=json.dumps(policy))
        self.client("s3", "root", "root").create_bucket(Bucket=BUCKET)
        # From here on it checks every request.
        plain = {"Content-Type": "text/plain"}
        reset = urllib.request.Request(self.url + "/moto-api/reset-auth", data=b"0", headers=plain, method="POST")
        urllib.request.urlopen(reset, timeout=10)
        self.s3 = self.client("s3", self.id, self.key)

    def answers(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(self.url + "/moto-api/data.json", timeout=5).read()

    def client(self, service, key_id, key):
        return boto3.client(
            service, endpoint_url=self.url, aws_access_key_id=key_id, aws_secret_access_key=key, region_name="us-east-1"
        )

    def objects(self):
        found = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {one["Key"]: (one["ETag"], str(one["LastModified"])) for one in found}

    def object(self, name):
        keys = [key for key in self.objects() if key.startswith(f"{PREFIX}/{name}_")]
        return self.s3.get_object(Bucket=BUCKET, Key=keys[0]) | {"Key": keys[0]} if keys else None

    def uploads(self):
        return self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])

    def clear(self, name):
        if found := self.object(name):
            self.s3.delete_object(Bucket=BUCKET, Key=found["Key"])


class Service:
    def __init__(self, program, folder, store, relay):
        self.program, self.folder, self.process = program, folder, None
        self.exports = os.path.join(folder, "exports")
        self.log_path = os.path.join(folder, "service.log")
        to = f"s3://{BUCKET}/{PREFIX}"
        self.secrets = [store.key]
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("CDRSCOPE_", "AWS_"))} | {
            "CDRSCOPE_ENGINE_DATA_DIR": os.path.join(folder, "data"),
            "CDRSCOPE_HTTP_LISTEN": "127.0.0.1:0",
            "CDRSCOPE_EXPORTS_DIR": self.exports,
            "CDRSCOPE_EXPORTS_RECURRING": json.dumps([one | {"to": to} for one in RECURRING]),
            "CDRSCOPE_S3_ENDPOINT": f"http://127.0.0.1:{relay.port}",
            "CDRSCOPE_S3_REQUEST_SECONDS": "2",
            "AWS_ACCESS_KEY_ID": store.id,
            "AWS_SECRET_ACCESS_KEY": store.key,
        }

    def start(self, **more):
        out_path = os.path.join(self.folder, "service.out")
        with open(self.log_path, "w") as log, open(out_path, "w") as out:
            self.process = subprocess.Popen(
                [self.program, "serve", "--demo", "--demo-calls", str(CALLS)],
                env=self.environment | more, stdout=out, stderr=log,
            )
        match = eventually("the service listens", lambda: self.logged(r"listening on (\S+)") or self.process.poll(), 240)
        assert not isinstance(match, int), f"the service ended with {match}: {self.text()}"
        self.url = match[1]

        def tokens():
            with open(out_path) as out:
                found = re.findall(r"^eyJ\S+$", out.read(), re.M)
            return found if len(found) > 1 else None

        # They are printed when all calls are made.
        self.operator_token = eventually("tokens", tokens, 240)[1]

    def text(self):
        with open(self.log_path) as log:
            return log.read()

    def logged(self, pattern):
        return re.search(pattern, self.text())

    def end(self, how=signal.SIGTERM):
        """Seconds until it has ended."""
        begun = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(timeout=60)
        for secret in self.secrets:
            assert secret not in self.text(), "the log holds a key"
        self.process = None
        return time.monotonic() - begun

    def jobs(self, name):
        jobs = []
        for path in glob.glob(os.path.join(self.exports, "*.json")):
            with open(path) as record:
                text = record.read()
            assert not any(secret in text for secret in self.secrets), "a record holds a key"
            job = json.loads(text)
            if job["owner"] == f"recurring:{name}":
                jobs.append(job | {"path": path})
        return jobs

    def done(self, name):
        return [job for job in self.jobs(name) if job["state"] == "done"]

    def age(self):
        """Failures of an hour ago: they are tried again at once."""
        for job in self.jobs("calls") + self.jobs("shares"):
            if job["state"] == "failed":
                path = job.pop("path")
                with open(path, "w") as record:
                    json.dump(job | {"finished": job["finished"] - 3600}, record)

    def forget(self):
        """As with a new folder: no record says what was made."""
        for path in glob.glob(os.path.join(self.exports, "*.json")):
            os.remove(path)

    def check(self, **more):
        begun = time.monotonic()
        done = subprocess.run(
            [self.program, "check"], env=self.environment | {"CDRSCOPE_AUTH_SECRET": "fN2k" * 8 + "x9Q1"} | more,
            capture_output=True, text=True, timeout=120,
        )
        text = done.stdout + done.stderr
        assert not any(secret in text for secret in self.secrets), text
        return done.returncode, text, time.monotonic() - begun


def same_over_http(service, job):
    query = job["asked"]["question"]
    request = urllib.request.Request(
        f"{service.url}/api/rest/operator/v1/{job['asked']['report']}?{query}", headers={"Authorization": service.operator_token}
    )
    with urllib.request.urlopen(request, timeout=120) as response:
        return response.read(), response.headers


def main(program, folder):
    store = Store(folder)
    try:
        store.prepare()
        relay = Relay(store.port)
        service = Service(program, folder, store, relay)
        try:
            checks(store, relay, service)
        except BaseException:
            if service.process:
                print(service.text()[-6000:], file=sys.stderr)
            raise
        finally:
            if service.process:
                service.process.kill()
                service.process.wait()
    finally:
        store.process.terminate()
        store.process.wait()


def say(text):
    print(f"store-checks: {text}", flush=True)


def checks(store, relay, service):
    # It listens before its calls are made, and files of fewer calls would be made meanwhile.
    service.start(CDRSCOPE_EXPORTS_RECURRING="")
    service.end()
    service.start()
    eventually("two objects", lambda: len(store.objects()) == 2)
    eventually("two records", lambda: service.done("calls") and service.done("shares"))
    assert relay.parts >= 2, "the long file was sent in parts"
    before, records = store.objects(), {name: service.done(name)[0] for name in ("calls", "shares")}
    service.end()
    service.start()
    for name, job in records.items():
        found = store.object(name)
        body = found["Body"].read()
        wanted, headers = same_over_http(service, job)
        assert body == wanted, f"{name}: the object differs from the answer over HTTP"
        assert found["ContentType"] == headers["content-type"], found["ContentType"]
        assert found["ContentDisposition"] == headers["content-disposition"], found["ContentDisposition"]
        sha256 = hashlib.sha256(body).hexdigest()
        assert found["Metadata"]["sha256"] == job["sha256"] == sha256, name
        assert job["bytes"] == len(body), name
        if name == "calls":
            assert len(body) > PART, f"{len(body)} bytes are one part"
            whole = body
        say(f"{name}: {len(body)} bytes as over HTTP, at {found['Key']}")
    # Long enough for a look at what is due.
    time.sleep(3)
    service.end()
    assert store.objects() == before and not store.uploads(), "what was made once is made again"

    # Somebody else's object stays; a store that cuts the second part off gets the first one taken away.
    key = store.object("shares")["Key"]
    store.s3.put_object(Bucket=BUCKET, Key=key, Body=b"somebody's")
    store.clear("calls")
    for mode, told in [
        ("cut", r"exports\.recurring: calls: s3://month-end/\S+: http://127\.0\.0\.1:\d+ cannot be reached: "),
        ("part", r"exports\.recurring: calls: s3://month-end/\S+: http://127\.0\.0\.1:\d+ has not answered within 2 s"),
        ("hang", r"exports\.recurring: calls: s3://month-end/\S+: http://127\.0\.0\.1:\d+ has not answered within 2 s"),
        ("down", r"exports\.recurring: calls: s3://month-end/\S+: http://127\.0\.0\.1:\d+ cannot be reached: "),
        ("die", r"exports\.recurring: calls: s3://month-end/\S+: http://127\.0\.0\.1:\d+ cannot be reached: "),
    ]:
        service.forget()
        relay.set(mode)
        service.start()
        eventually(f"{mode}: {told}", lambda: service.logged(told))
        eventually(f"{mode}: the job has failed", lambda: [job for job in service.jobs("calls") if job["state"] == "failed"])
        if mode in ("cut", "part"):
            eventually("the other object is told", lambda: service.logged(r"exports\.recurring: shares: \S+ is there already and is left as it is"))
            assert not store.uploads(), "parts stay"
        assert not store.object("calls"), mode
        took = service.end()
        relay.set("pass")
        service.age()
        service.start()
        eventually(f"the object, tried again after {mode}", lambda: store.object("calls"))
        eventually("its record", lambda: service.done("calls"))
        assert store.object("calls")["Body"].read() == whole, mode
        assert not store.uploads(), f"{mode}: parts stay"
        service.end()
        store.clear("calls")
        say(f"{mode}: told, nothing was there, and made when it was tried again (stopped within {took:.1f} s)")
    assert store.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"somebody's"

    # Keys that are refused, and a bucket that is not there.
    elsewhere = json.dumps([one | {"to": "s3://nowhere-at-all/x"} for one in RECURRING])
    for more, told, advice in [
        ({"AWS_SECRET_ACCESS_KEY": "wrong" * 8}, "403 SignatureDoesNotMatch: ", "s3.access_key_id"),
        ({"AWS_ACCESS_KEY_ID": "AKIANOBODY"}, "403 InvalidAccessKeyId: ", "s3.access_key_id"),
        ({"CDRSCOPE_EXPORTS_RECURRING": elsewhere}, "404 NoSuchBucket: ", "make the bucket"),
    ]:
        service.forget()
        service.start(**more)
        line = rf"exports\.recurring: calls: s3://\S+: {told}.*{advice}"
        eventually(line, lambda: service.logged(line))
        eventually("the job has failed", lambda: [job for job in service.jobs("calls") if job["state"] == "failed"])
        service.end()
        assert not store.object("calls") and not store.uploads(), told
        code, text, took = service.check(**more)
        line = rf"WRONG  bucket of the recurring export calls: s3://\S+: {told}.*{advice}"
        assert code == 1 and re.search(line, text), text
        assert took < 60, took
        say(f"refused: {told.strip(': ')}")
    code, text, _ = service.check()
    assert f"ok     bucket of the recurring export calls: s3://{BUCKET}/{PREFIX}" in text, text
    relay.set("hang")
    code, text, took = service.check()
    assert code == 1 and "has not answered within 2 s: look at s3.endpoint" in text and took < 60, (took, text)
    relay.set("pass")

    # A service that is stopped, and one that is killed, within the second part.
    for how in (signal.SIGTERM, signal.SIGKILL):
        service.forget()
        relay.set("part")
        service.start(CDRSCOPE_S3_REQUEST_SECONDS="60")
        eventually("the second part", lambda: relay.parts >= 2)
        assert len(store.uploads()) == 1 and not store.object("calls")
        took = service.end(how)
        left = len(store.uploads())
        assert left == (0 if how == signal.SIGTERM else 1), f"{how}: {left} uploads"
        assert took < 10, took
        relay.set("pass")
        service.start()
        eventually("the object", lambda: store.object("calls"))
        eventually("its record", lambda: service.done("calls"))
        assert store.object("calls")["Body"].read() == whole
        assert not store.uploads(), "parts of the service that was killed stay"
        made = store.objects()
        time.sleep(3)
        service.end()
        assert store.objects() == made, "made twice"
        store.clear("calls")
        say(f"{how.name}: begun again, made once, nothing is left of the first try")


if __name__ == "__main__":
    # What was started ends in either case.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main(*sys.argv[1:])
