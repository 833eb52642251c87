"""What to try next: addresses, keys, and commands that work as they are printed."""

from unbind_broker.demo.carrier import Standing
from unbind_broker.demo.screen import Screen

OTHER_NUMBER = "+8613800005678"
"""Also made up; nobody has told yet who holds it since when."""

_ASK = """curl -sS {url}/v1/{path} \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json"{more} \\
  -d "{{\\"number\\": \\"{number}\\", \\"owner_since\\": \\"2025-03-01\\",
       \\"consent\\": {{\\"method\\": \\"sms_otp\\",
                   \\"at\\": \\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\\"}}}}\""""
_READ = 'curl -sS {url}{path} -H "Authorization: Bearer {key}"'


def show_farewell(
    screen: Screen, url: str, keys: dict[str, str], order: Standing
) -> None:
    """Print what a person at the keyboard can do now."""
    screen.head("It stays up. Ctrl-C ends it.")
    screen.say(f"API          {url}")
    screen.say(f"Documents    {url}/docs")
    screen.say("Keys, valid until it ends:")
    for role, key in keys.items():
        screen.say(f"  {role:10} {key}")
    carrier, admin, platform = keys["carrier"], keys["admin"], keys["platform"]
    order_path = f"/v1/orders/{order.order.id}"
    commands = {
        "Ask which bindings a number has, and wait for the answers": _ASK.format(
            url=url,
            path="queries",
            key=carrier,
            number=OTHER_NUMBER,
            more=' \\\n  -H "Prefer: wait=10"',
        ),
        "Have them detached": _ASK.format(
            url=url, path="orders", key=carrier, number=OTHER_NUMBER, more=""
        ),
        "Read the order again": _READ.format(url=url, path=order_path, key=carrier),
        "See whom you speak for": _READ.format(url=url, path="/v1/me", key=platform),
        "List the platforms as administrator": _READ.format(
            url=url, path="/v1/admin/platforms", key=admin
        ),
    }
    for title, command in commands.items():
        screen.head(f"# {title}")
        print(command, flush=True)
