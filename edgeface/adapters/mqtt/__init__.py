"""The MQTT broker: decisions go out to it, and nothing is ever sent late.

In order of use:

    mqtt_options("mqtts://reader@broker:8883", ...) -> MqttOptions -> MqttPublisher
"""

from edgeface.adapters.mqtt.options import MqttOptions, mqtt_options
from edgeface.adapters.mqtt.publisher import MqttPublisher, check

__all__ = ["MqttOptions", "MqttPublisher", "check", "mqtt_options"]
