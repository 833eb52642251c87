"""Keys that only tests use."""

from unbind_broker.base.broker_key import BrokerKey
from unbind_broker.base.sealing import BlindIndex, Sealer, SecretKey

SEALER = Sealer([SecretKey(b"a sealing key of thirty-two byte")])
BLIND_INDEX = BlindIndex(SecretKey(b"an index key of thirty-two bytes"))
BROKER_KEY = BrokerKey(SecretKey(b"a signing key of thirty-two byte"))
