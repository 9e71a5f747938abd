"""Inside: waits for a message of the reader's over the broker's TLS, as the user "audit".

listen.py TOPIC WORD    prints the first message of TOPIC that holds WORD; exit 1 after a minute without
"""

import ssl
import sys
from queue import Empty, SimpleQueue
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

topic, word = sys.argv[1:3]
found: SimpleQueue[str] = SimpleQueue()
client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
client.username_pw_set("audit", "another")
client.tls_set_context(ssl.create_default_context(cafile="/etc/mosquitto/edgeface/ca.pem"))
client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)


def hear(_client: Client, _data: object, message: Any) -> None:
    text = message.payload.decode()
    if word in text:
        found.put(text)


client.on_message = hear
client.connect("localhost", 8883)
client.loop_start()
try:
    print(found.get(timeout=60))
except Empty:
    sys.exit(f"nothing on {topic} with {word}")
