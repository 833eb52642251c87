"""The page's verification in Go and Java takes what is signed, and nothing else."""

import json
import os
import shutil
import subprocess
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.docs.pages import blocks_of
from unbind_broker.base.signing import sign_v1
from unbind_broker.base.signing_keys import Secret

PATIENCE = 100
SECRET = Secret(bytes(range(32)))
OTHER = Secret(bytes(32))
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = '{"号码": "test",  "n": 2432232314}'.encode()
# The vector of the Standard Webhooks specification.
SPECIFIED = (
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ID,
    "1614265330",
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    b'{"test": 2432232314}',
    1614265330,
)
Vector = tuple[str, str, str, str, bytes, int]

GO = """package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\\t")
		body, _ := base64.StdEncoding.DecodeString(f[4])
		now, _ := strconv.ParseInt(f[5], 10, 64)
		fmt.Println(Holds(f[0], f[1], f[2], f[3], body, time.Unix(now, 0)))
	}
}
"""
JAVA = """import java.time.Instant;
import java.util.Base64;
import java.util.Scanner;

class Main {
    public static void main(String[] none) throws Exception {
        Scanner lines = new Scanner(System.in, "UTF-8");
        while (lines.hasNextLine()) {
            String[] f = lines.nextLine().split("\\t", -1);
            byte[] body = Base64.getDecoder().decode(f[4]);
            Instant now = Instant.ofEpochSecond(Long.parseLong(f[5]));
            System.out.println(Webhooks.holds(f[0], f[1], f[2], f[3], body, now));
        }
    }
}
"""


def vectors() -> list[tuple[Vector, bool]]:
    """Give what is to be taken and what is not."""
    right = sign_v1([SECRET], ID, NOW, BODY)
    stranger = sign_v1([OTHER], ID, NOW, BODY)
    secret, at = SECRET.text, int(NOW.timestamp())

    def made(
        signature: str = right,
        *,
        webhook_id: str = ID,
        stamp: str = str(at),
        body: bytes = BODY,
        seconds: int = 0,
    ) -> Vector:
        return (secret, webhook_id, stamp, signature, body, at + seconds)

    return [
        (SPECIFIED, True),
        (made(), True),
        (made(f"{stranger} {right}"), True),
        (made(f"{right} {stranger}"), True),
        (made(f"v1a,abc {right} v9,abc"), True),
        (made(seconds=299), True),
        (made(seconds=-299), True),
        (made(seconds=301), False),
        (made(seconds=-301), False),
        (made(stranger), False),
        (made(right.replace("v1,", "v9,")), False),
        (made(right.removeprefix("v1,")), False),
        (made(right[:-2]), False),
        (made(right.upper()), False),
        (made(""), False),
        (made("v1,"), False),
        (made(webhook_id="msg_other"), False),
        (made(stamp=str(at - 1)), False),
        (made(stamp=""), False),
        (made(stamp="soon"), False),
        (made(stamp=f"{at}.0"), False),
        (made(stamp="-9223372036854775808"), False),
        (made(stamp="99999999999999999999"), False),
        (made(body=BODY + b" "), False),
        (made(body=json.dumps(json.loads(BODY)).encode()), False),
        (made(sign_v1([SECRET], ID, NOW + timedelta(seconds=1), BODY)), False),
    ]


def sample(kind: str) -> str:
    found = [block.text for block in blocks_of("docs/platforms.md")]
    (text,) = (text for text in found if text.startswith(f"// {kind}\n"))
    return text


def judged(folder: Path, *commands: list[str]) -> list[bool]:
    """Run commands one after the other; the last one reads the vectors."""
    written = "".join(
        "\t".join((*(v[:4]), b64encode(v[4]).decode(), str(v[5]))) + "\n"
        for v, _ in vectors()
    )
    told = ""
    for command in commands:
        told = subprocess.run(
            command,
            cwd=folder,
            input=written,
            env={**os.environ, "HOME": str(folder), "GO111MODULE": "off"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        ).stdout
    return [line == "true" for line in told.split()]


def test_go_takes_what_is_signed_and_nothing_else(tmp_path: Path) -> None:
    if shutil.which("go") is None:
        pytest.skip("there is no Go on this machine")
    (tmp_path / "verify.go").write_text(sample("verify.go"))
    (tmp_path / "main.go").write_text(GO)
    found = judged(
        tmp_path, ["go", "build", "-o", "check", "main.go", "verify.go"], ["./check"]
    )
    assert found == [fits for _, fits in vectors()]


def test_java_takes_what_is_signed_and_nothing_else(tmp_path: Path) -> None:
    if shutil.which("javac") is None:
        pytest.skip("there is no Java compiler on this machine")
    (tmp_path / "Webhooks.java").write_text(sample("Webhooks.java"))
    (tmp_path / "Main.java").write_text(JAVA)
    found = judged(
        tmp_path,
        ["javac", "-encoding", "UTF-8", "Main.java", "Webhooks.java"],
        ["java", "-cp", ".", "Main"],
    )
    assert found == [fits for _, fits in vectors()]
